"""The intake end to end: verified frames in, committed rows and sealed replies out."""

import pytest
from sqlalchemy.exc import OperationalError

from gateway import intake as intake_module
from gateway import opening, storing
from gateway.aside import NotQuarantined
from gateway.book import Loaded, Seen
from gateway.database import counting_statements, open_engine, writing
from gateway.decisions import DECISIONS
from gateway.errors import TryLater
from gateway.intake import Arrival, Intake
from gateway.registry import NewCard
from protocol import codes, messages
from protocol.cbor import encode
from tests.support.street import JOURNAL, Street, card_number

POISON = 666


@pytest.fixture
def poisoned(monkeypatch):
    """A seeded bug: deciding a sale of 6.66 fails."""
    sound = DECISIONS[messages.SALE]

    def sale(message, book):
        if message.request.amount_minor == POISON:
            raise ZeroDivisionError("seeded")
        return sound(message, book)

    monkeypatch.setitem(DECISIONS, messages.SALE, sale)
    return lambda: monkeypatch.setitem(DECISIONS, messages.SALE, sound)


def test_a_silver_member_gets_15_points_for_12_50_yuan(engine):
    street = Street(engine)
    reply = street.take(street.sale(1250))
    assert (reply.code, reply.points, reply.balance) == (0, 15, 15)
    assert (reply.tier, reply.member, reply.receipt) == ("银卡", "王*明", 1)
    assert reply.head is not None and len(reply.head) == 16
    assert street.rows("postings", "unit, sum(amount), count(*)", "1=1 GROUP BY unit ORDER BY 1"
                       ) == [(1, 0, 2), (2, 0, 3)]


def test_the_same_frame_gets_the_same_bytes_and_posts_once(engine):
    street = Street(engine)
    tap = street.sale()
    first, = street.answers(tap)
    street.later(days=3)
    second, third = street.answers(tap, tap)
    assert first.reply == second.reply == third.reply
    assert street.rows("entries", "count(*)") == [(1,)]


def test_the_same_frame_twice_in_one_batch_posts_once(engine):
    street = Street(engine)
    tap = street.sale()
    first, second = street.answers(tap, tap)
    assert first.reply == second.reply and first.code == second.code == 0
    assert street.rows("entries", "count(*)") == [(1,)]


def test_the_second_sale_of_a_batch_sees_the_first(engine):
    street = Street(engine)
    replies = [street.read(answer.reply) for answer in
               street.answers(street.sale(), street.sale(), street.sale())]
    assert [reply.balance for reply in replies] == [15, 30, 45]
    assert [reply.receipt for reply in replies] == [1, 2, 3]
    assert len({reply.head for reply in replies}) == 3
    assert street.rows("members", "available, chain_seq") == [(45, 3)]


def test_other_content_under_a_used_trace_is_a_conflict_and_changes_nothing(engine):
    street = Street(engine)
    first, = street.answers(street.sale(1250, trace=1))
    forged = street.sale(9900, trace=1)
    conflict, again = street.answers(forged, forged)
    street.later(hours=1)
    later, = street.answers(forged)
    assert conflict.code == codes.TRACE_CONFLICT
    assert conflict.reply == again.reply == later.reply
    assert street.answers(street.sale(1250, trace=1, at=street.seconds()))[0].code == 62
    street.now = street.now.replace(hour=4)
    assert street.answers(street.sale(1250, trace=1))[0].reply == first.reply
    assert street.rows("entries", "count(*)") == [(1,)]


def test_a_conflict_inside_one_batch_refuses_the_second(engine):
    street = Street(engine)
    answers = street.answers(street.sale(100, trace=1), street.sale(200, trace=1))
    assert [answer.code for answer in answers] == [0, codes.TRACE_CONFLICT]


def test_a_malformed_payload_is_refused_by_frame_with_the_same_bytes_each_time(engine):
    street = Street(engine)
    bad = street.seal_payload(encode({0: 1, 1: JOURNAL, 2: 5, 6: (2, 62), 7: 0}))
    first, = street.answers(bad)
    street.later(hours=1)
    assert first.code == codes.MALFORMED
    assert street.answers(bad)[0].reply == first.reply
    assert street.rows("refusals", "code, trace, serial") == [(60, 5, 1)]
    assert street.rows("outcomes") == []
    assert street.take(street.heartbeat()).highest_trace == 5


