"""Settlement days: which one is open, and what the closed ones came to, which never changes.

Law: an entry is booked on the day of its commit, or on the first that is still open where that is
later (`Book.booked_on`). A day is closed in three steps, each a transaction of its own:
1. the mark `open_days` moves on to today: whoever reads it from then on books no earlier;
2. whoever read it before has ended. On SQLite that is so: the mark was moved under the one lock of
   all writers. On PostgreSQL whoever books locks a row first and reads the mark behind it, so it
   has a transaction id below one that is drawn once the mark is moved: the days are sealed when
   all ids below that one are gone. Nobody waits for this but the closing;
3. each day before the mark on which something was booked gets its totals, oldest first: a row for
   each merchant that has figures and one (merchant 0) for the programme.
What is interrupted goes on with the next run; two that run at once seal once. The mark never goes
back, so it does not follow a clock that is far ahead of all that was ever booked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from gateway import bulk, chain
from gateway.catalogue import read_catalogue
from gateway.clock import business_day, from_day
from gateway.database import older_ended, on_postgresql, reading, writing
from gateway.day_figures import NO_BILL, WHOLE, Booked, Figures, Made, Place, gathered, to_json
from gateway.errors import SealBroken, TryLater
from gateway.keyring import Keyring
from gateway.statements import send
from gateway.tables import day_totals, open_days

OPEN_COLUMNS = tuple(column.name for column in open_days.columns)
TOTAL_COLUMNS = tuple(column.name for column in day_totals.columns)
WAIT_S = 10.0
AHEAD_DAYS_MAX = 31  # of the mark, and of what is booked: more is a clock that cannot be right
# the kind of an entry that makes a bill or takes one back, and so has its money; of others NO_BILL
BILL = f"CASE WHEN e.amount_minor IS NULL THEN {NO_BILL} ELSE e.kind END"


class StillBooked(TryLater):
    """Transactions of before the cut-over have not ended: no day was sealed."""

    code = "still_booked"


class ClockAhead(TryLater):
    """This host's clock is further ahead than anybody has booked: no mark was moved."""

    code = "clock_ahead"


def opened(audit_key: bytes, rows: Iterable[Sequence]) -> tuple[dict[int, int], set[int]]:
    """(the open day of each programme, programmes of which it does not fit its seal)."""
    days, forged = {}, set[int]()
    for programme_id, open_on, mac in rows:
        days[programme_id] = open_on
        if not chain.same(mac, chain.seal(audit_key, open_days.name, (programme_id, open_on))):
            forged.add(programme_id)
    return days, forged


def read_open(connection: Connection, audit_key: bytes) -> Mapping[int, int]:
    """The open day of each programme that closes days; behind the locks of what is booked.
    SealBroken where one was tampered with."""
    days, forged = opened(audit_key, send(
        connection, f"SELECT {','.join(OPEN_COLUMNS)} FROM open_days").fetchall())
    if forged:
        raise SealBroken(f"Not what was sealed: open_days {sorted(forged)}. Nothing was stored;"
                         " run the audit.")
    return days


