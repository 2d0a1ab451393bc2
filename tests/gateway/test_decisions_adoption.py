"""What terminals settled before a restore, taken from their word: once, as it was, and no more."""

import json
from itertools import permutations

import pytest

from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.held_list import waiting
from protocol import codes
from protocol.messages import Reply
from tests.support.backups import back_up
from tests.support.street import JOURNAL, RULES, Street, card_number
from tests.support.till import Till, posted, restored

RICH = 30_000  # 300 yuan at silver: 360 points


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, members=2, terminals=2)


def sound(street: Street) -> None:
    assert run_audit(street.engine, street.keyring, clock=lambda: street.now,
                     rebuild=True).findings == ()


def member(street: Street, place: int = 0) -> tuple:
    """What a member can use, and what it owes."""
    return street.rows("members", "available, debt", "1=1 ORDER BY id")[place]


def flags(street: Street) -> dict[int, list[int]]:
    """By trace, what entries tell of the answer that their terminal held."""
    told = ((int.from_bytes(key[4:], "big"), json.loads(context).get("adopted"))
            for key, context in street.rows("entries", "operation_key, context"))
    return {trace: adopted for trace, adopted in told if adopted}


def lost(street: Street, *acts) -> Till:
    """A till whose terminal did all of it after the backup that is the database now."""
    till = Till(street)
    till.beat()
    name = back_up(street.engine)
    street.later(minutes=1)
    for act in acts:
        act(till)
    street.later(hours=1)
    restored(street, name)
    return till


def test_what_was_approved_is_posted_although_the_points_are_gone(street):
    till = lost(street, lambda till: till.tap(RICH), lambda till: till.redeem(300, 5000),
                lambda till: till.refund(2, amount_minor=2500))
    before = till.settled[2]
    assert (before.code, before.points) == (0, 56 - 300)
    till.kept.pop(1)  # the sale that gave them is lost: its handset has dropped it
    assert till.again(2).code == 0
    assert member(street) == (0, 244)
    assert flags(street) == {2: [before.points, before.receipt]}
    assert till.again(3).code == 0
    assert member(street) == (0, 122), "half of the bill: 150 came back, 28 were taken"
    sound(street)


def test_everything_comes_back_as_it_was_and_each_once(street):
    acts = (lambda till: till.tap(RICH), lambda till: till.redeem(200, 4000),
            lambda till: till.redeem(900, 4000), lambda till: till.refund(2, amount_minor=1000),
            lambda till: till.refund(1, amount_minor=999), lambda till: till.void(4),
            lambda till: till.redeem(100, 500), lambda till: till.void(7))
    till = Till(street)
    till.beat()
    name = back_up(street.engine)
    for act in acts:
        street.later(minutes=1)
        act(till)
    before, stood = member(street), posted(street)
    given = {row[0] for row in street.rows("entries", "id")}
    street.later(hours=1)
    restored(street, name)
    for _ in range(2):
        till.beat()
    assert till.beat().send_again is None
    assert (member(street), posted(street)) == (before, stood)
    assert not given & {row[0] for row in street.rows("entries", "id")}
    assert street.rows("outcomes", "code", "code <> 0") == [(codes.INSUFFICIENT_POINTS,)]
    street.registry.end_recovery()
    assert {trace: till.send(trace).code for trace in till.kept} == {
        trace: reply.code for trace, reply in till.settled.items()}
    assert posted(street) == stood
    sound(street)


