"""What HQ's commands read that no message does: behind the locks of loading.py, or not at all."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from gateway import bulk
from gateway.commands import WRITE_OFF
from gateway.decisions.accounts import write_off_from
from gateway.lots import NOWHERE
from gateway.member import Member
from gateway.message import Message
from gateway.parties import Catalogue
from gateway.statements import send
from gateway.tables import entries


def lots_of(batch: Sequence[Message]) -> dict[int, int]:
    """The lot that HQ extends, by member."""
    return {message.command.proposal.member_id: message.command.proposal.lot_id
            for message in batch if message.command and message.command.proposal.lot_id}


def owed_since(connection: Connection, batch: Sequence[Message], found: Mapping[int, Member],
               catalogue: Catalogue, now: int) -> dict[int, int]:
    """What became debt of late, of members whose debt HQ wants to write off; no statement without
    any. An entry counts for what it left uncovered, whatever covered it since."""
    since = {}
    for message in batch:
        if message.command and message.command.proposal.kind == WRITE_OFF:
            member = found.get(message.command.proposal.member_id)
            if member is not None:
                since[member.id] = write_off_from(catalogue.programmes[member.programme_id], now)
    if not since:
        return {}
    by_member, values = bulk.matching(connection, entries, "member_id",
                                      [(member_id,) for member_id in sorted(since)])
    owed = dict.fromkeys(since, 0)
    for row in send(
            connection, "SELECT e.member_id, e.booked_on, sum(m.drawn_delta) FROM entries e"
            f" JOIN lot_movements m ON m.entry_id = e.id WHERE e.{by_member}"
            f" AND m.lot_id = {NOWHERE} AND m.drawn_delta > 0 GROUP BY 1, 2", values).fetchall():
        member_id, booked_on, points = tuple(row)
        if booked_on > since[member_id]:
            owed[member_id] += int(points)
    return owed
