"""A restore from an older backup: taps come back by themselves, once, and no receipt twice.

What is decided by a terminal's word is test_decisions_adoption.py's.
"""

import pytest

from gateway import gaps, held
from gateway.audit import run_audit
from gateway.errors import TryLater
from gateway.held import HeldKey
from gateway.registry import NewCard
from gateway.registry.desk import RegistryError
from protocol import codes, messages
from protocol.limits import U32_MAX
from protocol.messages import request
from tests.support.backups import back_up
from tests.support.street import JOURNAL, Street, card_number
from tests.support.till import Till, posted, restored


def receipts(street: Street) -> set[int]:
    return {row[0] for row in street.rows("entries", "id")}


def test_sales_and_voids_since_the_backup_come_back_each_once_and_no_receipt_twice(engine):
    street = Street(engine, terminals=2, members=2)
    tills = [Till(street, 0), Till(street, 1)]
    for till in tills:
        till.beat()
        for place in range(6):
            till.tap(card=place % 2)
    street.later(hours=1)
    name = back_up(engine)
    given = receipts(street)
    for till in tills:
        street.later(minutes=1)
        till.beat()
        for place in range(9):
            till.tap(card=place % 2)
        till.void(8)  # after the backup, like its void
        till.void(2)  # before it
    before, balances = posted(street), street.rows("members", "id, available", "1=1 ORDER BY id")
    lost = receipts(street) - given
    street.later(hours=1)
    restored(street, name)
    tills[0].tap()  # a new one comes before those it follows
    for till in tills:
        till.tap(send=False)  # and one waits in the outbox
        till.beat()
        assert till.beat().send_again is None, "everything was asked for and came"
    new = {(street.terminals[0], street.message(tills[0].kept[trace]).key)
           for trace in (18, 19)} | {
        (street.terminals[1], street.message(tills[1].kept[18]).key)}
    assert posted(street) == sorted([*before, *new])
    assert street.rows("members", "id, available", "1=1 ORDER BY id") == [
        (member, points + (36 if not place else 0))
        for place, (member, points) in enumerate(balances)]
    assert not lost & receipts(street), "a receipt number was given twice"
    assert run_audit(engine, street.keyring, rebuild=True).findings == ()


def test_the_status_shows_what_was_asked_and_what_came(engine):
    street = Street(engine, terminals=2)
    till = Till(street)
    till.tap()
    name = back_up(engine)
    for _ in range(5):
        till.tap()
    street.later(hours=1)
    restored(street, name)
    registry = street.registry
    facts = registry.recovery()
    assert facts is not None and facts.ended_at is None and facts.receipts_from == 1001
    street.take(street.kept(6))
    till.send(4)
    heard, silent = registry.recovery_of_terminals(facts)
    assert [asked[:3] for asked in heard.asked] == [(JOURNAL, 5, 1)]
    assert heard.asked[0].missing == ((2, 3), (5, 6)) and heard.heard_at == street.now
    assert (silent.terminal_id, silent.heard_at, silent.asked) == (street.terminals[1], None, ())
    till.beat()
    heard, _ = registry.recovery_of_terminals(facts)
    assert [asked[1:] for asked in heard.asked] == [(5, 5, ())]
    ended = registry.end_recovery()
    assert (ended.id, ended.ended_at) == (facts.id, street.now)
    assert registry.recovery() == ended
    assert run_audit(engine, street.keyring).findings == ()


def test_the_status_counts_what_was_asked_and_not_what_lies_between(engine, monkeypatch):
    """A terminal that kept 1 to 5, and later says that it keeps the last traces there are."""
    street = Street(engine)
    restored(street, back_up(engine))
    street.take(street.kept(5))
    street.take(street.kept(U32_MAX, U32_MAX - 5))
    looked_at = []
    look = gaps.undecided
    monkeypatch.setattr(gaps, "undecided", lambda connection, asked, **options: looked_at.extend(
        span for spans in asked.values() for span in spans) or look(connection, asked, **options))
    facts = street.registry.recovery()
    assert facts is not None
    heard, = street.registry.recovery_of_terminals(facts)
    assert heard.asked == ((JOURNAL, 11, 0, ((1, 5), (U32_MAX - 5, U32_MAX))),)
    assert looked_at == [(1, 5), (U32_MAX - 5, U32_MAX)]


