"""What waits for HQ: held taps, with what a person needs to decide on them.

Law: a page in each short snapshot, no locks, and no card number beyond its last four digits. What
still holds a tap is found by deciding it once more as things stand now, without storing anything;
so the list tells what a verdict to post would meet.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, select, text

from gateway import bulk
from gateway.clock import from_ms, month_of, to_ms
from gateway.database import reading
from gateway.decisions import DECISIONS
from gateway.errors import LinkMoved
from gateway.held import POSTED, STATES, HeldKey, boxes_of, held_message
from gateway.intake import Intake
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.loading import HANDSET_KEY, CatalogueCache, load
from gateway.message import HQ, Key, Message, verdict_key
from gateway.tables import merchants, outcomes, reversals, shops, terminals
from protocol import codes
from protocol.messages import MESSAGES

OPEN = "open"
VOIDED = "voided"

KEPT = "kept"
GONE = "no longer kept"
UNREADABLE = "does not open"
PAGE_ROWS = 200
# in so many words: only then may a database take the index of held rows
HELD_ROWS = text(f"code = {codes.HELD}")


class HeldTap(NamedTuple):
    """A tap that was held. `state`: open, posted, refused, voided. `card`: its last four. `why`:
    what would hold it still (empty: nothing would). `by`, `reason`: of a verdict. `frame`: KEPT,
    GONE (after 400 days), or UNREADABLE: the frame key or the stored row is wrong, and until that
    is put right nothing is known of the tap. What stands in a frame is None unless it is KEPT."""

    key: HeldKey
    state: str
    held_at: datetime
    merchant: str
    shop: str
    kind: str | None
    tapped_at: datetime | None
    card: str | None
    amount_minor: int | None
    why: str
    by: str | None
    reason: str | None
    frame: str


class _Opened(NamedTuple):
    message: Message
    frame: str
    note: dict


def waiting(intake: Intake, *, everything: bool = False) -> Iterator[HeldTap]:
    """Held taps without a verdict, by terminal, journal and trace; `everything`: the others too.

    Reads a page in each short snapshot and locks nothing.
    """
    after: Key = (0, b"")
    while True:
        with reading(intake.engine) as connection:
            rows = connection.execute(_page(after)).all()
            found = list(_taps(connection, intake, rows, everything))
        yield from found
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1].origin, rows[-1].operation_key


def _page(after: Key):
    table = outcomes.c
    behind = (table.origin > after[0]) | (
        (table.origin == after[0]) & (table.operation_key > after[1]))
    return select(table.origin, table.operation_key, table.frame_hash, table.decided_at).where(
        HELD_ROWS, behind).order_by(
            table.origin, table.operation_key).limit(PAGE_ROWS)


def _taps(connection: Connection, intake: Intake, rows: Sequence[Row],
          everything: bool) -> Iterator[HeldTap]:
    keys = [(row.origin, row.operation_key) for row in rows]
    verdicts = _verdicts(connection, keys)
    gone = {tuple(row) for row in bulk.select(connection, reversals, HANDSET_KEY, HANDSET_KEY,
                                              keys)} if keys else set()
    shown = [row for row in rows if everything or not (
        (row.origin, row.operation_key) in gone or (row.origin, row.operation_key) in verdicts)]
    if not shown:
        return
    opened = _opened(connection, intake.keyring, shown, verdicts)
    places = _places(connection, {row.origin for row in shown})
    reasons = _still(connection, intake, [opened[key].message for key in opened
                                          if key not in gone and key not in verdicts])
    for row in shown:
        key = row.origin, row.operation_key
        state = (STATES[verdicts[key][0]] if key in verdicts else VOIDED if key in gone
                 else OPEN)
        yield _tap(row, opened[key], state, places.get(row.origin, ("", "")),
                   reasons.get(key, ""))


def _verdicts(connection: Connection, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """(code, decided_at) of HQ's verdicts, by the held row's key."""
    held = {(HQ, verdict_key(*key)): key for key in keys}
    if not held:
        return {}
    return {held[row[0], row[1]]: (row[2], row[3]) for row in bulk.select(
        connection, outcomes, (*HANDSET_KEY, "code", "decided_at"), HANDSET_KEY, sorted(held))}


def _opened(connection: Connection, keyring: Keyring, rows: Sequence[Row],
            verdicts: dict[Key, tuple[int, int]]) -> dict[Key, _Opened]:
    """The held messages and the notes of their verdicts, by the held row's key."""
    wanted = {(row.origin, row.operation_key): (month_of(row.decided_at), row.origin,
                                                row.operation_key) for row in rows}
    notes = {key: (month_of(verdicts[key][1]), HQ, verdict_key(*key))
             for key in wanted if key in verdicts}
    boxes = boxes_of(connection, [*wanted.values(), *notes.values()])
    opened = {}
    for row in rows:
        key = row.origin, row.operation_key
        frame, found = _unlocked(keyring, wanted[key], boxes)
        note, _ = _unlocked(keyring, notes[key], boxes) if key in notes else (None, GONE)
        held = HeldKey(row.origin, int.from_bytes(row.operation_key[:4], "big"),
                       int.from_bytes(row.operation_key[4:], "big"))
        opened[key] = _Opened(
            held_message(held, frame[0] if frame else None, row.frame_hash, row.decided_at),
            found, json.loads(note[1]) if note else {})
    return opened


