"""Settlement days: what is booked on which, and that a closed one never changes."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from gateway import days, storing
from gateway.audit import run_audit
from gateway.clock import business_day, to_ms
from gateway.database import counting_statements, writing
from gateway.day_figures import Figures, from_json
from gateway.days import ClockAhead, Closed, DaysBroken, StillBooked
from gateway.errors import SealBroken
from gateway.expiry import expire_lots
from gateway.jobs import Jobs
from gateway.registry import NewCard, NewMember
from tests.support.street import RULES, Street, card_number


def close(street: Street, by_hand: bool = False) -> Closed:
    return days.close(street.engine, street.keyring, to_ms(street.now), by_hand=by_hand)


def today(street: Street) -> int:
    return business_day(to_ms(street.now), "Asia/Shanghai", 240)


def totals(street: Street) -> dict[tuple[int, int], Figures]:
    """By day and merchant."""
    return {row[:2]: from_json(row[2]) for row in street.rows(
        "day_totals", "booked_on, merchant_id, figures")}


def check(street: Street) -> None:
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert report.findings == ()


def a_day(street: Street) -> None:
    street.answers(street.sale(30_000), street.sale(1250), street.redemption(100, 900))
    street.answers(street.refund(1, amount_minor=1000), street.void(2), street.void(3))
    street.answers(street.redemption(100, 900))


def test_a_day_that_is_over_is_sealed_with_its_totals(engine):
    street = Street(engine)
    first = today(street)
    a_day(street)
    street.later(days=1)
    assert close(street).sealed == ((street.programme, first),)
    found = totals(street)
    mine, whole = found[first, street.merchant], found[first, 0]
    assert (mine.sales, mine.sales_minor) == (2, 31_250)
    assert (mine.redemptions, mine.redemptions_minor) == (2, 1800)
    assert (mine.refunds, mine.refunds_minor) == (1, -1000)
    assert (mine.voids, mine.voids_minor) == (2, -2150)
    # 360, 15 and twice 9 points given; 12, 15 and 9 of them taken back
    assert (mine.points_issued, mine.points_taken_back) == (393, 36)
    assert (mine.points_redeemed, mine.points_given_back) == (200, 100)
    # at the base rate 290 and 8 points are paid by the merchant; 100 fen are credited
    assert (mine.cost_minor, mine.credit_minor, mine.due_minor) == (-298, 100, -198)
    assert whole.members_points == 393 - 36 - 200 + 100
    assert whole.balances and whole.due_minor == mine.due_minor
    assert (mine.entries, whole.entries) == (7, 7)
    check(street)


def test_what_comes_back_later_counts_on_the_day_on_which_it_is_booked(engine):
    street = Street(engine)
    a_day(street)
    street.later(days=1)
    street.answers(street.refund(7, amount_minor=450))
    street.later(days=2)
    before = street.rows("day_totals")
    close(street)
    assert before == []
    found = totals(street)
    second = found[today(street) - 2, street.merchant]
    assert (second.refunds_minor, second.points_given_back, second.credit_minor) == (-450, 50, -50)
    # a day on which nothing was booked has nothing to tell; the last that is closed says so
    assert [row[0] for row in found if row[1] == 0] == [today(street) - 3, today(street) - 2,
                                                        today(street) - 1]
    assert found[today(street) - 1, 0] == Figures()
    check(street)


def test_closing_again_changes_nothing_and_the_next_day_follows(engine):
    street = Street(engine)
    street.answers(street.sale())
    street.later(days=1)
    close(street)
    rows = street.rows("day_totals")
    street.answers(street.sale())
    assert close(street).sealed == () and street.rows("day_totals") == rows
    street.later(days=1)
    assert close(street).sealed == ((street.programme, today(street) - 1),)
    assert street.rows("day_totals")[:len(rows)] == rows


def test_before_the_cut_over_the_day_is_not_over(engine):
    street = Street(engine)
    street.answers(street.sale())
    street.now = street.now.replace(hour=19, minute=59)  # 03:59 in Shanghai
    assert close(street).sealed == ()
    street.later(minutes=1)
    assert len(close(street).sealed) == 1


def test_a_clock_that_is_behind_books_on_the_open_day(engine):
    """Another gateway's clock, or one that was put back."""
    street = Street(engine)
    street.answers(street.sale(trace=1))
    street.later(days=1)
    close(street)
    sealed = street.rows("day_totals")
    street.now -= timedelta(days=1)
    street.answers(street.sale(trace=2), street.sale(trace=3))
    street.now -= timedelta(days=3)
    close(street)
    assert street.rows("entries", "booked_on - business_date") == [(0,), (1,), (1,)]
    assert street.rows("day_totals") == sealed
    check(street)