def test_in_whatever_order_they_come_they_end_alike(engine):
    orders = list(permutations((2, 3, 4, 5)))[1::2]
    street = Street(engine, members=len(orders), terminals=len(orders))
    tills = [Till(street, place) for place in range(len(orders))]
    name = back_up(engine)
    for place, till in enumerate(tills):
        till.tap(RICH, card=place)
        till.redeem(200, 4000, card=place)
        till.refund(2, amount_minor=1000)
        till.void(3)
        till.refund(2, amount_minor=700)
        assert {reply.code for reply in till.settled.values()} == {0}
    stood = street.rows("members", "available, debt")
    street.later(hours=1)
    restored(street, name)
    for till, order in zip(tills, orders, strict=True):
        till.send(1)
        street.answers(*map(till.retold, order))
        for trace in (*order, *order, *order):  # what has to wait comes again
            till.again(trace)
    # 35 of the points came back, and the rest of 33 yuan of 40 earns 37
    assert set(street.rows("members", "available, debt")) == set(stood) == {(360 - 165 + 37, 0)}
    sound(street)


def test_a_frame_that_came_alone_before_its_answer_changes_nothing(street):
    till = lost(street, lambda till: till.redeem(300, 5000), lambda till: till.redeem(10, 500))
    assert till.settled[1].code == codes.INSUFFICIENT_POINTS
    frame = street.redemption(100, 1000, trace=3)
    till.kept[3] = frame
    assert till.send(3).code == codes.TRY_LATER, "nothing is held to it"
    told = till.telling(frame, 0, 10 - 100, 77)
    assert [answer.code for answer in street.answers(frame, told, frame, told)] == [90, 0, 0, 0]
    assert street.take(told) == street.take(frame)
    assert len(posted(street)) == 1
    sound(street)


def test_what_was_refused_stays_refused_although_there_are_points_now(street):
    till = lost(street, lambda till: till.redeem(300, 5000), lambda till: till.void(1),
                lambda till: till.refund(9, amount_minor=5))
    assert [till.settled[trace].code for trace in (1, 2, 3)] == [
        codes.INSUFFICIENT_POINTS, 0, codes.ORIGINAL_NOT_FOUND]
    street.take(street.sale(RICH, terminal=1))
    assert [till.again(trace).code for trace in (1, 2, 3)] == [
        codes.INSUFFICIENT_POINTS, 0, codes.ORIGINAL_NOT_FOUND]
    assert member(street) == (360, 0)
    sound(street)


def test_what_cannot_be_true_of_a_frame_gets_what_the_frame_gets_alone(street):
    street.take(street.sale(RICH, terminal=1))
    till = lost(street, lambda till: till.redeem(300, 5000))
    lies = [(0, -301), (0, 56), (0, 0), (0, 10**9), (codes.TOO_OLD, -244), (codes.VOIDED, 0),
            (codes.MALFORMED, 0), (codes.TRY_LATER, 0), (200, 0)]
    for code, points in lies:
        told = till.telling(till.kept[1], code, points, 9)
        assert street.take(told).code == codes.TRY_LATER, (code, points)
    assert posted(street)[1:] == []
    street.registry.end_recovery()
    street.take(street.kept(1))
    reply = street.take(till.telling(till.kept[1], *lies[0], 9))
    assert (reply.points, member(street)) == (56 - 300, (116, 0))
    assert flags(street) == {}


def test_what_was_approved_by_rules_that_are_lost_is_not_refused_behind_hqs_back(street):
    name = back_up(street.engine)
    street.registry.add_rule_set(street.programme, RULES._replace(rate_points=3),
                                 to_ms(street.now))
    street.later(minutes=1)
    tills = Till(street), Till(street, 1)
    for place, till in enumerate(tills):
        till.tap(RICH, card=place)
        assert till.redeem(300, 5000, card=place) == 2 and till.settled[2].points == 169 - 300
    street.later(hours=1)
    restored(street, name)
    for till in tills:
        street.take(street.kept(2, terminal=till.place))
    tills[1].send(1)  # 360 by the rules that are left; the other sale is lost
    assert [till.again(2).code for till in tills] == [codes.TRY_LATER] * 2
    street.registry.end_recovery()
    assert [till.again(2).code for till in tills] == [codes.HELD, 0]
    assert [tap.key.trace for tap in waiting(street.intake)] == [2]
    assert (member(street), member(street, 1)) == ((0, 0), (116, 0))
    sound(street)


