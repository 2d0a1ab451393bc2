"""What is set aside: quarantined messages and dead letters.

Law: a quarantined frame has one row, is answered 90 and is not decided again until `requeue`;
its row stays. Messages without a trace are new bytes at each sending, so of those at most
UNTRACED_MAX are kept for a terminal. Dead letters are a window: at most LETTERS_MAX rows, the
oldest go first, and of one batch at most LETTERS_BATCH_MAX are kept, so that rubbish costs
little. Both hold the frame encrypted only, for a frame may hold a card number, and no PIN block:
a message with one is not quarantined, and a dead letter is kept without it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway import bulk, chain, counting
from gateway.clock import month_of
from gateway.errors import GatewayError
from gateway.keyring import Keyring, bound_to
from gateway.message import Message
from gateway.opening import OPENING_FAILED, Letter, without_pin
from gateway.tables import SEALED, dead_letters, quarantine
from protocol.frames import frame_hash
from protocol.limits import FRAME_UP_SIZE_MAX

QUARANTINED = "quarantined"
REQUEUED = "requeued"
UNTRACED_MAX = 20
LETTERS_MAX = 10_000
LETTERS_BATCH_MAX = 50
LETTER_COLUMNS = (*SEALED["dead_letters"], "row_mac")


class NotQuarantined(GatewayError):
    """No quarantined frame has this digest: nothing was changed."""

    code = "not_quarantined"


def set_aside(connection: Connection, keyring: Keyring, message: Message, fault: str,
              now: int) -> None:
    """Quarantine a message: its first row, or the row it had, quarantined again; not one with a
    PIN in it, which is new bytes at each sending anyway."""
    if message.secret:
        return
    row = connection.execute(select(quarantine).where(
        quarantine.c.frame_hash == message.frame_hash)).one_or_none()
    if row is not None:
        again = dict(row._mapping) | {"state": QUARANTINED, "fault": fault, "last_at": now}
        _write(connection, keyring, again)
        return
    if not message.request.trace and _untraced(connection, message.terminal_id) >= UNTRACED_MAX:
        return
    serial, = counting.take(connection, keyring.audit_key, counting.QUARANTINE, 1)
    box = keyring.lock(month_of(now), bound_to("quarantine", message.frame_hash),
                       message.frame, b"")
    values = {"frame_hash": message.frame_hash, "serial": serial,
              "terminal_id": message.terminal_id, "journal": message.request.journal,
              "trace": message.request.trace, "state": QUARANTINED, "fault": fault,
              "first_at": now, "last_at": now, "box": box}
    connection.execute(insert(quarantine).values(**values, row_mac=_seal(keyring, values)))


def _untraced(connection: Connection, terminal_id: int) -> int:
    return connection.execute(select(func.count()).where(
        quarantine.c.terminal_id == terminal_id, quarantine.c.trace == 0)).scalar_one()


def requeue(connection: Connection, keyring: Keyring, digest: bytes, now: int) -> None:
    """Let a quarantined frame (its full hash, or reply key 3's 8 bytes) be decided when it comes
    again; the terminal sends it again by itself. Raises NotQuarantined."""
    rows = connection.execute(select(quarantine).where(
        quarantine.c.state == QUARANTINED)).all()
    found = [row for row in rows if row.frame_hash.startswith(digest)] if len(digest) >= 8 else []
    if len(found) != 1:
        raise NotQuarantined(f"No quarantined frame has the digest {digest.hex()}."
                             " Nothing was changed; list the quarantine.")
    _write(connection, keyring, dict(found[0]._mapping) | {"state": REQUEUED, "last_at": now})


def _write(connection: Connection, keyring: Keyring, values: dict) -> None:
    changed = {name: values[name] for name in ("state", "fault", "last_at")}
    connection.execute(update(quarantine).where(
        quarantine.c.frame_hash == values["frame_hash"]).values(
            **changed, row_mac=_seal(keyring, values)))


def _seal(keyring: Keyring, values: dict) -> bytes:
    row = tuple(values[name] for name in SEALED["quarantine"])
    return chain.seal(keyring.audit_key, "quarantine", row)


def keep_letters(connection: Connection, keyring: Keyring, letters: Sequence[Letter],
                 letters_max: int = LETTERS_MAX) -> None:
    """Add to the dead letters and drop the oldest beyond `letters_max`."""
    kept = letters[:LETTERS_BATCH_MAX]
    counter = counting.lock(connection, keyring.audit_key, counting.DEAD_LETTERS)
    rows = []
    for serial, letter in enumerate(kept, counter.value + 1):
        # what our own mistake keeps from being read is kept as it came
        frame = letter.frame if letter.reason == OPENING_FAILED else without_pin(letter.frame)
        digest = frame_hash(frame)
        box = keyring.lock(month_of(letter.received_at), bound_to("dead_letters", digest),
                           frame[:FRAME_UP_SIZE_MAX], b"")
        row = (serial, letter.received_at, letter.terminal_id, letter.reason,
               len(letter.frame), digest, box)
        rows.append((*row, chain.seal(keyring.audit_key, "dead_letters", row)))
    value = counter.value + len(rows)
    low = max(counter.low, value - letters_max)
    if low > counter.low:
        connection.execute(delete(dead_letters).where(dead_letters.c.serial <= low))
    bulk.insert(connection, dead_letters, LETTER_COLUMNS, rows)
    counting.write(connection, keyring.audit_key, counter._replace(value=value, low=low))