def test_a_frame_no_longer_kept_is_63_with_points_and_receipt(engine):
    street = Street(engine)
    tap = street.sale()
    street.take(tap)
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames")
    reply = street.take(tap)
    assert (reply.code, reply.points, reply.receipt) == (codes.TOO_OLD, 15, 1)
    assert reply.balance is None


def test_a_stored_reply_that_does_not_open_is_63_and_a_refusal_the_same_code(engine):
    street = Street(engine)
    tap, forged = street.sale(trace=1), street.sale(9, trace=1)
    street.answers(tap, forged)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE frames SET box = row_mac")
        connection.exec_driver_sql("UPDATE refusals SET box = row_mac")
    reply = street.take(tap)
    assert (reply.code, reply.points, reply.receipt) == (codes.TOO_OLD, 15, 1)
    assert street.take(forged).code == codes.TRACE_CONFLICT
    assert street.rows("quarantine") == []


def test_frames_are_stored_encrypted(engine):
    street = Street(engine)
    tap = street.sale()
    answer, = street.answers(tap)
    box, = street.rows("frames", "box")[0]
    number = int(street.cards[0]).to_bytes(8, "big")
    assert tap not in box and answer.reply not in box and number not in box
    assert int(street.rows("frames", "month")[0][0]) == 202611


def test_the_poison_of_a_batch_is_quarantined_and_the_rest_posts(engine, poisoned):
    street = Street(engine)
    taps = [street.sale(POISON if place == 5 else 1250) for place in range(9)]
    found = [answer.code for answer in street.answers(*taps)]
    assert found == [0] * 5 + [codes.TRY_LATER] + [0] * 3
    assert street.rows("quarantine", "state, fault, trace") == [
        ("quarantined", "ZeroDivisionError", 6)]
    assert street.rows("members", "available") == [(8 * 15,)]


def test_a_quarantined_frame_is_90_until_it_is_requeued_and_then_posts(engine, poisoned):
    street = Street(engine)
    tap = street.sale(POISON)
    street.take(tap)
    poisoned()  # the bug is mended, but nobody requeued the frame
    assert street.take(tap).code == codes.TRY_LATER
    reply = street.take(tap)
    street.registry.requeue(reply.digest)
    assert street.take(tap).code == 0
    assert street.rows("quarantine", "state") == [("requeued",)]
    with pytest.raises(NotQuarantined):
        street.registry.requeue(reply.digest)


def test_a_requeued_frame_that_fails_again_keeps_its_one_row(engine, poisoned):
    street = Street(engine)
    tap = street.sale(POISON)
    digest = street.take(tap).digest
    street.registry.requeue(digest)
    assert street.take(tap).code == codes.TRY_LATER
    assert street.rows("quarantine", "state, serial") == [("quarantined", 1)]


def test_a_failure_while_storing_is_found_by_halving_too(engine, monkeypatch):
    street = Street(engine, members=2)
    sound = storing.store

    def store(connection, keyring, settled, book, done):
        if any(each.case.message.request.amount_minor == POISON for each in settled):
            raise ArithmeticError("seeded")
        sound(connection, keyring, settled, book, done)

    monkeypatch.setattr(storing, "store", store)
    answers = street.answers(street.sale(), street.sale(POISON), street.sale(card=1))
    assert [answer.code for answer in answers] == [0, codes.TRY_LATER, 0]


def test_what_fails_forever_without_a_trace_cannot_fill_the_quarantine(engine, monkeypatch):
    street = Street(engine)

    def fail(_message, _book):
        raise ZeroDivisionError("seeded")

    monkeypatch.setitem(DECISIONS, messages.INQUIRY, fail)
    monkeypatch.setattr("gateway.aside.UNTRACED_MAX", 3)
    for _ in range(6):
        assert street.take(street.inquiry()).code == codes.TRY_LATER
    assert street.rows("quarantine", "count(*)") == [(3,)]


