"""How far activity carries members' lots on: each span against the entries that tell of it.

Law: a span fits its seal, is its member's, and is what the newest entry says that carried the
member's lots on; an entry that does so leaves a span behind, and tells one that follows from the
one told before: so one that was away or other meanwhile is found out. What entries say is proved
by their chain (members.py).
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work, said_in
from gateway.audit.report import EITHER, FORGED, RECOMPUTE, RESTORE
from gateway.audit.seals import check_seal
from gateway.tables import DERIVED, member_spans, members
from gateway.validity import NO_SPAN, Span

FIGURES = DERIVED["member_spans"]
MENTION = '"span":'


def check(work: Work) -> None:
    """Every span: its seal, and whether its member is there."""
    for connection, rows, _ in work.reader.pages(member_spans):
        wanted = sorted((row.member_id,) for row in rows)
        there = work.reader.lookup(connection, members, (), ("id",), wanted)
        for row in rows:
            check_seal(work, member_spans, row)
            if (row.member_id,) not in there:
                work.docket.find(members.name, str(row.member_id), "missing, its span is there.",
                                 RESTORE)
        work.docket.checked(member_spans.name, len(rows))


def told(context: str) -> tuple[int, int] | None:
    """The span that an entry's context tells, if it tells one."""
    if MENTION not in context:
        return None
    said = said_in(context).get("span")
    if isinstance(said, list) and len(said) == 2 and all(type(day) is int for day in said):
        return said[0], said[1]
    return None


def check_follows(work: Work, entry: Row, before: tuple[int, int] | None) -> None:
    """What an entry tells, beside the span that the entries before it of its member left."""
    said = told(entry.context)
    if said is None or not isinstance(entry.booked_on, int):
        return
    known = Span(*before) if before else NO_SPAN
    if known.carried(entry.booked_on, said[1]) != said:
        work.docket.find(member_spans.name, str(entry.member_id), f"entry {entry.id} made {said}"
                         f" of it, where {tuple(known)} was told before: it was changed or gone"
                         " meanwhile.", EITHER)


def of_members(work: Work, connection: Connection, ids: Sequence[tuple]) -> Mapping[tuple, tuple]:
    """The stored spans of these members."""
    return work.reader.lookup(connection, member_spans, FIGURES, ("member_id",), ids)


def check_told(work: Work, row: Row, said: tuple[int, int] | None, stored: tuple | None) -> None:
    """A member's span as stored, and as the newest entry tells it."""
    if stored == said:
        return
    member = str(row.id)
    if stored is None:
        work.docket.find(member_spans.name, member, "missing, an entry tells of it.", RESTORE)
    elif said is None:
        work.docket.find(member_spans.name, member, "no entry made it.", FORGED)
    else:
        work.docket.find(member_spans.name, member, f"is {stored}, its newest entry says {said}.",
                         RECOMPUTE)
