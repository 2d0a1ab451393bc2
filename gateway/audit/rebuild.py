"""Everything derived, computed again from what is only inserted, and compared exactly (I10).

Law: the database adds up, by other means than totals.py: balances and chain ends from entries,
postings and movements; lots from movements; journals from outcomes and refusals; cards from their
events; terminals from their epochs; counters from the rows they count. Totals of batches and of
closed days, and which day is open, come by the one way there is, their seals left aside. A
difference is named with both values. Nothing is written: a rebuilt value is a reason to ask, not
a correction.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, tuple_, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from gateway import chain, counting
from gateway.audit import batches, commanded, days, holds
from gateway.audit.frozen import BOOKED
from gateway.audit.outcomes import count_by_journal
from gateway.audit.reader import Work, raw
from gateway.audit.report import RECOMPUTE, Rebuilt, join_key
from gateway.audit.spans import MENTION, told
from gateway.frozen_list import frozen_points
from gateway.lots import NOWHERE
from gateway.on_hold import ENDED, OPEN
from gateway.tables import (
    DERIVED,
    card_events,
    cards,
    counters,
    dead_letters,
    draws,
    entries,
    journals,
    lot_movements,
    lots,
    member_spans,
    members,
    open_days,
    postings,
    proposals,
    quarantine,
    refusals,
    registry_events,
    terminal_chains,
    terminal_epochs,
    terminals,
)
from gateway.tables import batches as batch_rows
from gateway.tables import holds as hold_rows

PAGE_ROWS = 20


def check(work: Work) -> None:
    """Each derived row beside its rebuilt values."""
    rooms: Sequence[tuple[Table, Callable[[Work, Connection, Sequence[Row]], Iterable[Rebuilt]]]]
    rooms = ((members, _members), (member_spans, _spans), (terminal_chains, _terminal_chains),
             (hold_rows, _holds), (batch_rows, batches.rebuilt), (open_days, days.rebuilt_open),
             (journals, _journals), (cards, _cards), (terminals, _terminals),
             (counters, _counters))
    for table, rebuild in rooms:
        for connection, rows, _ in work.reader.pages(table, rows_max=PAGE_ROWS):
            try:
                for each in rebuild(work, connection, rows) if rows else ():
                    _compare(work, each)
            except DBAPIError:
                # the sums of SQLite end at 64 bits
                work.docket.find(table.name, "some", "cannot be rebuilt: the database cannot add"
                                 " up what they follow from.", RECOMPUTE)
    for each in days.rebuilt(work):
        _compare(work, each)


def _compare(work: Work, each: Rebuilt) -> None:
    work.docket.rebuilt(each.table.name, 1)
    for name, value in each.values.items():
        stored = each.stored[name]
        if stored != value:
            work.docket.find(each.table.name, join_key(*each.key), f"{name} is {_shown(stored)},"
                             f" rebuilt it is {_shown(value)}.", RECOMPUTE)


def _shown(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _members(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    """Members and the lots their entries moved."""
    mine = entries.c.member_id.between(rows[0].id, rows[-1].id)
    ends = _chain_ends(connection, mine)
    posted = _points(connection, mine)
    moved = _movements(connection, mine)
    for row in rows:
        figures = [sums for (member_id, lot_id), sums in moved.items()
                   if member_id == row.id and lot_id != NOWHERE]
        available, held = sum(each[1] for each in figures), sum(each[2] for each in figures)
        born = chain.birth(row.id)
        seq, link, head = ends.get(row.id, (0, born, chain.head(work.audit_key, born)))
        yield Rebuilt(members, (row.id,), row._asdict(), {
            "available": available, "held": held,
            "debt": available + held - posted.get(row.id, 0),
            "chain_seq": seq, "chain_link": link, "chain_head": head})
    names = DERIVED["lots"]
    lot_ids = sorted({(lot_id,) for _, lot_id in moved if lot_id != NOWHERE})
    stored = work.reader.lookup(connection, lots, names, ("id",), lot_ids)
    for (_, lot_id), sums in moved.items():
        if (lot_id,) in stored:
            yield Rebuilt(lots, (lot_id,), dict(zip(names, stored[lot_id,], strict=True)),
                          dict(zip(names, sums, strict=True)))
    yield from _draws(work, connection, mine)
    _check_frozen(work, connection, rows)


def _check_frozen(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    """Lots of these members hold no less than returns hold of them."""
    for lot_id, points in connection.execute(
            select(lots.c.id, frozen_points()).where(
                lots.c.member_id.between(rows[0].id, rows[-1].id), frozen_points() < 0)):
        work.docket.find(lots.name, str(lot_id), f"returns hold {-_whole(points)} points more of"
                         " it than it holds.", BOOKED)


def _terminal_chains(work: Work, connection: Connection,
                     rows: Sequence[Row]) -> Iterable[Rebuilt]:
    """Where the chains of sales to nobody end."""
    ends = _chain_ends(connection, entries.c.member_id.between(
        -rows[-1].terminal_id, -rows[0].terminal_id))
    for row in rows:
        birth = chain.birth(-row.terminal_id)
        end = ends.get(-row.terminal_id, (0, birth, chain.head(work.audit_key, birth)))
        yield Rebuilt(terminal_chains, (row.terminal_id,), row._asdict(),
                      dict(zip(DERIVED["terminal_chains"], end, strict=True)))


def _draws(work: Work, connection: Connection, mine) -> Iterable[Rebuilt]:
    """Who has taken what, of these members' entries."""
    c, names = lot_movements.c, DERIVED["draws"]
    held = func.sum(c.held_delta)
    rows: Sequence[Any] = connection.execute(
        select(entries.c.member_id, c.taker, c.lot_id, func.sum(c.drawn_delta + c.held_delta),
               held, func.sum(c.paid_delta), func.sum(c.instead_delta))
        .join(lot_movements, c.entry_id == entries.c.id).where(mine, c.taker.is_not(None))
        .group_by(entries.c.member_id, c.taker, c.lot_id)).all()
    sums = {tuple(row[:3]): (_whole(row[3]), int(_whole(row[4]) > 0), _whole(row[5]),
                             _whole(row[6]))
            for row in rows if all(isinstance(each, int) for each in row[:3])}
    stored = work.reader.lookup(connection, draws, names, ("member_id", "taker", "lot_id"),
                                sorted(sums))
    for key, figures in sums.items():
        if key in stored:
            yield Rebuilt(draws, key, dict(zip(names, stored[key], strict=True)),
                          dict(zip(names, figures, strict=True)))