def test_taps_come_back_even_if_nobody_says_that_there_was_a_restore(engine):
    street = Street(engine)
    till = Till(street)
    till.tap()
    name = back_up(engine)
    for _ in range(5):
        till.tap()
    before = street.rows("members", "available")
    restored(street, name, begins=False)
    till.beat()
    assert till.beat().send_again is None
    assert street.rows("members", "available") == before


def test_a_journal_and_a_key_the_restored_database_never_saw_come_back_too(engine):
    street = Street(engine)
    name = back_up(engine)
    till = Till(street)
    till.beat()
    till.tap()
    street.registry.advance_epoch(street.terminals[0])
    till.beat()
    till.tap()
    assert till.epoch == 2
    before = street.rows("members", "available")
    restored(street, name)
    assert till.beat().send_again == ((JOURNAL, 1, 2),)
    facts, = street.registry.terminals()
    assert (facts.epoch, facts.revoked_epochs) == (2, b""), "its old frames are still to come"
    assert street.rows("members", "available") == before
    till.beat()
    assert street.registry.terminals()[0].revoked_epochs == b"", "not in a recovery"
    street.registry.end_recovery()
    till.beat()
    assert street.registry.terminals()[0].revoked_epochs == b"\x01"


def test_a_terminal_made_since_the_backup_is_unknown_until_it_is_made_again(engine):
    street = Street(engine)
    name = back_up(engine)
    street.terminals.append(street.registry.create_terminal(street.shop, terminal_id=77))
    till = Till(street, 1)
    till.tap()
    restored(street, name)
    answer, = street.answers(till.kept[1])
    assert (answer.verdict, answer.reason) == ("unauthenticated", "terminal_unknown")
    street.registry.create_terminal(street.shop, terminal_id=77)
    assert till.beat().code == 0
    assert street.rows("entries", "terminal_id") == [(77,)]


def test_in_a_recovery_what_would_be_refused_for_its_card_is_held(engine):
    street = Street(engine)
    number = card_number(50)
    name = back_up(engine)
    street.registry.create_cards(street.programme, [NewCard(number, street.members[0])])
    till = Till(street)
    tap = till.kept[1] = street.sale(card=number, trace=1)
    assert till.send(1).code == 0
    restored(street, name)
    wrong = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    assert [answer.code for answer in street.answers(tap, street.sale(card=wrong, trace=9))] == [
        codes.HELD, codes.CARD_INVALID]
    street.registry.create_cards(street.programme, [NewCard(number, street.members[0])])
    street.registry.end_recovery()
    verdict = held.post(street.intake, HeldKey(street.terminals[0], JOURNAL, 1), "Ann")
    assert verdict.points == 15
    assert street.take(street.sale(card=card_number(51), trace=10)).code == codes.CARD_UNKNOWN


def test_in_a_recovery_what_is_only_done_online_is_asked_to_try_later(engine):
    street = Street(engine, terminals=2)
    sold = street.take(street.sale(trace=1))
    card = (2, int(street.cards[0]))
    online = [
        street.seal(request(messages.REDEMPTION, JOURNAL, 2, card=card, amount_minor=9, points=1)),
        street.seal(request(messages.BATCH_CLOSE, JOURNAL, 3, totals={0: (1, 1)})),
        street.void(receipt=sold.receipt, trace=4),
        street.void(street.terminals[0], JOURNAL, 1, terminal=1, trace=5)]
    offline = [street.void(street.terminals[0], JOURNAL, 1, trace=6), street.void(1, trace=7),
               street.inquiry(), street.sale(trace=8)]
    street.registry.begin_recovery()
    assert [answer.code for answer in street.answers(*online)] == [codes.TRY_LATER] * 4
    assert [answer.code for answer in street.answers(*offline)] == [0, 38, 0, 0]
    street.registry.end_recovery()
    assert street.take(online[0]).code == codes.LIMIT_REACHED
    assert street.take(online[2]).code == codes.NOTHING_LEFT


