"""What voids, refunds and HQ's commands name: originals, resolved, locked, then read.

Law (DESIGN 6.2): `resolve` runs unlocked, only to learn whose terminals and members must be
locked; `read` runs behind the locks and believes nothing that was resolved. An original that
posted meanwhile, for a member nobody locked, means LinkMoved: roll back and begin again. Entries
never change, so what a receipt number leads to is the same before and behind the locks.
No statement is sent for a batch without voids.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import bulk, chain
from gateway.book import Outcome
from gateway.clock import month_of
from gateway.effects import Made, Original, Refunded
from gateway.errors import LinkMoved
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.ledger import ACCRUAL, REDEMPTION, REFUND, REVERSAL, Posting
from gateway.lots import Move
from gateway.message import HQ, NO_MESSAGE, Key, Message, verdict_key
from gateway.statements import send
from gateway.strict_cbor import decode
from gateway.tables import (
    ENTRY_LINKED,
    LOT_FACTS,
    entries,
    frames,
    lots,
    outcomes,
    postings,
    reversals,
)
from protocol import codes, messages
from protocol import frames as wire
from protocol.limits import FRAME_UP_SIZE_MAX
from protocol.messages import SALE, VOID, Fault, Request, read_request

HANDSET_KEY = ("origin", "operation_key")
FRAME_KEY = ("month", *HANDSET_KEY)
MADE_COLUMNS = ("id", "kind", "member_id", "merchant_id", "card_id", "amount_minor",
                "business_date", "context")
TYPE_OF_KIND = {ACCRUAL: SALE, REVERSAL: VOID, REDEMPTION: messages.REDEMPTION,
                REFUND: messages.REFUND}
NAMING = (VOID, messages.REFUND)

_OPENED_BY = LOT_FACTS.index("opened_by")

log = logging.getLogger("gateway.originals")


class Wanted(NamedTuple):
    """What to lock and read for the voids and refunds of a batch. `named`: keys of originals;
    `keys`: these, and those of the originals that the refunds among them took parts of; `voided`:
    those that a void names which the end of a terminal's day forbids;
    `receipts`: the key each receipt number leads to; `members`: whose points they moved, as far
    as seen."""

    keys: frozenset[Key] = frozenset()
    named: frozenset[Key] = frozenset()
    receipts: Mapping[int, Key] = {}
    members: frozenset[int] = frozenset()
    voided: frozenset[Key] = frozenset()

    @property
    def terminals(self) -> set[int]:
        return {origin for origin, _ in self.keys}

    @property
    def outcome_keys(self) -> set[Key]:
        """The keys of their outcomes, and of HQ's verdicts on them."""
        return set(self.keys) | {verdict_on(key) for key in self.keys if key[0] > HQ}


def verdict_on(key: Key) -> Key:
    """The key of HQ's verdict on a handset's message."""
    return HQ, verdict_key(*key)


def subject(origin: int, key: bytes) -> Key:
    """The handset's message behind an entry's key: a verdict's leads to the held row."""
    return (int.from_bytes(key[:4], "big"), key[4:]) if origin == HQ else (origin, key)


def _naming(batch: Sequence[Message]) -> list[Message]:
    return [message for message in batch if not message.fault
            and (message.request.type in NAMING or message.by_hq)]


def resolve(connection: Connection, batch: Sequence[Message]) -> Wanted:
    """Which rows the voids of a batch are about, unlocked; one statement when there are voids."""
    naming = _naming(batch)
    if not naming:
        return Wanted()
    keys, receipts, members = set[Key](), set[int](), set[int]()
    for message in naming:
        if message.command is not None:
            proposal = message.command.proposal
            members.add(proposal.member_id)
            receipts |= {proposal.receipt} - {0}
        elif message.hold is not None:
            receipts.add(message.hold.entry_id)
        elif message.by_hq:
            keys.add(message.held_key)
        if message.request.type in NAMING:
            key = message.original_key
            if key is None:
                receipts.add(message.request.original)
            else:
                keys.add(key)
    parts, values = [], ()
    if keys:
        by_key, values = bulk.sought(connection, outcomes, HANDSET_KEY,
                                     sorted(Wanted(frozenset(keys)).outcome_keys))
        parts.append("SELECT id, origin, operation_key, member_id FROM entries WHERE id IN"
                     f" (SELECT entry_id FROM {by_key})")
        # one that is a refund leads to its own original
        by_part, part_values = bulk.sought(connection, reversals, ("by_origin", "by_key"),
                                           sorted(Wanted(frozenset(keys)).outcome_keys))
        parts.append(f"SELECT 0, origin, operation_key, 0 FROM {by_part}")
        values += part_values
    if receipts:
        by_id, ids = bulk.matching(connection, entries, "id",
                                   [(each,) for each in sorted(receipts)])
        parts.append(f"SELECT id, origin, operation_key, member_id FROM entries WHERE {by_id}")
        parts.append("SELECT 0, r.origin, r.operation_key, 0 FROM reversals r JOIN entries e"
                     " ON e.origin = r.by_origin AND e.operation_key = r.by_key"
                     f" WHERE e.{by_id}")
        values += ids + ids
    led: dict[int, Key] = {}
    parts_of = set[Key]()
    rows = send(connection, " UNION ALL ".join(parts), values).fetchall() if parts else ()
    for row in rows:
        entry_id, origin, key, member_id = tuple(row)
        if not entry_id:
            parts_of.add((origin, key))
            continue
        members.add(member_id)
        if entry_id in receipts:
            led[entry_id] = subject(origin, key)
    named = frozenset(keys | set(led.values()))
    voided = {message.original_key or led.get(message.request.original) for message in naming
              if message.request.type == VOID and not message.by_hq}
    return Wanted(named | parts_of, named, led, frozenset(members),
                  frozenset(key for key in voided if key))