def figures(connection: Connection, first: int, last: int) -> dict[Place, Figures]:
    """What was booked on these days, added up from entries and postings. Two statements."""
    mark = "%s" if on_postgresql(connection) else "?"
    span = f"e.booked_on BETWEEN {mark} AND {mark}"
    made = send(connection, (
        f"SELECT coalesce(c.programme_id, m.programme_id), e.booked_on, e.merchant_id, {BILL},"
        " count(*), coalesce(sum(e.amount_minor), 0) FROM entries e"
        " LEFT JOIN merchants c ON c.id = e.merchant_id LEFT JOIN members m ON m.id = e.member_id"
        f" WHERE {span} GROUP BY 1, 2, 3, 4"), (first, last)).fetchall()
    booked = send(connection, (
        "SELECT a.programme_id, e.booked_on, a.kind,"
        f" CASE WHEN a.kind = 'member_points' THEN 0 ELSE a.owner_id END, {BILL},"
        " CASE WHEN e.amount_minor < 0 THEN 1 ELSE 0 END,"
        " CASE WHEN p.amount < 0 THEN 1 ELSE 0 END, sum(p.amount)"
        " FROM entries e JOIN postings p ON p.entry_id = e.id"
        f" JOIN accounts a ON a.id = p.account_id WHERE {span}"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7"), (first, last)).fetchall()
    return gathered(
        [Made(programme_id, on, merchant_id, kind, count, int(amount))
         for programme_id, on, merchant_id, kind, count, amount in map(tuple, made)],
        [Booked(programme_id, on, account, owner_id, kind, bool(back), int(amount))
         for programme_id, on, account, owner_id, kind, back, _, amount in map(tuple, booked)])


class Closed(NamedTuple):
    """What a run of `close_days` did: days sealed, and of each programme the first open one."""

    sealed: tuple[tuple[int, int], ...]
    open: Mapping[int, int]


def close_day(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """The job (jobs.Chunk): seal the oldest day that is over in each programme; how many."""
    return len(close(engine, keyring, now, days_max=1).sealed)


def close(engine: Engine, keyring: Keyring, now: int, *, days_max: int = 10_000,
          by_hand: bool = False) -> Closed:
    """Seal up to `days_max` days of each programme that are over. `by_hand`: somebody looked at
    the clock. Raises ClockAhead, StillBooked and SealBroken; what was sealed by then stays so."""
    with reading(engine) as connection:
        programmes = read_catalogue(connection).programmes.values()
        known = read_open(connection, keyring.audit_key)
        booked_on = send(connection, "SELECT max(booked_on) FROM entries").fetchall()[0][0]
    if booked_on is None:
        return Closed((), known)  # and no mark before there is anything behind it
    today = {each.id: business_day(now, each.time_zone, each.cutover_minutes)
             for each in programmes}
    last = max([booked_on, *known.values()]) + AHEAD_DAYS_MAX
    if max(today.values()) > last and not by_hand:
        raise ClockAhead(f"By this clock it is {from_day(max(today.values()))}, and nothing was"
                         f" booked since {from_day(booked_on)}. No day was closed and nothing is"
                         " lost; set the clock right; where it is right, wait for the next tap, or"
                         " say so: pointwire gateway day close")
    if any(known.get(each, 0) < on for each, on in today.items()):
        with writing(engine) as connection:
            known = _move_on(connection, keyring.audit_key, today)
    due = {each: days for each, on in known.items()
           if (days := _unsealed(engine, each, on)[:days_max])}
    if due and not older_ended(engine, WAIT_S):
        raise StillBooked("Something that began before the cut-over is still being booked. No"
                          " day was sealed and nothing is lost; close the day again later.")
    sealed = [(programme_id, day) for programme_id, days in sorted(due.items()) for day in days
              if _seal(engine, keyring, programme_id, day, now)]
    return Closed(tuple(sealed), known)


def _move_on(connection: Connection, audit_key: bytes, today: Mapping[int, int]) -> dict[int, int]:
    """The marks as they are from now on: they never go back."""
    wanted = select(open_days.c.programme_id).order_by(open_days.c.programme_id)
    if on_postgresql(connection):
        wanted = wanted.with_for_update(key_share=True)
    connection.execute(wanted)
    known = read_open(connection, audit_key)
    moved = {each: max(on, known.get(each, 0)) for each, on in today.items()}
    bulk.insert(connection, open_days, OPEN_COLUMNS, [
        (*row, chain.seal(audit_key, open_days.name, row)) for row in sorted(moved.items())],
        key=("programme_id",))
    return moved


def _unsealed(engine: Engine, programme_id: int, open_on: int) -> list[int]:
    """Days of a programme before the open one on which something was booked and that have no
    totals yet."""
    mark = "%s" if on_postgresql(engine) else "?"
    with reading(engine) as connection:
        sealed = send(connection, "SELECT max(booked_on) FROM day_totals WHERE programme_id ="
                      f" {mark}", (programme_id,)).fetchall()[0][0]
        return [row[0] for row in send(connection, (
            "SELECT DISTINCT e.booked_on FROM entries e LEFT JOIN members m ON m.id = e.member_id"
            " LEFT JOIN merchants c ON c.id = e.merchant_id"
            f" WHERE e.booked_on > {mark} AND e.booked_on < {mark}"
            f" AND coalesce(c.programme_id, m.programme_id) = {mark} ORDER BY e.booked_on"),
            (-1 if sealed is None else sealed, open_on, programme_id)).fetchall()]


def _seal(engine: Engine, keyring: Keyring, programme_id: int, day: int, now: int) -> bool:
    """The totals of one day that is over; False when somebody else was quicker."""
    with reading(engine) as connection:
        found = {place: each for place, each in figures(connection, day, day).items()
                 if place[0] == programme_id}
    if not found[programme_id, day, WHOLE].balances:
        raise SealBroken(f"The money of {from_day(day)} does not add up to 0. The day was not"
                         " sealed; run the audit.")
    with writing(engine) as connection:
        # whoever seals holds the mark, so that a day is sealed once
        bulk.select(connection, open_days, ("programme_id",), ("programme_id",),
                    [(programme_id,)], lock=True)
        key = ("programme_id", "booked_on", "merchant_id")
        if bulk.select(connection, day_totals, key, key, [(programme_id, day, WHOLE)]):
            return False
        rows = [(*place, to_json(each), now) for place, each in sorted(found.items())]
        bulk.insert(connection, day_totals, TOTAL_COLUMNS, [
            (*row, chain.seal(keyring.audit_key, day_totals.name, row)) for row in rows])
    return True