def test_the_expiry_job_books_on_the_open_day_as_well(engine):
    street = Street(engine)
    street.answers(street.sale())
    street.later(days=300)
    close(street, by_hand=True)
    street.now -= timedelta(days=1)
    expire_lots(engine, street.keyring, to_ms(street.now), 100)
    assert street.rows("entries", "booked_on", "kind = 5") == [(today(street) + 1,)]
    check(street)


def test_what_a_gateway_behind_the_jobs_clock_gives_back_does_not_stop_the_expiry(engine):
    street = Street(engine)
    street.answers(street.sale(30_000))
    street.answers(street.redemption(100, 900))
    behind = datetime(2027, 8, 21, 19, 59, 58, tzinfo=UTC)  # two seconds to the end
    street.now = behind - timedelta(days=1)
    street.answers(street.sale(100))
    street.now = behind
    back, codes = street.void(2), []

    def meanwhile(job: str, _rows: int) -> None:
        if job == "expire lots" and not codes:
            codes.extend(each.code for each in street.answers(back))

    jobs = Jobs(engine, street.keyring, lambda: behind + timedelta(seconds=3), threading.Event(),
                progress=meanwhile)
    assert jobs.run_once() and codes == [0]
    assert jobs.run_once()
    assert street.rows("lots", "sum(remaining)", "expires_on < " + str(today(street) + 1)) == [
        (0,)]
    street.now = behind + timedelta(seconds=3)
    check(street)


def test_the_mark_does_not_follow_a_clock_that_is_far_ahead(engine):
    street = Street(engine)
    assert close(street).open == {}  # nothing was ever booked
    street.answers(street.sale(30_000))
    right = street.now
    street.later(days=400)
    with pytest.raises(ClockAhead, match="No day was closed"):
        close(street)
    street.now = right
    assert street.answers(street.redemption(100, 900))[0].code == 0
    assert street.rows("entries", "DISTINCT booked_on") == [(today(street),)]
    street.later(days=31)
    assert len(close(street).sealed) == 1
    check(street)


def test_the_mark_costs_a_tap_no_statement(engine):
    street = Street(engine)
    street.answers(street.sale())
    street.later(days=1)
    close(street)
    with counting_statements(engine) as statements:
        street.answers(street.sale())
    assert len(statements) == 15


def test_a_mark_that_was_tampered_with_is_built_on_by_nobody(engine):
    street = Street(engine)
    street.answers(street.sale())
    street.later(days=1)
    close(street)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE open_days SET open_on = open_on - 1")
    assert [each.code for each in street.answers(street.sale())] == [90]
    with pytest.raises(SealBroken, match="open_days"):
        close(street)


def deleted(street: Street, *tables: str) -> None:
    with writing(street.engine) as connection:
        for table in tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize("gone", [("open_days",), ("day_totals",), ("open_days", "day_totals")])