def _unlocked(keyring: Keyring, where: tuple,
              boxes: dict[Key, bytes]) -> tuple[tuple[bytes, bytes] | None, str]:
    """(request and reply of a box or None, KEPT, GONE or UNREADABLE)."""
    month, *key = where
    box = boxes.get(tuple(key))
    if box is None:
        return None, GONE
    try:
        return keyring.unlock(month, bound_to("frames", *key), box), KEPT
    except KeyringError:
        return None, UNREADABLE


def _places(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(merchant, shop) by terminal."""
    rows = connection.execute(
        select(terminals.c.id, merchants.c.name, shops.c.name)
        .join(shops, shops.c.id == terminals.c.shop_id)
        .join(merchants, merchants.c.id == shops.c.merchant_id)
        .where(terminals.c.id.in_(sorted(ids))))
    return {row[0]: (row[1], row[2]) for row in rows}


def _still(connection: Connection, intake: Intake,
           messages: Sequence[Message]) -> dict[Key, str]:
    """The causes that would hold or refuse these messages today, by key; no word for none."""
    asked = [message._replace(by_hq=False) for message in messages if message.frame]
    if not asked:
        return {}
    now = to_ms(intake.clock())
    try:
        book = load(connection, CatalogueCache(), asked, now, intake.keyring, lock=False).book
    except LinkMoved:
        return {}  # a card is just changing hands; the next list knows
    found = {}
    for message in asked:
        decision = DECISIONS[message.request.type](message, book)
        if decision.code != POSTED:
            found[message.held_key] = decision.why or codes.name(decision.code)
    return found


def _tap(row: Row, opened: _Opened, state: str, place: tuple[str, str], why: str) -> HeldTap:
    said, note = opened.message.request, opened.note
    tapped_at = None if said.at is None else from_ms(said.at * 1000)
    return HeldTap(
        HeldKey(row.origin, said.journal, said.trace), state, from_ms(row.decided_at), *place,
        MESSAGES[said.type].name if opened.frame == KEPT else None, tapped_at,
        masked_card(said.card), said.amount_minor, why, note.get("by"), note.get("reason"),
        opened.frame)


def masked_card(card: tuple | None) -> str | None:
    """The last four digits of a card number, or of a chip's UID in hex."""
    if card is None:
        return None
    shown = str(card[1]) if isinstance(card[1], int) else card[1].hex()
    return f"****{shown[-4:]}"