def test_what_moved_after_a_conflict_is_not_posted_under_its_old_name(street):
    till = lost(street, lambda till: till.redeem(300, 5000))
    street.take(street.sale(RICH, terminal=1))
    street.take(street.kept(1))
    moved = till.telling(till.kept[1], codes.TRACE_CONFLICT, 0, None)
    assert street.take(moved).code == codes.TRACE_CONFLICT
    street.registry.end_recovery()
    assert [street.take(each).code for each in (moved, till.kept[1])] == [codes.TRACE_CONFLICT] * 2
    assert len(posted(street)) == 1 and street.take(street.kept(1)).send_again is None
    rival = street.redemption(100, 5000, trace=1)
    assert street.take(rival).code == 0, "the other frame of that trace is another matter"
    sound(street)


def test_only_after_a_restore_and_for_traces_asked_for_the_word_counts(street):
    till = Till(street)
    frame = street.redemption(300, 5000)
    told = till.telling(frame, 0, 56 - 300, 9)
    assert street.take(told).code == codes.INSUFFICIENT_POINTS
    assert street.take(street.heartbeat(report={8: (JOURNAL, 1, 5)})).send_again is not None
    later = street.redemption(300, 5000, trace=4)
    assert street.take(till.telling(later, 0, 56 - 300, 9)).code == codes.INSUFFICIENT_POINTS
    assert posted(street) == []


def test_what_came_too_late_for_the_recovery_is_adopted_all_the_same(street):
    till = lost(street, lambda till: till.redeem(300, 5000),
                lambda till: till.tap(RICH), lambda till: till.redeem(300, 5000))
    silent = Till(street, 1)
    asked = till.street.take(street.heartbeat(report={8: (JOURNAL, 1, 3)})).send_again
    assert asked == ((JOURNAL, 1, 3),)
    street.registry.end_recovery()
    assert till.again(3).code == 0 and member(street) == (0, 244)
    # a terminal that was not heard before its end is asked then
    silent.kept[1] = street.redemption(100, 500, terminal=1, trace=1)
    told = silent.telling(silent.kept[1], 0, 4 - 100, 9)
    street.take(street.heartbeat(terminal=1, report={8: (JOURNAL, 1, 1)}))
    assert street.take(told).code == 0 and member(street) == (0, 340)
    sound(street)


def test_who_missed_nothing_or_came_later_has_no_word_for_ever(street):
    name = back_up(street.engine)
    restored(street, name)
    street.take(street.heartbeat(report={8: (JOURNAL, 1, 0)}))  # heard in it, nothing to ask for
    street.registry.end_recovery()
    street.later(days=30)
    street.terminals.append(street.registry.create_terminal(street.shop))
    for place in (1, 2):  # heard for the first time, one of them made since
        street.take(street.heartbeat(terminal=place, report={8: (JOURNAL, 1, 0)}))
    for place in range(3):
        asked = street.take(street.kept(1, terminal=place)).send_again
        assert asked == ((JOURNAL, 1, 1),)
        told = Till(street, place).telling(
            street.redemption(300, 5000, terminal=place, trace=1), 0, 56 - 300, 9)
        assert street.take(told).code == codes.INSUFFICIENT_POINTS
    assert posted(street) == []


def test_what_cannot_be_posted_waits_and_is_held_when_the_recovery_has_ended(street):
    name = back_up(street.engine)
    restored(street, name)
    till, unknown = Till(street), card_number(99)
    till.kept[1] = street.redemption(300, 5000, card=unknown, trace=1)
    told = till.telling(till.kept[1], 0, 56 - 300, 9)
    street.take(street.heartbeat(report={8: (JOURNAL, 1, 2)}))
    assert street.take(told).code == codes.TRY_LATER
    back = till.telling(street.refund(1, amount_minor=100, trace=2), 0, 5, 9)
    assert street.take(back).code == codes.TRY_LATER, "its original is not here"
    street.registry.end_recovery()
    assert [street.take(each).code for each in (told, back)] == [codes.HELD] * 2
    assert len(list(waiting(street.intake))) == 2
    sound(street)