class Found(NamedTuple):
    """`originals`: those that have come, by key; `broken`: ids of entries that do not fit their
    chain, on which nothing may be built."""

    originals: dict[Key, Original]
    broken: frozenset[int] = frozenset()


# (seq, by, seal of the row) of what took something of a key back
Taken = Mapping[Key, Sequence[tuple[int, Key, bytes]]]


def forged(audit_key: bytes, taken: Taken) -> set[Key]:
    """Keys of which a row does not fit its seal or is missing: they are numbered from 1."""
    return {key for key, rows in taken.items()
            if sorted(seq for seq, _, _ in rows) != list(range(1, len(rows) + 1))
            or not all(chain.same(mac, chain.seal(audit_key, "reversals", (*key, seq, *by)))
                       for seq, by, mac in rows)}


def read(connection: Connection, keyring: Keyring, wanted: Wanted,
         outcomes_of: Mapping[Key, Outcome], taken: Taken, locked: Iterable[int]) -> Found:
    """What became of the originals; `outcomes_of`: their outcomes, read behind the locks.

    Raises LinkMoved when one of them moved points of a member that is not `locked`, or is a
    refund whose own original nobody looked for.
    """
    come = wanted.keys & outcomes_of.keys()
    if not come:
        return Found({})
    entry_ids: dict[Key, int] = {}
    unposted: list[Outcome] = []
    for key in come:
        outcome = outcomes_of[key]
        verdict = outcomes_of.get(verdict_on(key)) if key[0] > HQ else None
        entry_id = outcome.entry_id or (verdict.entry_id if verdict else None)
        if entry_id is not None:
            entry_ids[key] = entry_id
        else:
            unposted.append(outcome)
    takers = _read_takers(connection, {by for each in taken.values() for _, by, _ in each})
    made, broken = _read_made(connection, keyring, sorted({
        *entry_ids.values(), *(entry_id for entry_id, _ in takers.values())}))
    if not {each.member_id for each in made.values()} <= set(locked):
        raise LinkMoved("An original was posted meanwhile. Nothing was stored.")
    types = _read_types(connection, keyring, unposted)
    part_of = {subject(*by): key for key, each in taken.items() for _, by, _ in each}
    found = {}
    for key in come:
        back = _taken_back(taken.get(key, ()), takers, made)
        found[key] = _original(outcomes_of[key], made.get(entry_ids.get(key, 0)),
                               types.get(key, SALE), back, part_of.get(key))
        refunded = found[key].type == messages.REFUND and found[key].made is not None
        if refunded and key in wanted.named and not found[key].part_of:
            raise LinkMoved("A refund was posted meanwhile. Nothing was stored.")
    return Found(found, broken)


class _Back(NamedTuple):
    """What took an original back: wholly, or in parts that stand."""

    whole: bool
    refunds: tuple[Refunded, ...]
    seq: int


def _taken_back(taken: Sequence[tuple[int, Key, bytes]], takers: Mapping[Key, tuple[int, bool]],
                made: Mapping[int, Made]) -> _Back:
    whole, refunds = False, []
    for seq, by, _ in sorted(taken):
        entry_id, voided = takers.get(by, (0, False))
        entry = made.get(entry_id)
        if entry is None or entry.kind != REFUND:
            whole = True
        elif not voided:
            refunds.append(Refunded(subject(*by), seq, entry))
    return _Back(whole, tuple(refunds), max((seq for seq, _, _ in taken), default=0))


def _original(outcome: Outcome, made: Made | None, kind: int, back: _Back,
              part_of: Key | None) -> Original:
    if made is not None:
        kind = TYPE_OF_KIND.get(made.kind, NO_MESSAGE)
    return Original(kind, outcome.code, made, back.whole or outcome.code == codes.VOIDED,
                    back.refunds, back.seq, part_of)


