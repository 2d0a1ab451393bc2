"""Frames in, verified messages out: the first phase, without a database.

Law: size, outer form, the topic's terminal, the MAC, the payload, in this order; what fails is
none of ours and gets no reply. Nothing inside a payload is looked at before its MAC held. The
same bytes always open to the same verdict. A settled frame with the answer its terminal holds
(type 15) opens to the frame inside, which must be the same terminal's and journaled: it is that
frame which is judged and answered. Should a frame break the opening itself, it alone is
set aside as a dead letter: no reply, so its terminal keeps it until the fault is mended.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.clock import to_ms
from gateway.keyring import Keyring
from gateway.message import Message, Told
from gateway.strict_cbor import decode
from protocol import codes, frames
from protocol.errors import CborError, FrameError
from protocol.limits import FRAME_UP_SIZE_MAX, PIN_BLOCK_SIZE, UP
from protocol.messages import MESSAGES, SETTLED, Fault, read_request, request

REPLIED = "replied"
DEAD_LETTER = "dead_letter"
UNREADABLE = "unreadable"
UNAUTHENTICATED = "unauthenticated"
TOO_LARGE = "too_large"

PIN_BLOCK = 12  # key of a request
OPENING_FAILED = "opening_failed"  # a reason: our own mistake

log = logging.getLogger("gateway.opening")


class Arrival(NamedTuple):
    """A frame as it came. `terminal_id`: from the MQTT topic, None over HTTP."""

    frame: bytes
    received_at: datetime
    terminal_id: int | None = None


class Answer(NamedTuple):
    """What became of an arrival.

    `verdict` is "replied", "dead_letter", "unreadable", "unauthenticated" or "too_large"; only
    the first has a `reply` (the sealed frame) and a `code`. `reason` is a word for the log.
    """

    verdict: str
    terminal_id: int | None
    epoch: int | None
    code: int | None
    reply: bytes | None
    reason: str


class Letter(NamedTuple):
    """A frame that is none of ours, on its way to the dead letters."""

    verdict: str
    reason: str
    frame: bytes
    received_at: int
    terminal_id: int | None
    epoch: int | None = None

    @property
    def answer(self) -> Answer:
        return Answer(self.verdict, self.terminal_id, self.epoch, None, None, self.reason)


def open_arrival(keyring: Keyring, arrival: Arrival) -> Message | Letter:
    """The verified message, or the letter it is."""
    frame = bytes(arrival.frame)
    received_at = to_ms(arrival.received_at)

    def letter(verdict: str, reason: str, terminal_id: int | None = arrival.terminal_id,
               epoch: int | None = None) -> Letter:
        return Letter(verdict, reason, frame, received_at, terminal_id, epoch)

    if len(frame) > FRAME_UP_SIZE_MAX:
        return letter(TOO_LARGE, "too_large")
    try:
        parts = frames.split(frame, FRAME_UP_SIZE_MAX)
    except FrameError as fault:
        return letter(UNREADABLE, str(fault))
    terminal_id, epoch = parts.terminal_id, parts.epoch
    if arrival.terminal_id is not None and arrival.terminal_id != terminal_id:
        return letter(DEAD_LETTER, "topic_of_another", arrival.terminal_id, epoch)
    if not frames.authentic(keyring.terminal_key(terminal_id, epoch), UP, parts):
        return letter(UNAUTHENTICATED, "mac", terminal_id, epoch)
    try:
        said = read_request(decode(parts.payload))
    except CborError:
        return letter(UNREADABLE, "payload", terminal_id, epoch)
    except FrameError as fault:
        return letter(UNREADABLE, str(fault), terminal_id, epoch)
    fault = 0
    if isinstance(said, Fault):
        said, fault = request(said.type, said.journal, said.trace), said.code
    found = Message(terminal_id, epoch, frame, frames.frame_hash(frame), received_at, said, fault)
    return _inside(keyring, arrival, found) if said.type == SETTLED and not fault else found


def _inside(keyring: Keyring, arrival: Arrival, outer: Message) -> Message:
    """The message that a terminal settled before, with what it says of its answer; the one round
    it, as malformed, where that is none."""
    said = outer.request
    found = open_arrival(keyring, Arrival(said.frame, arrival.received_at, outer.terminal_id))
    known = None if isinstance(found, Letter) else MESSAGES.get(found.request.type)
    if (isinstance(found, Letter) or found.told is not None  # that is a type 15 itself
            or known is None or not known.journaled):
        return outer._replace(request=request(said.type, said.journal, said.trace),
                              fault=codes.MALFORMED)
    code, points, *receipt = said.held
    return found._replace(told=Told(code, points, receipt[0] if receipt else 0, outer.epoch))


def without_pin(frame: bytes) -> bytes:
    """The frame with zeros for the PIN block in it, if it can be read and has one."""
    try:
        said = decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)
    except (CborError, FrameError):
        return frame
    block = said.get(PIN_BLOCK) if isinstance(said, dict) else None
    if not isinstance(block, bytes) or len(block) != PIN_BLOCK_SIZE:
        return frame
    return frame.replace(block, bytes(PIN_BLOCK_SIZE))


def open_arrivals(keyring: Keyring, arrivals: Sequence[Arrival]) -> list[Message | Letter]:
    return [_opened(keyring, arrival) for arrival in arrivals]


def _opened(keyring: Keyring, arrival: Arrival) -> Message | Letter:
    try:
        return open_arrival(keyring, arrival)
    except Exception as fault:
        log.error("frame set aside: opening it failed", exc_info=fault)
        return Letter(DEAD_LETTER, OPENING_FAILED, bytes(arrival.frame),
                      to_ms(arrival.received_at), arrival.terminal_id)
