"""Logins of operators: their PINs are tried here, before a batch takes its locks.

Law: trying a PIN is slow by intent, and behind the locks of a batch every tap would wait for it;
so it is done before, on what is kept of the PIN just then, and the message carries what came of it
(`Proof`). What counts is decided behind the lock of the operator's tries (decisions/login.py); a
proof of a PIN that was replaced meanwhile counts for nothing. A batch tries one PIN for each
terminal and TRIED_MAX in all, none of an operator who is locked, none for a frame that was
answered before: whoever floods logins holds taps up by that much and no more. What was not tried
is 90.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine, select

from gateway import bulk, chain, pins, tries
from gateway.database import reading
from gateway.keyring import Keyring
from gateway.message import Message, Proof
from gateway.parties import Catalogue, Terminal
from gateway.tables import operator_pins, operator_tries, operators, shops, terminals
from gateway.tries import Tries
from protocol.errors import PinError
from protocol.messages import LOGIN

TRIED_MAX = 8

_PLACE = (terminals.c.id, operators.c.number)
_KEPT = tuple(operator_pins.c[name] for name in pins.Kept._fields)
_TRIES = tuple(operator_tries.c[name] for name in tries.COLUMNS[:-1])


def proved(engine: Engine, keyring: Keyring, batch: Sequence[Message], now: int) -> list[Message]:
    """The batch, its logins with their proofs as far as they are due one; a batch without any
    costs nothing, one with some a statement."""
    first: dict[int, Message] = {}
    for message in filter(_login, batch):
        first.setdefault(message.terminal_id, message)
    if not first:
        return list(batch)
    due = list(first.values())[:TRIED_MAX]
    known = _known(engine, due)
    proofs: dict[bytes, Proof] = {}
    for message in due:
        found = known.get((message.terminal_id, message.request.operator))
        if found is not None:
            proof = _proof(keyring, message, *found, now)
            if proof is not None:
                proofs[message.frame_hash] = proof
    return [message._replace(proof=proofs[message.frame_hash])
            if message.frame_hash in proofs else message for message in batch]


def _login(message: Message) -> bool:
    return message.request.type == LOGIN and not message.fault


def _known(engine: Engine, asked: Sequence[Message]) -> Mapping[tuple, tuple[pins.Kept, Tries]]:
    """What is kept of the operators' PINs, by terminal and number, in one statement."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(*_PLACE, *_KEPT, *_TRIES)
            .select_from(terminals)
            .join(shops, shops.c.id == terminals.c.shop_id)
            .join(operators, operators.c.merchant_id == shops.c.merchant_id)
            .join(operator_pins, operator_pins.c.operator_id == operators.c.id)
            .join(operator_tries, operator_tries.c.operator_id == operators.c.id)
            .where(terminals.c.id.in_(sorted({each.terminal_id for each in asked})),
                   operators.c.number.in_(sorted({each.request.operator or 0 for each in asked})))
        ).all()
    behind = len(_PLACE) + len(_KEPT)
    return {tuple(row[:2]): (pins.Kept(*row[2:behind]), tries.read(row[behind:])) for row in rows}


def _proof(keyring: Keyring, message: Message, kept: pins.Kept, before: Tries,
           now: int) -> Proof | None:
    if before.locked(now) or before.answered(message.digest) is not None:
        return None
    request = message.request
    try:
        pin = keyring.open_pin(message.terminal_id, message.epoch, request.journal, request.nonce,
                               request.pin_block)
    except PinError:
        return Proof(kept.version, None)
    return Proof(kept.version, pins.fits(keyring.pin_key, kept, pin))


def read_tries(connection: Connection, audit_key: bytes, batch: Sequence[Message],
               catalogue: Catalogue, found: Mapping[int, Terminal], *,
               lock: bool) -> tuple[dict[int, Tries], set[int]]:
    """The tries of the operators who log in with this batch, by id and under their locks, and who
    of them has a row that was tampered with; no statement without a login."""
    ids = {_operator_id(message, catalogue, found) for message in batch if _login(message)} - {0}
    if not ids:
        return {}, set()
    rows = bulk.select(connection, operator_tries, tries.COLUMNS, ("operator_id",),
                       bulk.keys(ids), lock=lock)
    forged = {row[0] for row in rows if not chain.same(
        row[-1], chain.seal(audit_key, tries.TABLE, tuple(row[:-1])))}
    return {row[0]: tries.read(row[:-1]) for row in rows if row[0] not in forged}, forged


def _operator_id(message: Message, catalogue: Catalogue, found: Mapping[int, Terminal]) -> int:
    terminal = found.get(message.terminal_id)
    if terminal is None:
        return 0
    merchant_id = catalogue.shops[terminal.shop_id].merchant_id
    operator = catalogue.operators.get((merchant_id, message.request.operator or 0))
    return 0 if operator is None else operator.id


def store_tries(connection: Connection, audit_key: bytes, changed: Sequence[Tries]) -> None:
    """How logins of a batch went, under the locks that `read_tries` took."""
    bulk.update(connection, operator_tries, tries.COLUMNS, [
        tries.sealed(audit_key, each) for each in sorted(changed)])
