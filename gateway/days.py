"""Settlement days: which one is open, and what the closed ones came to, which never changes.

Law: an entry is booked on the day of its commit, or on the first that is still open where that is
later (`Book.booked_on`). A day is closed in three steps, each a transaction of its own:
1. the mark `open_days` moves on to today: whoever reads it from then on books no earlier;
2. whoever read it before has ended. On SQLite that is so: the mark was moved under the one lock of
   all writers. On PostgreSQL whoever books locks a row first and reads the mark behind it, so it
   has a transaction id below one that is drawn once the mark is moved: the days are sealed when
   all ids below that one are gone. Nobody waits for this but the closing;
3. each day before the mark on which something was booked gets its totals, oldest first: a row for
   each merchant that has figures and one (merchant 0) for the programme. The last of them gets its
   row in any case.
What is interrupted goes on with the next run; two that run at once seal once. The mark never goes
back, so it does not follow a clock that is far ahead of all that was ever booked.
That a programme closes days, and each day that it closed, is told in the house chain: what was
deleted since is missed, and never made anew. One programme's fault keeps no other from its turn.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from gateway import bulk, chain, house
from gateway.catalogue import read_catalogue
from gateway.clock import business_day, from_day
from gateway.database import older_ended, on_postgresql, reading, writing
from gateway.day_figures import (
    NO_BILL,
    NONE,
    WHOLE,
    Booked,
    Figures,
    Made,
    Place,
    gathered,
    to_json,
)
from gateway.errors import SealBroken, TryLater
from gateway.keyring import Keyring
from gateway.statements import send
from gateway.tables import day_totals, open_days, registry_events

OPEN_COLUMNS = tuple(column.name for column in open_days.columns)
TOTAL_COLUMNS = tuple(column.name for column in day_totals.columns)
WAIT_S = 10.0
AHEAD_DAYS_MAX = 31  # of the mark, and of what is booked: more is a clock that cannot be right
# the kind of an entry that makes a bill or takes one back, and so has its money; of others NO_BILL
BILL = f"CASE WHEN e.amount_minor IS NULL THEN {NO_BILL} ELSE e.kind END"

ACTOR = "day close"
SEALED_THROUGH = ("SELECT o.programme_id, (SELECT max(t.booked_on) FROM day_totals t"
                  " WHERE t.programme_id = o.programme_id) FROM open_days o")
# programme and day of what was booked behind the last sealed day of each: from day to day by the
# index on entries, and on each day to the first entry of the programme's merchants, or of its
# members where no merchant took part; never along all entries
BOOKED = (
    f"WITH RECURSIVE s(programme_id, sealed) AS ({SEALED_THROUGH}), d(day) AS ("
    "SELECT min(booked_on) FROM entries"
    " WHERE booked_on > (SELECT min(coalesce(sealed, -1)) FROM s) UNION ALL"
    " SELECT (SELECT min(booked_on) FROM entries WHERE booked_on > d.day) FROM d"
    " WHERE d.day IS NOT NULL)"
    " SELECT s.programme_id, d.day FROM s JOIN d ON d.day > coalesce(s.sealed, -1) WHERE coalesce("
    "(SELECT 1 FROM merchants c JOIN entries e ON e.booked_on = d.day AND e.merchant_id = c.id"
    " WHERE c.programme_id = s.programme_id LIMIT 1),"
    " (SELECT 1 FROM entries e JOIN members m ON m.id = e.member_id WHERE e.booked_on = d.day"
    " AND e.merchant_id = 0 AND m.programme_id = s.programme_id LIMIT 1)) IS NOT NULL")


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


def marks(connection: Connection, audit_key: bytes,
          lock: str = "") -> tuple[dict[int, int], set[int]]:
    """`opened` of every programme that closes days; behind the locks of what is booked."""
    return opened(audit_key, send(
        connection, f"SELECT {','.join(OPEN_COLUMNS)} FROM open_days{lock}").fetchall())


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
    """What a run of `close` did: days sealed on which something was booked, and of each programme
    the first open one."""

    sealed: tuple[tuple[int, int], ...]
    open: Mapping[int, int]


class DaysBroken(SealBroken):
    """Days of these programmes were tampered with, and were left alone. `done`: what was closed of
    the others, which is all that was due."""

    code = "days_broken"

    def __init__(self, broken: Mapping[int, str], done: Closed) -> None:
        told = " ".join(f"Programme {each}: {why}" for each, why in sorted(broken.items()))
        super().__init__(f"{told} Nothing of it was closed; what was due of other programmes is."
                         " Run the audit.")
        self.done = done


def close_day(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """The job (jobs.Chunk): seal the oldest day that is over in each programme; how many. What is
    broken is told when nothing else is left to do."""
    try:
        return len(close(engine, keyring, now, days_max=1).sealed)
    except DaysBroken as fault:
        if not fault.done.sealed:
            raise
        return len(fault.done.sealed)


def close(engine: Engine, keyring: Keyring, now: int, *, days_max: int = 10_000,
          by_hand: bool = False) -> Closed:
    """Seal up to `days_max` days of each programme that are over. `by_hand`: somebody looked at
    the clock. Raises ClockAhead, StillBooked and, with the others done, DaysBroken; what was
    sealed by then stays so."""
    with reading(engine) as connection:
        programmes = read_catalogue(connection).programmes.values()
        known, forged = marks(connection, keyring.audit_key)
        booked_on = send(connection, "SELECT max(booked_on) FROM entries").fetchall()[0][0]
    today = {each.id: business_day(now, each.time_zone, each.cutover_minutes)
             for each in programmes}
    if booked_on is not None:  # no mark before there is anything behind it
        _need_clock(today, booked_on, known, by_hand)
    broken: dict[int, str] = {}
    if booked_on is not None and any(known.get(each, 0) < on for each, on in today.items()):
        with writing(engine) as connection:
            known, forged, gone = _move_on(connection, keyring.audit_key, today, now)
        broken = dict.fromkeys(gone, "its open day is gone, and it had one.")
    broken |= dict.fromkeys(forged, "its open day is not what was sealed (open_days).")
    due = _due(engine, {each: on for each, on in known.items() if each not in broken}, days_max)
    if due and not older_ended(engine, WAIT_S):
        raise StillBooked("Something that began before the cut-over is still being booked. No"
                          " day was sealed and nothing is lost; close the day again later.")
    sealed, faults = _sealed(engine, keyring, due, now)
    done = Closed(tuple(sorted(sealed)), known)
    if broken or faults:
        raise DaysBroken(broken | faults, done)
    return done


def _need_clock(today: Mapping[int, int], booked_on: int, known: Mapping[int, int],
                by_hand: bool) -> None:
    ahead = max(today.values())
    if ahead > max([booked_on, *known.values()]) + AHEAD_DAYS_MAX and not by_hand:
        raise ClockAhead(f"By this clock it is {from_day(ahead)}, and nothing was"
                         f" booked since {from_day(booked_on)}. No day was closed and nothing is"
                         " lost; set the clock right; where it is right, wait for the next tap, or"
                         " say so: pointwire gateway day close")


def _move_on(connection: Connection, audit_key: bytes, today: Mapping[int, int],
             now: int) -> tuple[dict[int, int], set[int], set[int]]:
    """(the marks as they are from now on, programmes of which it does not fit its seal, those that
    had one which is gone). A mark never goes back, whoever else moves it meanwhile; the first of a
    programme is told in the house chain."""
    # mark and event in one statement: whoever opens the first day meanwhile commits both at once
    gone = _told(connection, today, " AND NOT EXISTS (SELECT 1 FROM open_days o"
                 " WHERE CAST(o.programme_id AS TEXT) = row_key)")
    wanted = {each: on for each, on in today.items() if each not in gone}
    _write(connection, audit_key, wanted, keep=True)  # so that there is a row to lock
    known, forged = marks(connection, audit_key, " ORDER BY programme_id" + (
        " FOR NO KEY UPDATE" if on_postgresql(connection) else ""))
    moved = {each: max(on, known[each]) for each, on in wanted.items() if each not in forged}
    _write(connection, audit_key, moved)
    house.append(connection, audit_key, ACTOR, now, [
        (open_days.name, {"programme_id": each})
        for each in sorted(moved.keys() - _told(connection, moved))])
    return known | moved, forged, gone


def _told(connection: Connection, programme_ids: Iterable[int], also: str = "") -> set[int]:
    """Programmes of which the house chain tells that they close days."""
    keys = [(open_days.name, str(each)) for each in sorted(programme_ids)]
    return {int(row[0]) for row in bulk.select(
        connection, registry_events, ("row_key",), ("table_name", "row_key"), keys, also=also)
    } if keys else set()


def _write(connection: Connection, audit_key: bytes, marks: Mapping[int, int], *,
           keep: bool = False) -> None:
    """These marks, sealed; with `keep` only those of programmes that have none."""
    if marks:
        bulk.insert(connection, open_days, OPEN_COLUMNS, [
            (*row, chain.seal(audit_key, open_days.name, row)) for row in sorted(marks.items())],
            key=("programme_id",), keep=keep)


def _due(engine: Engine, known: Mapping[int, int], days_max: int) -> dict[int, list[int]]:
    """Days to be sealed, oldest first, each with its programmes: those on which something was
    booked, and the last before the open one in any case, so that nobody looks behind it again."""
    with reading(engine) as connection:
        sealed = dict(map(tuple, send(connection, SEALED_THROUGH).fetchall()))
        days = {each: {on - 1} for each, on in known.items()
                if sealed.get(each) is None or sealed[each] < on - 1}
        for programme_id, day in map(tuple, send(connection, BOOKED).fetchall() if days else ()):
            if programme_id in days and day < known[programme_id]:
                days[programme_id].add(day)
    due: dict[int, list[int]] = {}
    for programme_id, of_it in sorted(days.items()):
        for day in sorted(of_it)[:days_max]:
            due.setdefault(day, []).append(programme_id)
    return dict(sorted(due.items()))


def _sealed(engine: Engine, keyring: Keyring, due: Mapping[int, Sequence[int]],
            now: int) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """(programme and day of what was sealed and is not empty, what is wrong by programme)."""
    sealed, faults = [], dict[int, str]()
    for day, programme_ids in due.items():
        with reading(engine) as connection:
            found = figures(connection, day, day)
        for programme_id in programme_ids:
            if programme_id in faults:
                continue
            mine = {place: each for place, each in found.items() if place[0] == programme_id}
            try:
                if _seal(engine, keyring, (programme_id, day, WHOLE), mine, now) and mine:
                    sealed.append((programme_id, day))
            except SealBroken as fault:
                faults[programme_id] = str(fault)
    return sealed, faults


def _seal(engine: Engine, keyring: Keyring, whole: Place, found: Mapping[Place, Figures],
          now: int) -> bool:
    """The totals of one day that is over; False when somebody else was quicker. SealBroken where
    they do not add up, or where the day was closed before."""
    found = {whole: NONE, **found}
    programme_id, day, _ = whole
    if not found[whole].balances:
        raise SealBroken(f"the money of {from_day(day)} does not add up to 0.")
    rows = [(*place, to_json(each), now) for place, each in sorted(found.items())]
    event = dict(zip(TOTAL_COLUMNS, rows[0], strict=False))
    with writing(engine) as connection:
        # whoever seals holds the mark, so that a day is sealed once
        mark = bulk.select(connection, open_days, ("open_on",), ("programme_id",),
                           [(programme_id,)], lock=True)
        key = ("programme_id", "booked_on", "merchant_id")
        if bulk.select(connection, day_totals, key, key, [whole]):
            return False
        if not mark or bulk.select(
                connection, registry_events, ("seq",), ("table_name", "row_key"),
                [(day_totals.name, house.row_key(day_totals.name, event))]):
            raise SealBroken(f"{from_day(day)} was closed before, and its totals are gone"
                             " (day_totals)." if mark else "its open day is gone (open_days).")
        bulk.insert(connection, day_totals, TOTAL_COLUMNS, [
            (*row, chain.seal(keyring.audit_key, day_totals.name, row)) for row in rows])
        house.append(connection, keyring.audit_key, ACTOR, now, [(day_totals.name, event)])
    return True