def test_a_passing_failure_is_tried_again_and_nothing_shows(engine, monkeypatch):
    street = Street(engine)
    sound, failed = intake_module.load, []

    def load(*args):
        if len(failed) < 2:
            failed.append(1)
            raise OperationalError("x", {}, _Locked())
        return sound(*args)

    monkeypatch.setattr(intake_module, "load", load)
    assert street.take(street.sale()).code == 0
    assert street.intake.retries == 2


class _Locked(Exception):
    sqlstate = "40P01"


def test_a_failure_that_does_not_pass_in_time_is_try_later_and_acknowledges_nothing(
        engine, monkeypatch):
    street = Street(engine)

    def load(*_args):
        raise OperationalError("x", {}, _Locked())

    with monkeypatch.context() as patch:
        patch.setattr(intake_module, "load", load)
        with pytest.raises(TryLater):
            street.take(street.sale(trace=1))
    assert street.rows("outcomes") == [] and street.rows("quarantine") == []
    assert street.take(street.sale(trace=1)).code == 0


def test_a_lost_race_for_an_outcome_ends_with_the_winners_reply(engine, monkeypatch):
    street = Street(engine)
    tap = street.sale()
    winner, = street.answers(tap)
    sound, blind = intake_module.load, []

    def load(*args):
        book, seen = sound(*args)
        if not blind:  # as if the winner had committed behind our reads
            blind.append(1)
            seen = Seen({}, {}, frozenset(), {})
        return Loaded(book, seen)

    monkeypatch.setattr(intake_module, "load", load)
    loser, = street.answers(tap)
    assert blind and loser.reply == winner.reply
    assert street.rows("entries", "count(*)") == [(1,)]


def test_a_locked_sqlite_file_is_try_later(sqlite_engine):
    street = Street(sqlite_engine)
    hasty = open_engine(str(sqlite_engine.url), busy_timeout_ms=10)
    blocked = Intake(hasty, street.keyring, clock=lambda: street.now, pause=lambda _: None)
    with writing(sqlite_engine):
        with pytest.raises(TryLater):
            street.answers(street.sale(trace=1), intake=blocked)
    assert street.answers(street.sale(trace=1), intake=blocked)[0].code == 0
    hasty.dispose()


def test_a_dead_connection_is_replaced_and_the_batch_posts(postgresql_engine):
    street = Street(postgresql_engine)
    street.take(street.sale())
    with writing(postgresql_engine) as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid <> pg_backend_pid()")
    assert street.take(street.sale()).code == 0


@pytest.mark.parametrize(("proves", "statements_max"), [(False, 15), (True, 16)])
def test_two_hundred_sales_take_as_many_statements_as_one_and_sixteen_at_most(
        engine, proves, statements_max):
    """`proves`: they also show that an answer to a heartbeat set their terminals' clocks."""
    street = Street(engine, terminals=20, members=50)
    street.answers(*(street.sale(terminal=place % 20, card=place) for place in range(50)))
    counts = []
    for size in (1, 200):
        if proves:
            street.later(seconds=1)
            street.answers(*(street.heartbeat(terminal=place) for place in range(20)))
        batch = [street.sale(terminal=place % 20, card=place % 50, clock_age=0)
                 for place in range(size)]
        with counting_statements(engine) as statements:
            answers = street.answers(*batch)
        assert {answer.code for answer in answers} == {0}
        counts.append(len(statements))
    assert counts == [statements_max, statements_max]


@pytest.mark.parametrize("year", [1969, 2107])
def test_a_gateway_whose_clock_no_reply_can_carry_stores_nothing_and_says_so(sqlite_engine, year):
    street = Street(sqlite_engine)
    frame, today = street.sale(), street.now
    street.now = today.replace(year=year)
    with pytest.raises(TryLater, match="clock"):
        street.answers(frame)
    street.now = today
    assert street.take(frame).code == 0
    assert street.rows("quarantine") == []


