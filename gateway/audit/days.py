"""Closed settlement days: none missing, none changed, and each still comes to what was sealed.

Law: each row fits its seal; what entries and postings of a closed day add up to is what was
sealed, merchant by merchant, and a closed day on which something was booked has its totals. So an
entry that was booked on a day after its closing is found out by its sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from gateway import days
from gateway.audit.reader import Work, raw, said_in
from gateway.audit.registered import GONE
from gateway.audit.report import FORGED, RECOMPUTE, RESTORE, ROLLED_BACK, Rebuilt, join_key
from gateway.audit.seals import check_seal
from gateway.clock import to_day
from gateway.day_figures import NONE, Figures, Place, to_json
from gateway.tables import day_totals, entries, open_days

WINDOW_DAYS = 31
WINDOW_ENTRIES = 50_000  # of one window, unless a single day has more
_BEHIND = [select(func.min(table.c.booked_on)).where(table.c.booked_on > bindparam("day"))
           for table in (entries, day_totals)]


def check(work: Work) -> None:
    """Which day is open, and every closed one."""
    newest: dict[int, int] = {}
    for _, rows, _ in work.reader.pages(day_totals):
        for row in rows:
            check_seal(work, day_totals, row)
            newest[row.programme_id] = row.booked_on
        work.docket.checked(day_totals.name, len(rows))
    open_on = _open(work)
    for programme_id, day in newest.items():
        if programme_id not in open_on:
            work.docket.find(open_days.name, str(programme_id), GONE[open_days.name], RESTORE)
        elif open_on[programme_id] <= day:
            work.docket.find(open_days.name, str(programme_id), "older than what is closed: it"
                             f" says day {open_on[programme_id]}, day {day} is closed.",
                             ROLLED_BACK)
    for stored, found in beside(work):
        _check_figures(work, stored, found, newest)


def beside(work: Work) -> Iterator[tuple[dict[Place, str], dict[Place, Figures]]]:
    """What is sealed, and what was booked, of one stretch of days after the other."""
    for connection, first, last in _windows(work):
        rows = work.reader.sound(day_totals, connection.execute(
            raw(day_totals).where(day_totals.c.booked_on.between(first, last))).all())
        found = _added_up(work, connection, first, last)
        if found is not None:
            yield {(row.programme_id, row.booked_on, row.merchant_id): row.figures
                   for row in rows}, found


def _open(work: Work) -> dict[int, int]:
    open_on: dict[int, int] = {}
    for _, rows, _ in work.reader.pages(open_days):
        for row in rows:
            check_seal(work, open_days, row)
            open_on[row.programme_id] = row.open_on
        work.docket.checked(open_days.name, len(rows))
    return open_on


def _windows(work: Work) -> Iterator[tuple[Connection, int, int]]:
    """(snapshot, first day, last day) of each stretch of days that has entries or totals; so few
    days that adding them up is no long read."""
    after = -1
    while True:
        with work.reader.snapshot() as connection:
            next_days = [connection.execute(each, {"day": after}).scalar() for each in _BEHIND]
            known = [day for day in next_days if isinstance(day, int)]
            if not known:
                return
            first, booked_on = min(known), entries.c.booked_on
            many = connection.execute(select(booked_on).where(booked_on >= first).order_by(
                booked_on).offset(WINDOW_ENTRIES).limit(1)).scalar()
            after = first + WINDOW_DAYS - 1
            if isinstance(many, int):
                after = max(first, min(after, many - 1))
            yield connection, first, after


def _check_figures(work: Work, stored: Mapping[Place, str], found: Mapping[Place, Figures],
                   newest: dict[int, int]) -> None:
    """What is sealed beside what was booked; a day behind the newest sealed one is not closed."""
    closed = {key for key in found if key[1] <= newest.get(key[0], -1)}
    for key in sorted(closed | stored.keys(), key=str):  # a merchant may be any value by now
        name, now = join_key(*key), to_json(found.get(key, NONE))
        if key not in stored:
            work.docket.find(day_totals.name, name, GONE[day_totals.name], RESTORE)
        elif key not in found and stored[key] != now:
            work.docket.find(day_totals.name, name, "nothing was booked there.", FORGED)
        elif stored[key] != now:
            work.docket.find(day_totals.name, name, f"says {stored[key]}, what was booked comes"
                             f" to {now}.", RECOMPUTE)


def rebuilt(work: Work) -> Iterator[Rebuilt]:
    """Each figure of closed days beside what was booked on them, whatever the seals say."""
    for stored, found in beside(work):
        for place, text in stored.items():
            yield Rebuilt(day_totals, place, _figures_in(text),
                          found.get(place, NONE)._asdict())


def rebuilt_open(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterator[Rebuilt]:
    """The open day: the one behind the newest closed one; while days are being closed, or none is
    yet, any through today (in whatever time zone)."""
    newest = {row[0]: row[1] for row in connection.execute(
        select(day_totals.c.programme_id, func.max(day_totals.c.booked_on))
        .group_by(day_totals.c.programme_id)) if isinstance(row[1], int)}
    today = to_day(work.clock().date()) + 1
    for row in rows:
        last = newest.get(row.programme_id)
        least = min(row.open_on, today) if last is None else last + 1
        under_way = least <= row.open_on <= today
        yield Rebuilt(open_days, (row.programme_id,), row._asdict(), {
            "open_on": row.open_on if under_way else least})


def _figures_in(text: str) -> dict[str, Any]:
    """Every figure of sealed totals, which leave those of 0 away; None where they do not read."""
    told = said_in(text)
    left_away = None if not told and text != to_json(NONE) else 0
    return {name: told.get(name, left_away) for name in Figures._fields}


def _added_up(work: Work, connection: Connection, first: int,
              last: int) -> dict[Place, Figures] | None:
    try:
        return days.figures(connection, first, last)
    except (DBAPIError, ValueError, TypeError, OverflowError):
        work.docket.find(day_totals.name, "some", "cannot be added up again: the database cannot"
                         " sum what they follow from.", RECOMPUTE)
        return None
