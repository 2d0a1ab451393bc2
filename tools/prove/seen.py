"""What the bytes of a story say: requests by message, replies by the frame they answer.

Law: read with cbor2 alone, none of the product's own code, and nothing is verified: what a
handset sent and what the gateway published is authentic because of where it was seen. What
arrived counts when it is, byte for byte, a frame that somebody sealed.
"""

from bisect import bisect_left
from hashlib import sha256
from typing import Any, NamedTuple

import cbor2

from tools.prove.story import PLANTED, RESTORED, Named, Sighting, Story, TapKey

DIGEST_SIZE = 8
HEARTBEAT = 10
SETTLED, WITHIN, HELD_TO_IT = 15, 22, 23  # a settled frame once more with its answer: type, keys
REPORT, KEPT = 14, 8  # keys: of a heartbeat, and in its report
CONFLICT = 62
TRANSIENT = (53, 54, 61, 90)
FINAL = frozenset((0, 10, 11, 12, 13, 14, 15, 16, 20, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
                   41, 42, 50, 51, 52, 60, 62, 63))
BEGINNING = bytes((0, SETTLED, 1))  # keys 0 and 1 of such a payload


class Frame(NamedTuple):
    """A sealed request. `up`: on the handset's side (None: planted); `arrived`: at the gateway.
    `size`: in bytes."""

    key: TapKey
    epoch: int
    kind: int
    at: int | None
    clock_age: int | None
    amount_minor: int | None
    card: int | bytes | None
    original: Named | None
    frame_hash: bytes
    size: int
    up: Sighting | None
    arrived: Sighting | None
    points: int | None = None


class Told(NamedTuple):
    """What a handset says that it holds of an answer, inside of what it sends again."""

    terminal_id: int
    body: bytes
    code: int
    points: int
    receipt: int | None
    up: Sighting
    arrived: Sighting | None


class Reply(NamedTuple):
    """A reply as published. `epoch`: how often the database had been restored before."""

    key: TapKey
    digest: bytes
    code: int
    at: int
    points: int | None
    balance: int | None
    receipt: int | None
    body: bytes
    seen: Sighting
    epoch: int
    money_minor: int | None = None

    @property
    def screen(self) -> tuple:
        """What a handset shows of it, in the order of story.Shown."""
        return self.code, self.points, self.balance, self.receipt, self.at

    @property
    def final(self) -> bool:
        return self.code in FINAL


def payload_of(frame: bytes) -> tuple[dict[int, Any], bytes]:
    """(payload, kid) of a COSE_Mac0."""
    _, unprotected, payload, _ = cbor2.loads(frame).value
    return cbor2.loads(payload), unprotected[4]


def _told(story: Story) -> list[Told]:
    """What was sent inside of something else (type 15)."""
    found = []
    for (terminal_id, body), up in story.ups.items():
        if BEGINNING not in body:  # most are taps, and each is read once more below
            continue
        said, _ = payload_of(body)
        if said[0] == SETTLED:
            code, points, *receipt = said[HELD_TO_IT]
            found.append(Told(terminal_id, said[WITHIN], code, points,
                              receipt[0] if receipt else None, up,
                              story.arrivals.get((terminal_id, body))))
    return found


def _both(one: Sighting | None, other: Sighting | None) -> Sighting | None:
    """When the same was seen in two ways."""
    if one is None or other is None:
        return one or other
    first, last = min(one[:2], other[:2]), max(one[2:], other[2:])
    return Sighting(*first, *last)