def test_two_hundred_first_taps_take_as_many_statements_as_one(engine):
    street = Street(engine, terminals=20, first_tap_activates=True)
    stock = [card_number(1000 + n) for n in range(201)]
    street.registry.create_cards(street.programme, [NewCard(each, state="stock")
                                                    for each in stock])
    street.take(street.sale())
    counts = []
    for cards in (stock[:1], stock[1:]):
        batch = [street.sale(terminal=place % 20, card=card) for place, card in enumerate(cards)]
        with counting_statements(engine) as statements:
            answers = street.answers(*batch)
        assert {answer.code for answer in answers} == {0}
        counts.append(len(statements))
    assert counts[0] == counts[1]
    states = street.rows("cards", "state", f"identity IN ({','.join(map(repr, map(str, stock)))})")
    assert states == [("active",)] * 201


def test_frames_that_are_none_of_ours_become_dead_letters(engine):
    street = Street(engine, terminals=2)
    good = street.sale(trace=1)
    flipped = bytes((*good[:-1], good[-1] ^ 1))
    arrivals = [Arrival(b"", street.now), Arrival(b"\xd1" * 2000, street.now),
                Arrival(flipped, street.now), Arrival(good, street.now, street.terminals[1]),
                Arrival(street.seal_payload(b"\xff"), street.now)]
    verdicts = [answer.verdict for answer in street.intake.take(arrivals)]
    assert verdicts == ["unreadable", "too_large", "unauthenticated", "dead_letter",
                        "unreadable"]
    assert street.rows("dead_letters", "serial, reason") == [
        (1, "outer"), (2, "too_large"), (3, "mac"), (4, "topic_of_another"), (5, "payload")]
    assert street.rows("outcomes") == []


def test_a_frame_that_cannot_even_be_opened_stops_no_other(engine, monkeypatch):
    street = Street(engine)
    sound, poison = opening.decode, street.sale(POISON)

    def decode(payload):
        if payload in poison:
            raise ZeroDivisionError("seeded")
        return sound(payload)

    monkeypatch.setattr(opening, "decode", decode)
    answers = street.answers(street.sale(), poison, street.sale())
    assert [answer.code for answer in answers] == [0, None, 0]
    assert (answers[1].verdict, answers[1].reason) == ("dead_letter", "opening_failed")
    assert street.rows("dead_letters", "reason") == [("opening_failed",)]
    monkeypatch.undo()
    assert street.take(poison).code == 0  # mended: the terminal sends it again and it posts


def test_dead_letters_do_not_stop_the_good_frames_of_a_batch(engine):
    street = Street(engine)
    answers = street.answers(b"rubbish", street.sale(), b"more", street.sale())
    assert [answer.code for answer in answers] == [None, 0, None, 0]


def test_a_terminal_nobody_registered_gets_no_reply(engine):
    street = Street(engine)
    street.terminals.append(4_000_000_000)
    answer, = street.answers(street.sale(terminal=1))
    assert (answer.verdict, answer.reason) == ("unauthenticated", "terminal_unknown")
    assert street.rows("dead_letters", "reason") == [("terminal_unknown",)]


def test_a_valid_frame_of_a_higher_epoch_raises_the_record(engine):
    street = Street(engine)
    reply = street.take(street.sale(epoch=3))
    assert reply.code == 0
    facts, = street.registry.terminals()
    assert facts.epoch == 3
    assert street.rows("terminal_epochs", "epoch") == [(1,), (3,)]
    assert street.take(street.sale(epoch=1)).code == 0  # older ones stay valid


def test_frames_of_a_revoked_epoch_are_held_and_those_without_trace_not_answered(engine):
    street = Street(engine)
    before = street.sale()
    posted, = street.answers(before)
    street.registry.advance_epoch(street.terminals[0])
    street.registry.revoke_epoch(street.terminals[0], 1)
    sale, inquiry, again = street.answers(street.sale(), street.inquiry(), before)
    assert sale.code == codes.HELD
    assert (inquiry.verdict, inquiry.reply) == ("unauthenticated", None)
    assert again.reply == posted.reply
    assert street.take(street.sale(epoch=2)).code == 0


def test_answers_come_in_the_order_of_the_arrivals_after_halving(engine, poisoned):
    street = Street(engine, terminals=4)
    taps = [street.sale(POISON if place % 7 == 3 else 1250, terminal=place % 4)
            for place in range(24)]
    answers = street.answers(*taps)
    read = [street.read(answer.reply) for answer in answers]
    assert [reply.digest for reply in read] == [
        street.message(tap).digest for tap in taps]