def _spans(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    """Spans from the newest entries that tell of one."""
    telling = entries.c.context.like(f"%{MENTION}%")
    mine = entries.c.member_id.between(rows[0].member_id, rows[-1].member_id)
    last = select(entries.c.member_id, func.max(entries.c.chain_seq)).where(
        mine, telling).group_by(entries.c.member_id)
    contexts = {row[0]: row[1] for row in connection.execute(
        select(entries.c.member_id, type_coerce(entries.c.context, NullType())).where(
            mine, tuple_(entries.c.member_id, entries.c.chain_seq).in_(last)))}
    for row in rows:
        context = contexts.get(row.member_id)
        said = told(context) if isinstance(context, str) else None
        yield Rebuilt(member_spans, (row.member_id,), row._asdict(), dict(
            zip(DERIVED["member_spans"], said or (None, None), strict=True)))


def _holds(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    """How holds stand, from the entries that tell of their end."""
    found: Sequence[Any] = connection.execute(
        select(entries.c.id, type_coerce(entries.c.context, NullType()).label("context")).where(
            entries.c.member_id.in_({row.member_id for row in rows}),
            entries.c.context.like(f"%{ENDED}%"))).all()
    telling = [each for each in found if isinstance(each.context, str)]
    by = holds.ended_by(work, connection, telling)
    said = {each.id: holds.ends_in(each.context) for each in telling}
    for row in rows:
        end = said.get(by.get(row.entry_id))
        yield Rebuilt(hold_rows, (row.entry_id,), row._asdict(), {
            "state": end[0] if end else OPEN, "ended_by": by.get(row.entry_id)})


def _chain_ends(connection: Connection, mine) -> dict[int, tuple]:
    last = select(entries.c.member_id, func.max(entries.c.chain_seq)).where(mine).group_by(
        entries.c.member_id)
    rows = connection.execute(select(
        entries.c.member_id, entries.c.chain_seq, type_coerce(entries.c.link, NullType()),
        type_coerce(entries.c.head, NullType())).where(
            mine, tuple_(entries.c.member_id, entries.c.chain_seq).in_(last)))
    return {row[0]: tuple(row[1:]) for row in rows}


def _points(connection: Connection, mine) -> dict[int, int]:
    rows = connection.execute(
        select(entries.c.member_id, func.sum(postings.c.amount))
        .join(postings, postings.c.entry_id == entries.c.id)
        .join(members, members.c.id == entries.c.member_id)
        .where(mine, postings.c.account_id == members.c.points_account_id)
        .group_by(entries.c.member_id))
    return {row[0]: _whole(row[1]) for row in rows}


def _movements(connection: Connection, mine) -> dict[tuple[int, int], tuple[int, ...]]:
    """(issued, remaining, held, expired, paid) by (member, lot)."""
    c = lot_movements.c
    sums = [func.sum(each) for each in (
        c.delta + c.held_delta + c.drawn_delta + c.expired_delta, c.delta, c.held_delta,
        c.expired_delta, c.paid_delta)]
    rows: Sequence[Any] = connection.execute(
        select(entries.c.member_id, c.lot_id, *sums)
        .join(lot_movements, c.entry_id == entries.c.id).where(mine)
        .group_by(entries.c.member_id, c.lot_id)).all()
    return {(row[0], row[1]): tuple(map(_whole, row[2:]))
            for row in rows if isinstance(row[1], int)}


def _whole(total: Any) -> Any:
    """PostgreSQL adds whole numbers up to a decimal; SQLite adds texts up to a float."""
    return int(total) if isinstance(total, Decimal) else total


def _journals(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    first, last = rows[0], rows[-1]
    counted = count_by_journal(connection, (first.terminal_id - 1, b"\xff" * 9),
                               (last.terminal_id, b"\xff" * 9))
    refused = {(row[0], row[1]): row[2] for row in connection.execute(
        select(refusals.c.terminal_id, refusals.c.journal, func.max(refusals.c.trace))
        .where(refusals.c.terminal_id.between(first.terminal_id, last.terminal_id))
        .group_by(refusals.c.terminal_id, refusals.c.journal)) if isinstance(row[2], int)}
    for row in rows:
        key = row.terminal_id, row.journal
        count, highest = counted.get(key, (0, 0))
        yield Rebuilt(journals, key, row._asdict(), {
            "outcomes": count, "highest_trace": max(highest, refused.get(key, 0))})


def _cards(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    events: dict[int, list[Row]] = {}
    found = connection.execute(raw(card_events).where(
        card_events.c.card_id.between(rows[0].id, rows[-1].id))
        .order_by(card_events.c.card_id, card_events.c.seq)).all()
    for event in work.reader.sound(card_events, found):
        events.setdefault(event.card_id, []).append(event)
    for row in rows:
        story = events.get(row.id, ())
        if story:
            yield Rebuilt(cards, (row.id,), row._asdict(), {
                "state": story[-1].state, "state_since": story[-1].since,
                "member_id": story[-1].member_id,
                "state_before": story[-2].state if len(story) > 1 else None})


def _terminals(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    epochs: dict[int, list[Row]] = {}
    found = connection.execute(raw(terminal_epochs).where(
        terminal_epochs.c.terminal_id.between(rows[0].id, rows[-1].id))).all()
    for epoch in work.reader.sound(terminal_epochs, found):
        epochs.setdefault(epoch.terminal_id, []).append(epoch)
    for row in rows:
        known = epochs.get(row.id, ())
        revoked = sorted(each.epoch & 255 for each in known if each.revoked_at is not None)
        yield Rebuilt(terminals, (row.id,), row._asdict(), {
            "epoch": max((each.epoch for each in known), default=0),
            "revoked_epochs": bytes(revoked)})


def _counters(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterable[Rebuilt]:
    """How far the serials go; `config` follows from nothing that is kept."""
    serials = {counting.REFUSALS: refusals.c.serial, counting.QUARANTINE: quarantine.c.serial,
               counting.DEAD_LETTERS: dead_letters.c.serial,
               counting.PROPOSALS: proposals.c.serial}
    event = connection.execute(raw(registry_events).order_by(
        registry_events.c.seq.desc()).limit(1)).one_or_none()
    for row in rows:
        values: dict[str, object] = {}
        if row.name == counting.HOUSE:
            values = {"value": event.seq if event else 0,
                      "link": event.link if event else chain.NO_LINK}
        elif row.name == counting.COMMANDS:
            values = {"value": commanded.count(connection)}
        elif row.name in serials:
            highest = connection.execute(select(func.max(serials[row.name]))).scalar_one()
            values = {"value": row.low if highest is None else highest}
        yield Rebuilt(counters, (row.name,), row._asdict(), values)
