"""Held taps: what waits for HQ, and HQ's verdict on it.

Law (DESIGN 6.4): a verdict is an outcome of its own, origin 0 (HQ), key terminal || journal ||
trace of the held row, which never changes; so there is one verdict on a tap, and its terminal's
journal counts it. It goes the road of every message (`Intake.settle_held`): the same locks, the
same decision with what held it set aside, the same entry, chain and seals. A void that came
meanwhile wins. Who decided and why is kept encrypted with the frame, 400 days: a reason may name
a person, and no chain may (6.7). A tap whose frame is no longer kept can only be refused.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from gateway import bulk
from gateway.book import HQ, Decision, Facts, Key, Loaded, Message, operation_key, verdict_key
from gateway.clock import from_ms, month_of, to_ms
from gateway.database import reading
from gateway.decisions import DECISIONS
from gateway.errors import GatewayError, LinkMoved
from gateway.intake import Intake
from gateway.judging import OUTCOME, Case, rows_of
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.loading import FRAME_KEY, HANDSET_KEY, CatalogueCache, load
from gateway.originals import request_of
from gateway.tables import frames, merchants, outcomes, reversals, shops, terminals
from protocol import codes
from protocol import frames as wire
from protocol.limits import FRAME_UP_SIZE_MAX, U32_MAX
from protocol.messages import MESSAGES, Fault, request

POSTED = codes.APPROVED
REFUSED = 100  # of a verdict; no wire code, no terminal ever gets it

OPEN = "open"
VOIDED = "voided"
STATES = {POSTED: "posted", REFUSED: "refused"}
PAGE_ROWS = 200
REASON_SIZE_MAX = 400


class HeldError(GatewayError):
    """The verdict does not fit what there is: nothing was changed."""

    code = "held"


class HeldKey(NamedTuple):
    """The name of a held tap, as people write it: 10000001/1592933608/17."""

    terminal_id: int
    journal: int
    trace: int

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @property
    def row(self) -> Key:
        return self.terminal_id, operation_key(self.journal, self.trace)


class HeldTap(NamedTuple):
    """A tap that was held. `state`: open, posted, refused, voided. `card`: its last four. `why`:
    what would hold it still (empty: nothing would). `by`, `reason`: of a verdict. What stands in
    the frame is None once that is no longer kept."""

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


class Verdict(NamedTuple):
    """What HQ's word came to. `points`, `balance`, `receipt`: of the entry it made."""

    key: HeldKey
    state: str
    points: int | None
    balance: int | None
    receipt: int | None


def read_key(text: str) -> HeldKey:
    """HeldKey of its written form; HeldError for anything else."""
    parts = text.split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10
                                  and 0 < int(part) <= U32_MAX for part in parts):
        raise HeldError(f"{text!r} names no held tap. Nothing was changed; write"
                        " terminal/journal/trace as the list shows them.")
    return HeldKey(*map(int, parts))


# ---- HQ's word ----

def post(intake: Intake, key: HeldKey, by: str, reason: str = "") -> Verdict:
    """Post a held tap now, dated to its tap. Raises HeldError (nothing changed) and TryLater."""
    return _decide(intake, key, True, by, reason)


def refuse(intake: Intake, key: HeldKey, by: str, reason: str = "") -> Verdict:
    """Refuse a held tap for good. Raises HeldError (nothing changed) and TryLater."""
    return _decide(intake, key, False, by, reason)


def _decide(intake: Intake, key: HeldKey, posts: bool, by: str, reason: str) -> Verdict:
    if len(reason.encode()) > REASON_SIZE_MAX:
        raise HeldError(f"The reason is longer than {REASON_SIZE_MAX} bytes. Nothing was changed.")
    message = _held_message(intake, key)
    if posts and not message.frame:
        raise HeldError(f"The frame of {key} is no longer kept, so it cannot be posted. Nothing"
                        " was changed; refuse it, and give the points by an adjustment.")
    note = json.dumps({"by": by, "reason": reason}, ensure_ascii=False).encode()

    def judging(batch: Sequence[Message], loaded: Loaded) -> list[Case]:
        return [_judge(batch[0], loaded, key, posts, note)]

    settled = intake.settle_held(message, judging)
    facts = settled.case.decision.facts
    return Verdict(key, STATES[settled.case.decision.code], facts.points, facts.balance,
                   settled.entry.id if settled.entry else None)


def _judge(message: Message, loaded: Loaded, key: HeldKey, posts: bool, note: bytes) -> Case:
    book, seen = loaded
    before = seen.outcomes.get((HQ, message.key))
    if before is not None:
        raise HeldError(f"{key} was {STATES[before.code]} by HQ already. Nothing was changed.")
    original = book.originals.get(message.held_key)
    if original is None or original.code != codes.HELD:
        raise HeldError(f"{key} is not held. Nothing was changed; list what is.")
    if original.reversed:
        raise HeldError(f"{key} was voided meanwhile. Nothing was changed, nothing is to do.")
    decision = DECISIONS[message.request.type](message, book) if posts else Decision(
        REFUSED, Facts(points=0))
    if posts and decision.code != POSTED:
        why = decision.why or codes.name(decision.code)
        raise HeldError(f"{key} cannot be posted: {why}. Nothing was changed; put that right and"
                        " post it then, or refuse it.")
    case = Case(message, OUTCOME, decision, box=note, reason=STATES[decision.code])
    book.saw(message, outcomes=rows_of(case))
    book.join(decision)
    return case


