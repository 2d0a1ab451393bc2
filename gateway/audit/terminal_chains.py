"""Chains of sales to nobody: each terminal's row against the end of its chain.

Law: the entries themselves are walked and proved with those of members (members.py); here each
row's seal, and whether row and chain end together, read in one snapshot. They move no points.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, func, select

from gateway import chain
from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RESTORE, ROLLED_BACK, chain_name
from gateway.audit.seals import check_seal
from gateway.tables import entries, terminal_chains

NAME = terminal_chains.name


def check(work: Work) -> None:
    """Every row of terminal_chains."""
    for connection, rows, _ in work.reader.pages(terminal_chains):
        ends = _ends(work, connection, rows)
        for row in rows:
            check_seal(work, terminal_chains, row)
            _check_end(work, row, ends.get(-row.terminal_id, (0, b"")))
        work.docket.checked(NAME, len(rows))


def check_walked(work: Work, connection: Connection, moves_points: dict[int, bool]) -> None:
    """Chains whose entries were read, by member id (below zero): they have a row, and whether they
    move points."""
    there = work.reader.lookup(connection, terminal_chains, (), ("terminal_id",),
                               sorted((-each,) for each in moves_points))
    for chain_id, moves in moves_points.items():
        if (-chain_id,) not in there:
            work.docket.find(NAME, str(-chain_id), "missing, entries name it.", RESTORE)
        if moves:
            work.docket.find(NAME, str(-chain_id), "its entries move points, and nobody has any.",
                             FORGED)


def _ends(work: Work, connection: Connection, rows: Sequence[Row]) -> dict[int, tuple[int, bytes]]:
    """(seq, link) of the last entry of these terminals' chains, by member id."""
    c = entries.c
    lasts = [tuple(row) for row in connection.execute(
        select(c.member_id, func.max(c.chain_seq))
        .where(c.member_id.in_([-row.terminal_id for row in rows])).group_by(c.member_id))]
    found = work.reader.lookup(connection, entries, ("link",), ("member_id", "chain_seq"),
                               sorted(lasts))
    return {key[0]: (key[1], link) for key, (link,) in found.items()}


def _check_end(work: Work, row: Row, end: tuple[int, bytes]) -> None:
    terminal, (seq, link) = str(row.terminal_id), end
    if row.chain_seq > seq:
        span = str(row.chain_seq) if row.chain_seq == seq + 1 else f"{seq + 1} to {row.chain_seq}"
        work.docket.find(entries.name, f"{chain_name(-row.terminal_id)} seq {span}",
                         "missing from its chain.", RESTORE)
    elif row.chain_seq < seq:
        work.docket.find(NAME, terminal, f"older than its chain, which goes on to {seq}: the row"
                         f" says {row.chain_seq}.", ROLLED_BACK)
    elif row.chain_link != link:
        work.docket.find(NAME, terminal, "its chain link is not that of its last entry.", RESTORE)
    if not chain.same(row.chain_head, chain.head(work.audit_key, row.chain_link)):
        work.docket.find(NAME, terminal, "its chain head is not the seal of its chain link.",
                         RESTORE)