def _read_takers(connection: Connection, keys: set[Key]) -> dict[Key, tuple[int, bool]]:
    """(entry, whether it was voided itself) of what took something back; no statement without."""
    if not keys:
        return {}
    voided = {tuple(row) for row in bulk.select(
        connection, reversals, HANDSET_KEY, HANDSET_KEY, sorted({subject(*by) for by in keys}))}
    rows = bulk.select(connection, outcomes, (*HANDSET_KEY, "entry_id"), HANDSET_KEY,
                       sorted(keys))
    return {(row[0], row[1]): (row[2] or 0, subject(row[0], row[1]) in voided) for row in rows}


def _read_made(connection: Connection, keyring: Keyring,
               ids: Sequence[int]) -> tuple[dict[int, Made], frozenset[int]]:
    """Entries with their lines, and the ids of those that were changed since: what a void gives
    back is read from them, so each is proved by its chain first."""
    if not ids:
        return {}, frozenset()
    rows = [(each,) for each in ids]
    posted, moved = _read_lines(connection, rows)
    lot_ids = sorted({(each.lot_id,) for lines in moved.values() for each in lines})
    facts = {row[0]: tuple(row) for row in bulk.select(
        connection, lots, LOT_FACTS, ("id",), lot_ids)} if lot_ids else {}
    made, broken = {}, set[int]()
    by_id, values = bulk.matching(connection, entries, "id", rows)
    columns = ",".join(f"e.{name}" for name in (*ENTRY_LINKED, "link", "head"))
    for held in send(
            connection, f"SELECT {columns}, b.link FROM entries e LEFT JOIN entries b"
            " ON b.member_id = e.member_id AND b.chain_seq = e.chain_seq - 1"
            f" WHERE e.{by_id}", values).fetchall():
        *row, link, head, before = tuple(held)
        entry = dict(zip(ENTRY_LINKED, row, strict=True))
        lines, moves = posted.get(row[0], []), moved.get(row[0], [])
        opened = [chain.lot_part(facts[lot_id])
                  for lot_id in sorted({each.lot_id for each in moves})
                  if lot_id in facts and facts[lot_id][_OPENED_BY] == row[0]]
        content = chain.entry_content(row, list(map(tuple, lines)),
                                      list(map(chain.movement_part, moves)), opened)
        before = before or chain.birth(entry["member_id"])
        if (link != chain.link(before, content)
                or not chain.same(head, chain.head(keyring.audit_key, link))):
            broken.add(row[0])
        made[row[0]] = Made(taker=row[0], **{name: entry[name] for name in MADE_COLUMNS},
                            postings=tuple(lines), movements=tuple(moves))
    return made, frozenset(broken)


def _read_lines(connection: Connection, rows: Sequence[tuple]
                ) -> tuple[dict[int, list[Posting]], dict[int, list[Move]]]:
    by_entry, values = bulk.matching(connection, postings, "entry_id", rows)
    posted: dict[int, list[Posting]] = {}
    moved: dict[int, list[Move]] = {}
    for row in send(
            connection, "SELECT 1, entry_id, line, account_id, unit, amount, 0, 0, 0, 0, 0"
            f" FROM postings WHERE {by_entry} UNION ALL SELECT 2, entry_id, line, lot_id, delta,"
            " held_delta, drawn_delta, expired_delta, paid_delta, taker, instead_delta"
            f" FROM lot_movements WHERE {by_entry} ORDER BY 1, 2, 3",
            values + values).fetchall():
        group, entry_id, _, *line = tuple(row)
        if group == 1:
            posted.setdefault(entry_id, []).append(Posting(*line[:3]))
        else:
            moved.setdefault(entry_id, []).append(Move(*line))
    return posted, moved


def request_of(frame: bytes) -> Request | Fault:
    """What a stored frame of ours says; it was verified when it came."""
    return read_request(decode(wire.split(frame, FRAME_UP_SIZE_MAX).payload))


def _read_types(connection: Connection, keyring: Keyring,
                unposted: Sequence[Outcome]) -> dict[Key, int]:
    """What the messages were that ended without an entry, from their frames as long as kept."""
    wanted = {(month_of(each.decided_at), each.origin, each.key) for each in unposted
              if each.code != codes.VOIDED}
    if not wanted:
        return {}
    types: dict[Key, int] = {}
    for month, origin, key, box in bulk.select(connection, frames, (*FRAME_KEY, "box"),
                                               FRAME_KEY, sorted(wanted)):
        try:
            frame, _ = keyring.unlock(month, bound_to("frames", origin, key), box)
        except KeyringError as fault:
            log.error("stored frame unreadable: terminal %d key %s: %s", origin, key.hex(), fault)
            continue
        types[origin, key] = request_of(frame).type
    return types