def test_in_a_recovery_a_void_waits_for_an_original_in_another_journal_of_its_terminal(engine):
    street = Street(engine)
    sale = street.sale(1500, trace=3)
    moved = street.void(JOURNAL, 3, journal=JOURNAL + 1, trace=1)
    of_nothing = street.void(JOURNAL, 4, journal=JOURNAL + 1, trace=2)
    street.registry.begin_recovery(1000)
    # the newest journal is asked for first, and what it voids is in an older one
    assert [answer.code for answer in street.answers(moved, of_nothing)] == [codes.TRY_LATER] * 2
    assert [answer.code for answer in street.answers(sale, moved)] == [0, 0]
    assert street.rows("members", "available") == [(0,)]
    street.registry.end_recovery()
    assert street.take(of_nothing).code == codes.ORIGINAL_NOT_FOUND


def test_in_a_recovery_no_key_is_retired(engine):
    street = Street(engine)
    old = street.sale(trace=1)
    street.registry.advance_epoch(street.terminals[0])
    street.registry.begin_recovery(1000)
    # its newest journal has nothing to send again; the older ones are asked for later
    report = {3: 0, 8: (JOURNAL + 1, 1, 0), 9: ()}
    assert street.take(street.heartbeat(epoch=2, report=report)).code == 0
    assert street.take(old).code == 0
    street.registry.end_recovery()
    assert street.take(street.heartbeat(epoch=2, report=report)).code == 0
    assert street.take(street.sale(trace=2)).code == codes.HELD


def test_receipt_numbers_jump_each_time_and_never_beyond_their_end(engine):
    street = Street(engine)
    registry = street.registry
    assert street.take(street.sale()).receipt == 1
    for expected in (102, 203):
        registry.begin_recovery(100)
        registry.end_recovery()
        assert street.take(street.sale()).receipt == expected
    with pytest.raises(Exception, match="4294967295"):
        registry.begin_recovery(2**32)
    with pytest.raises(Exception, match="go ahead"):
        registry.begin_recovery(0)
    assert street.take(street.sale()).receipt == 204


def test_a_backup_of_a_recovery_is_restored_by_ending_that_and_beginning_another(engine):
    street = Street(engine)
    street.registry.begin_recovery(100)
    name = back_up(engine)
    given = street.take(street.sale()).receipt
    restored(street, name, begins=False)
    with pytest.raises(RegistryError, match="end it first"):
        street.registry.begin_recovery(100)
    street.registry.end_recovery()
    street.registry.begin_recovery(100)
    assert street.take(street.sale()).receipt > given + 98


def test_where_receipt_numbers_are_used_up_the_taps_wait(engine):
    street = Street(engine)
    street.registry.begin_recovery(U32_MAX - 4)
    given = []
    with pytest.raises(TryLater, match="used up"):
        for trace in range(1, 9):
            given.append(street.take(street.sale(trace=trace)).receipt)
    assert given and given[-1] == U32_MAX
    assert street.rows("entries", "count(*)") == [(len(given),)]
    assert street.rows("quarantine", "count(*)") == [(0,)]


def test_what_cannot_be_taken_back_is_done_only_before_a_recovery_that_begins(engine):
    registry = Street(engine).registry
    done: list[str] = []

    def cannot() -> None:
        raise RegistryError("the broker is away")

    with pytest.raises(RegistryError, match="the broker is away"):
        registry.begin_recovery(100, cannot)
    assert registry.recovery() is None
    with pytest.raises(RegistryError, match="Receipt numbers end"):
        registry.begin_recovery(2**32, lambda: done.append("too far"))
    registry.begin_recovery(100, lambda: done.append("begun"))
    with pytest.raises(RegistryError, match="under way"):
        registry.begin_recovery(100, lambda: done.append("again"))
    assert done == ["begun"]


def test_one_recovery_at_a_time_and_none_to_end_when_there_is_none(engine):
    registry = Street(engine).registry
    assert registry.recovery() is None
    with pytest.raises(Exception, match="No recovery"):
        registry.end_recovery()
    registry.begin_recovery()
    with pytest.raises(Exception, match="under way already"):
        registry.begin_recovery()