def test_what_was_deleted_of_closed_days_is_not_made_anew(engine, gone):
    street = Street(engine)
    for _ in range(2):
        street.answers(street.sale())
        street.later(days=1)
        close(street)
    before = street.rows("open_days"), street.rows("day_totals")
    deleted(street, *gone)
    street.later(days=1)
    for _ in range(2):
        with pytest.raises(DaysBroken, match="Programme 1: .* is gone|are gone"):
            close(street)
        assert set(street.rows("open_days", "programme_id")) == (
            set() if "open_days" in gone else {(1,)})
        assert street.rows("day_totals") == ([] if "day_totals" in gone else before[1])
    report = run_audit(engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert {each.table for each in report.findings} == set(gone)


def two_programmes(engine) -> Street:
    """A street beside another programme, which has a sale of its own; both closed a day."""
    street = Street(engine, members=2)
    tea = street.registry.create_programme("tea", "Tea", RULES)
    shop = street.registry.create_shop(street.registry.create_merchant(tea, "Leaf"), "New town")
    street.terminals.append(street.registry.create_terminal(shop))
    card = card_number(77)
    member, = street.registry.create_members(tea, [NewMember("李", "basic")])
    street.registry.create_cards(tea, [NewCard(card, member)])
    street.cards.append(card)
    for days_later in (1, 1):
        street.answers(street.sale(), street.sale(card=2, terminal=1))
        close(street)
        street.later(days=days_later)
    return street


@pytest.mark.parametrize("harm", [
    "UPDATE open_days SET open_on = open_on - 1 WHERE programme_id = 1",
    "DELETE FROM open_days WHERE programme_id = 1",
    "DELETE FROM day_totals WHERE programme_id = 1",
    "UPDATE postings SET amount = amount + 1 WHERE account_id IN (SELECT id FROM accounts"
    " WHERE kind = 'programme_pool' AND programme_id = 1)"])
def test_a_programme_that_was_tampered_with_keeps_no_other_from_closing(engine, harm):
    street = two_programmes(engine)
    last = today(street) - 1
    with writing(engine) as connection:
        connection.exec_driver_sql(harm)
    with pytest.raises(DaysBroken, match="Programme 1: ") as told:
        close(street)
    assert "Programme 2" not in str(told.value)
    assert told.value.done.sealed == ((2, last),)
    assert street.rows("day_totals", "DISTINCT booked_on", "programme_id = 2 AND booked_on ="
                       f" {last}") == [(last,)]
    with pytest.raises(DaysBroken, match="Programme 1: "):
        days.close_day(engine, street.keyring, to_ms(street.now), 1)


def test_lots_of_other_programmes_end_all_the_same(engine):
    street = two_programmes(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql(
            "UPDATE open_days SET open_on = open_on - 1 WHERE programme_id = 1")
    street.later(days=400)
    before = street.rows("lots", "sum(remaining)", "member_id < 3")
    assert expire_lots(engine, street.keyring, to_ms(street.now), 100) == 1
    assert street.rows("lots", "sum(remaining)", "member_id < 3") == before
    assert street.rows("lots", "sum(remaining)", "member_id = 3") == [(0,)]


def test_the_job_closes_what_it_can_before_it_tells_what_is_broken(engine):
    street = two_programmes(engine)
    street.answers(street.sale(card=2, terminal=1))
    street.later(days=1)
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM open_days WHERE programme_id = 1")
    jobs = Jobs(engine, street.keyring, lambda: street.now, threading.Event(),
                (("close days", days.close_day),))
    assert not jobs.run_once()
    assert street.rows("day_totals", "count(DISTINCT booked_on)", "programme_id = 2") == [(4,)]


def test_a_programme_that_closes_its_first_day_is_closed_day_by_day(engine):
    street = two_programmes(engine)
    first, done = today(street), []
    for _ in range(3):
        street.answers(street.sale(card=2, terminal=1))
        street.later(days=2)
    while sealed := days.close_day(engine, street.keyring, to_ms(street.now), 1):
        done.append(sealed)
    assert done == [2, 1, 1, 1]
    assert street.rows("day_totals", "DISTINCT booked_on", f"programme_id = 2 AND booked_on >="
                       f" {first} ORDER BY 1") == [(first,), (first + 2,), (first + 4,),
                                                   (first + 5,)]
    check(street)


def test_two_that_open_the_first_day_at_once_do_not_put_it_back(engine, monkeypatch):
    street = Street(engine)
    street.answers(street.sale())
    ahead, sound = street.now + timedelta(days=2), days._write
    began, written, other = threading.Event(), threading.Event(), threading.Event()

    def write(connection, audit_key, marks, **options):
        slow = threading.current_thread().name == "ahead"
        if slow:
            began.set()
        else:
            assert written.wait(20)
            other.set()
        sound(connection, audit_key, marks, **options)
        if slow and not options:
            written.set()  # both rows are there, neither is committed
            other.wait(0.5)  # on SQLite the other one waits for the lock of all writers
            time.sleep(0.1)

    monkeypatch.setattr(days, "_write", write)
    hands = [threading.Thread(target=days.close, name=name,
                              args=(engine, street.keyring, to_ms(at)))
             for name, at in (("ahead", ahead), ("behind", street.now))]
    hands[0].start()
    assert began.wait(20)
    hands[1].start()
    for hand in hands:
        hand.join(30)
    assert street.rows("open_days", "open_on") == [(today(street) + 2,)]
    assert len(street.rows("registry_events", "seq", "table_name = 'open_days'")) == 1
    check(street)


@contextmanager
def standing_still(monkeypatch):
    """A batch that has decided and has not stored; what `go` does lets it go on."""
    reached, go = threading.Event(), threading.Event()
    sound = storing.store

    def store(*args):
        reached.set()
        assert go.wait(20)
        sound(*args)

    monkeypatch.setattr(storing, "store", store)
    yield reached, go
    go.set()


def test_a_tap_under_way_at_the_cut_over_is_in_the_day_it_was_booked_on(
        postgresql_engine, monkeypatch):
    street = Street(postgresql_engine)
    first = today(street)
    street.answers(street.sale(1000))
    tap = street.sale(2500)
    monkeypatch.setattr(days, "WAIT_S", 0.2)
    with standing_still(monkeypatch) as (reached, go):
        worker = threading.Thread(target=street.answers, args=(tap,))
        worker.start()
        assert reached.wait(20)
        # the tap is decided, with yesterday's date, and not committed
        next_day = street.now + timedelta(days=1)
        with pytest.raises(StillBooked):
            days.close(postgresql_engine, street.keyring, to_ms(next_day))
        assert street.rows("day_totals") == []
        go.set()
        worker.join(20)
    # whoever decides from now on books on the day that is open, whatever its clock says
    street.answers(street.sale(700))
    street.now = next_day
    assert close(street).sealed == ((street.programme, first),)
    assert totals(street)[first, street.merchant].sales_minor == 3500
    assert street.rows("entries", "booked_on") == [(first,), (first,), (first + 1,)]
    check(street)


def test_a_tap_that_begins_while_the_mark_moves_is_waited_for(postgresql_engine, monkeypatch):
    # its transaction is younger than the one that moves the mark, and reads the mark before that
    street = Street(postgresql_engine)
    first = today(street)
    street.answers(street.sale(1000))
    tap, sound = street.sale(2500), days._move_on
    monkeypatch.setattr(days, "WAIT_S", 0.2)
    with standing_still(monkeypatch) as (reached, go):
        worker = threading.Thread(target=street.answers, args=(tap,))

        def move_on(*args):
            moved = sound(*args)
            worker.start()
            assert reached.wait(20)
            return moved

        monkeypatch.setattr(days, "_move_on", move_on)
        next_day = street.now + timedelta(days=1)
        with pytest.raises(StillBooked):
            days.close(postgresql_engine, street.keyring, to_ms(next_day))
        assert street.rows("day_totals") == []
        go.set()
        worker.join(20)
    street.now = next_day
    assert close(street).sealed == ((street.programme, first),)
    assert totals(street)[first, street.merchant].sales_minor == 3500
    check(street)


def test_two_that_close_at_once_seal_once(postgresql_engine):
    street = Street(postgresql_engine)
    for _ in range(5):
        street.answers(street.sale())
        street.later(days=1)
    done: list[tuple] = []
    hands = [threading.Thread(target=lambda: done.extend(close(street).sealed)) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(30)
    assert sorted(done) == sorted(set(done)) and len(done) == 5
    check(street)