class Seen:
    """`frames` and `planted`: journaled, by key; `replies`: journaled, by (terminal, digest), in
    the order in which they were first seen; `restores`: orders of the restores; `oldest_kept`: by
    terminal and journal, the oldest trace its handset said at last it still had."""

    def __init__(self, story: Story) -> None:
        self.frames: dict[TapKey, list[Frame]] = {}
        self.planted: dict[TapKey, list[Frame]] = {}
        self.replies: dict[tuple[int, bytes], list[Reply]] = {}
        self.restores = [fact.order for fact in story.facts if fact.what == RESTORED]
        self.oldest_kept: dict[tuple[int, int], int] = {}
        self._newest: dict[int, tuple[int, int]] = {}
        self._heard: dict[int, list[int]] = {}
        self.told = _told(story)
        self._again: dict[tuple[int, bytes], list[Told]] = {}
        for told in self.told:
            self._again.setdefault((told.terminal_id, told.body), []).append(told)
        self._of_hash = {sha256(body).digest(): each for (_, body), each in self._again.items()}
        for (terminal_id, body), up in story.ups.items():
            self._frame(self.frames, story, terminal_id, body, up)
        for fact in story.facts:
            if fact.what == PLANTED:
                self._frame(self.planted, story, fact.subject, fact.value, None)
        for times in self._heard.values():
            times.sort()
        for epoch, downs in enumerate(story.downs):
            for (terminal_id, body), seen in downs.items():
                self._reply(terminal_id, body, seen, epoch)
        for each in self.replies.values():
            each.sort(key=lambda reply: reply.seen.first_order)

    def _frame(self, where: dict[TapKey, list[Frame]], story: Story, terminal_id: int,
               body: bytes, up: Sighting | None) -> None:
        said, kid = payload_of(body)
        if up is not None:
            newest = self._newest.get(terminal_id, (0, 0))
            self._newest[terminal_id] = max(newest, (up.last_order, kid[4]))
        arrived = story.arrivals.get((terminal_id, body))
        for told in self._again.get((terminal_id, body), ()):
            up, arrived = _both(up, told.up), _both(arrived, told.arrived)
        trace = said[2]
        if not trace:
            if said[0] == HEARTBEAT:
                self._heartbeat(terminal_id, said.get(REPORT, {}).get(KEPT), arrived)
            return
        card, original = said.get(6), said.get(10)
        key = terminal_id, said[1], trace
        where.setdefault(key, []).append(Frame(
            key, kid[4], said[0], said.get(3), said.get(4), said.get(7),
            None if card is None else card[1],
            tuple(original) if isinstance(original, list) else original,
            sha256(body).digest(), len(body), up, arrived, said.get(9)))

    def _heartbeat(self, terminal_id: int, kept: list[int] | None,
                   arrived: Sighting | None) -> None:
        if arrived is not None:
            self._heard.setdefault(terminal_id, []).append(arrived.first_us)
        if kept is not None:
            place = terminal_id, kept[0]
            self.oldest_kept[place] = max(kept[1], self.oldest_kept.get(place, 0))

    def _reply(self, terminal_id: int, body: bytes, seen: Sighting, epoch: int) -> None:
        said, _ = payload_of(body)
        if said[2]:
            digest = said[3]
            self.replies.setdefault((terminal_id, digest), []).append(Reply(
                (terminal_id, said[1], said[2]), digest, said[4], said[5], said.get(6),
                said.get(7), said.get(11), body, seen, epoch, said.get(13)))

    def told_of(self, frame: Frame) -> list[Told]:
        """What its handset said that it holds of its answer."""
        return [told for told in self._of_hash.get(frame.frame_hash, ())
                if told.terminal_id == frame.key[0]]

    def replies_to(self, frame: Frame) -> list[Reply]:
        return self.replies.get((frame.key[0], frame.frame_hash[:DIGEST_SIZE]), [])

    def epoch_of(self, terminal_id: int) -> int:
        """The key epoch under which a terminal sent last; 0: it never did."""
        return self._newest.get(terminal_id, (0, 0))[1]

    def heard_before(self, terminal_id: int, at_us: int) -> int:
        """When the gateway last had reason to trust the time of this terminal before `at_us`: the
        last heartbeat but one, as the last may not have been answered. 0: never."""
        times = self._heard.get(terminal_id, [])
        place = bisect_left(times, at_us) - 2
        return times[place] if place >= 0 else 0
