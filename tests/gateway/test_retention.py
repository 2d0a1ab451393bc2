"""What goes after its time, and that the audit's counts still fit afterwards."""

from datetime import datetime, timedelta, timezone

from sqlalchemy import Engine, func, select

from gateway import chain, counting, retention
from gateway.aside import keep_letters
from gateway.clock import to_ms
from gateway.database import reading, writing
from gateway.keyring import Keyring
from gateway.opening import Letter
from gateway.tables import SEALED, counters, dead_letters, frames, outcomes
from protocol import codes
from tests.support.street import KEYS, NOON, Street

KEYRING = Keyring(*KEYS)


def count(engine: Engine, table) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def drop_all(drop, engine: Engine, now: datetime, **options) -> list[int]:
    """Rows that went with each chunk of at most 2, until none was due."""
    done = []
    while gone := drop(engine, KEYRING, to_ms(now), 2, **options):
        done.append(gone)
    return done


def test_frames_are_kept_for_400_days_and_then_go_with_their_month(engine: Engine):
    street = Street(engine)
    for month, day in ((10, 1), (10, 15), (10, 31), (10, 31), (11, 1)):
        street.now = datetime(2025, month, day, tzinfo=timezone.utc)
        street.take(street.sale())
    last = datetime(2025, 10, 31, tzinfo=timezone.utc) + timedelta(days=400, hours=23)
    assert drop_all(retention.drop_frames, engine, last) == []
    assert drop_all(retention.drop_frames, engine, last + timedelta(hours=1)) == [2, 2]
    assert (count(engine, frames), count(engine, outcomes)) == (1, 5)


def test_a_tap_whose_frame_went_is_answered_with_its_stored_outcome(engine: Engine):
    street = Street(engine)
    tap = street.sale(1250)
    first = street.take(tap)
    drop_all(retention.drop_frames, engine, street.later(days=450))
    again = street.take(tap)
    assert (first.code, again.code) == (codes.APPROVED, codes.TOO_OLD)
    assert (again.points, again.receipt) == (first.points, first.receipt)


def letters(engine: Engine, number: int, at: datetime) -> None:
    with writing(engine) as connection:
        keep_letters(connection, KEYRING, [
            Letter("unreadable", "outer", bytes([n]), to_ms(at), None) for n in range(number)])


def window(engine: Engine) -> tuple[int, int]:
    """(low, value) of the dead letters' counter, whose seal must fit."""
    columns = [counters.c[name] for name in (*SEALED["counters"], "row_mac")]
    with reading(engine) as connection:
        row = connection.execute(select(*columns).where(
            counters.c.name == counting.DEAD_LETTERS)).one()
    assert chain.same(row[-1], chain.seal(KEYRING.audit_key, "counters", row[:-1]))
    return row.low, row.value


def test_dead_letters_go_after_90_days_oldest_first_and_the_count_still_fits(engine: Engine):
    letters(engine, 5, NOON)
    letters(engine, 3, NOON + timedelta(days=10))
    due = NOON + timedelta(days=90, seconds=1)
    assert drop_all(retention.drop_letters, engine, NOON + timedelta(days=90)) == []
    assert drop_all(retention.drop_letters, engine, due) == [2, 2, 1]
    assert window(engine) == (5, 8) and count(engine, dead_letters) == 3


def test_too_many_dead_letters_are_cut_to_the_newest(engine: Engine):
    letters(engine, 7, NOON)
    assert drop_all(retention.drop_letters, engine, NOON, letters_max=4) == [2, 1]
    with reading(engine) as connection:
        kept = connection.execute(select(dead_letters.c.serial).order_by("serial")).scalars().all()
    assert kept == [4, 5, 6, 7] and window(engine) == (3, 7)


def test_an_empty_database_has_nothing_due(engine: Engine):
    assert drop_all(retention.drop_frames, engine, NOON) == []
    assert drop_all(retention.drop_letters, engine, NOON) == []