def _held_message(intake: Intake, key: HeldKey) -> Message:
    """The held message as HQ's own; its frame is empty when it is no longer kept."""
    with reading(intake.engine) as connection:
        rows = bulk.select(connection, outcomes, ("code", "frame_hash", "decided_at"),
                           HANDSET_KEY, [key.row])
        if not rows or rows[0][0] != codes.HELD:
            raise HeldError(f"{key} is not held. Nothing was changed; list what is:"
                            " pointwire gateway held list")
        _, frame_hash, decided_at = rows[0]
        box = _boxes(connection, [(month_of(decided_at), *key.row)]).get(key.row)
    frame = None if box is None else intake.keyring.unlock(
        month_of(decided_at), bound_to("frames", *key.row), box)[0]
    return _message(key, frame, frame_hash, decided_at)


def _message(key: HeldKey, frame: bytes | None, frame_hash: bytes, decided_at: int) -> Message:
    if frame is None:
        said = request(0, key.journal, key.trace)
        return Message(key.terminal_id, 0, b"", frame_hash, decided_at, said, by_hq=True)
    said = request_of(frame)
    assert not isinstance(said, Fault), "a malformed message is never held"
    epoch = wire.split(frame, FRAME_UP_SIZE_MAX).epoch
    # the arrival is not kept; what was held was decided as it came
    return Message(key.terminal_id, epoch, frame, frame_hash, decided_at, said, by_hq=True)


# ---- what waits ----

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
        table.code == codes.HELD, behind).order_by(
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
    reasons = _still(connection, intake, [opened[key][0] for key in opened
                                          if key not in gone and key not in verdicts])
    for row in shown:
        key = row.origin, row.operation_key
        message, note = opened[key]
        state = (STATES[verdicts[key][0]] if key in verdicts else VOIDED if key in gone
                 else OPEN)
        yield _tap(row, message, state, places.get(row.origin, ("", "")),
                   reasons.get(key, ""), note)


def _verdicts(connection: Connection, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """(code, decided_at) of HQ's verdicts, by the held row's key."""
    held = {(HQ, verdict_key(*key)): key for key in keys}
    if not held:
        return {}
    return {held[row[0], row[1]]: (row[2], row[3]) for row in bulk.select(
        connection, outcomes, (*HANDSET_KEY, "code", "decided_at"), HANDSET_KEY, sorted(held))}


def _opened(connection: Connection, keyring: Keyring, rows: Sequence[Row],
            verdicts: dict[Key, tuple[int, int]]) -> dict[Key, tuple[Message, dict]]:
    """The held messages and the notes of their verdicts, by the held row's key."""
    wanted = {(row.origin, row.operation_key): (month_of(row.decided_at), row.origin,
                                                row.operation_key) for row in rows}
    notes = {key: (month_of(verdicts[key][1]), HQ, verdict_key(*key))
             for key in wanted if key in verdicts}
    boxes = _boxes(connection, [*wanted.values(), *notes.values()])
    opened = {}
    for row in rows:
        key = row.origin, row.operation_key
        frame = _unlocked(keyring, wanted[key], boxes)
        note = _unlocked(keyring, notes[key], boxes) if key in notes else None
        held = HeldKey(row.origin, int.from_bytes(row.operation_key[:4], "big"),
                       int.from_bytes(row.operation_key[4:], "big"))
        opened[key] = (_message(held, frame[0] if frame else None, row.frame_hash,
                                row.decided_at), json.loads(note[1]) if note else {})
    return opened


def _boxes(connection: Connection, wanted: Sequence[tuple]) -> dict[Key, bytes]:
    return {(row[0], row[1]): row[2] for row in bulk.select(
        connection, frames, (*HANDSET_KEY, "box"), FRAME_KEY, sorted(wanted))}


def _unlocked(keyring: Keyring, where: tuple, boxes: dict[Key, bytes]) -> tuple | None:
    month, *key = where
    box = boxes.get(tuple(key))
    try:
        return None if box is None else keyring.unlock(month, bound_to("frames", *key), box)
    except KeyringError:
        return None  # the audit names it


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


def _tap(row: Row, message: Message, state: str, place: tuple[str, str], why: str,
         note: dict) -> HeldTap:
    said = message.request
    kept = bool(message.frame)
    tapped_at = None if said.at is None else from_ms(said.at * 1000)
    return HeldTap(
        HeldKey(row.origin, said.journal, said.trace), state, from_ms(row.decided_at), *place,
        MESSAGES[said.type].name if kept else None, tapped_at, masked_card(said.card),
        said.amount_minor, why, note.get("by"), note.get("reason"))


def masked_card(card: tuple | None) -> str | None:
    """The last four digits of a card number, or of a chip's UID in hex."""
    if card is None:
        return None
    text = str(card[1]) if isinstance(card[1], int) else card[1].hex()
    return f"****{text[-4:]}"