def test_no_time_that_has_passed_and_no_close_undo_it(street):
    bills = (street.sale(RICH, trace=1), street.sale(RICH, trace=2))
    for frame in bills:
        street.take(frame)
    till, name = Till(street, 1), back_up(street.engine)
    street.later(minutes=1)
    till.refund(street.terminals[0], JOURNAL, 1, amount_minor=RICH // 2)
    till.kept[2] = street.void(street.terminals[0], JOURNAL, 2, terminal=1, trace=2)
    assert till.send(2).code == 0
    street.later(days=91)
    restored(street, name)
    street.take(street.heartbeat(terminal=1, report={8: (JOURNAL, 1, 2)}))
    street.registry.end_recovery()
    assert street.take(street.batch_close(1, 2, trace=3)).code == 0
    assert [till.again(trace).code for trace in (1, 2)] == [0, 0]
    assert flags(street).keys() == {1, 2} and len(posted(street)) == 4
    sound(street)


def test_the_tier_of_then_counts_for_what_the_bill_earned(street):
    till = lost(street, lambda till: till.redeem(300, 5000), lambda till: till.tap(RICH))
    holder, = street.rows("members", "id", "1=1 ORDER BY id LIMIT 1")[0]
    told = till.telling(till.kept[1], 0, 56 - 300, 9)
    street.registry.set_member_tier(holder, "gold")
    assert street.take(told).points == 56 - 300
    sound(street)


def test_a_refund_of_what_is_wholly_taken_back_meanwhile_posts_nothing(street):
    till = lost(street, lambda till: till.tap(RICH),
                lambda till: till.refund(1, amount_minor=500), lambda till: till.void(1))
    till.send(1)
    assert [till.again(trace).code for trace in (3, 2)] == [0, codes.NOTHING_LEFT]
    assert member(street) == (0, 0)
    sound(street)


def test_a_member_and_a_card_of_today_do_not_undo_what_was_done(street):
    till = lost(street, lambda till: till.tap(RICH), lambda till: till.redeem(300, 5000))
    street.registry.set_card_state(street.cards[0], "blocked")
    till.send(1)
    assert till.again(2).code == 0 and flags(street).keys() == {2}


def test_who_is_not_trusted_is_not_believed(street):
    till = lost(street, lambda till: till.tap(RICH), lambda till: till.redeem(300, 5000))
    street.registry.set_terminal_state(street.terminals[0], "lost")
    assert till.again(2).code == codes.TRY_LATER
    street.registry.end_recovery()
    assert till.again(2).code == codes.HELD
    assert posted(street) == []


def test_an_older_terminal_gets_what_it_got(street):
    till = lost(street, lambda till: till.tap(RICH), lambda till: till.redeem(300, 5000))
    till.old = True
    till.beat()
    assert posted(street) == [(street.terminals[0], street.message(till.kept[1]).key)]
    street.registry.end_recovery()
    till.beat()
    assert len(posted(street)) == 2 and flags(street) == {}


def test_a_frame_of_another_or_none_inside_is_malformed_and_stores_nothing(street):
    other = Till(street, 1)
    mine = street.redemption(300, 5000)
    told = other.telling(mine, 0, 56 - 300, 9)
    within = Till(street).telling(told, 0, 0, 0)
    twice = Till(street).telling(Till(street).telling(mine, 0, 56 - 300, 9), 0, 56 - 300, 9)
    beat = Till(street).telling(street.heartbeat(), 0, 0, 0)
    torn = Till(street).telling(mine[:-1] + b"x", 0, 0, 0)
    for each in (told, within, twice, beat, torn):
        reply: Reply = street.take(each)
        assert (reply.type, reply.trace, reply.code) == (143, 0, codes.MALFORMED)
    assert street.rows("outcomes") == street.rows("refusals") == []
