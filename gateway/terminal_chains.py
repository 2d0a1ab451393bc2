"""The chains of terminals: evidence for sales to nobody.

An entry needs a chain, and one without a member goes to a house chain (DESIGN 6.5): that of the
terminal that made it, as its row is locked by the batch anyway and no other row gets hot. What the
ledger works on is a member that is nobody: its id is the terminal's below zero, it has no account,
no points and no lots.

Law: the row of a chain is sealed and read only behind its terminal's lock; a terminal without one
begins at its birth. Where the row was deleted, the next entry would take a seq that is there
already, and is refused by the database.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from gateway import bulk, chain
from gateway.member import Member
from gateway.parties import ACTIVE
from gateway.tables import SEALED, terminal_chains

COLUMNS = SEALED["terminal_chains"]


def nobody(terminal_id: int, seq: int, link: bytes, head: bytes) -> Member:
    """Whoever buys at a terminal without a card."""
    return Member(-terminal_id, 0, "", ACTIVE, 0, "", 0, 0, 0, 0, seq, link, head)


def read(connection: Connection, audit_key: bytes,
         ids: Iterable[int]) -> tuple[dict[int, Member], set[int]]:
    """(who is nobody at these terminals, by the id of its chain; ids of those whose row does not
    fit its seal). `ids` are below zero; no statement without any."""
    wanted = sorted(ids, reverse=True)
    if not wanted:
        return {}, set()
    found, broken = dict[int, Member](), set[int]()
    for *row, mac in bulk.select(connection, terminal_chains, (*COLUMNS, "row_mac"),
                                 ("terminal_id",), [(-each,) for each in wanted]):
        member = nobody(*row)
        found[member.id] = member
        if not chain.same(mac, chain.seal(audit_key, "terminal_chains", tuple(row))):
            broken.add(member.id)
    for each in wanted:
        if each not in found:
            birth = chain.birth(each)
            found[each] = nobody(-each, 0, birth, chain.head(audit_key, birth))
    return found, broken


def store(connection: Connection, audit_key: bytes, changed: Sequence[Member]) -> None:
    """How far these chains go now, by ascending terminal; no statement without any."""
    rows = []
    for member in sorted(changed, key=lambda member: -member.id):
        row = (-member.id, member.chain_seq, member.chain_link, member.chain_head)
        rows.append((*row, chain.seal(audit_key, "terminal_chains", row)))
    if rows:
        bulk.insert(connection, terminal_chains, (*COLUMNS, "row_mac"), rows,
                    key=("terminal_id",))
