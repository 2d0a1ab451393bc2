"""Who tapped what: a story's messages, each with the frames it was sealed into.

Law: a message is known by the merchant's eyes where the handset said `saved`; otherwise, where
only its frame was seen, by what the cashier had done without getting an answer (the power went
between flash and screen): such a message may post, once, or be gone. What moved after a 62 is one
message under its last key. Where an older flash was put back a trace may come twice, for two.
"""

from collections import Counter
from typing import NamedTuple

from tools.prove.model import BLOCK_SLOTS, Room, slots_of
from tools.prove.seen import CONFLICT, Frame, Seen
from tools.prove.story import (
    CLOCK_SET,
    FLASH_PUT_BACK,
    POWER_ON,
    Accepted,
    Moved,
    Named,
    Story,
    TapKey,
)

LAST = 1 << 61  # after every record
FRAME_SIZE_MAX = 320  # of a message that no one saw


def full_name(terminal_id: int, named: Named | None) -> TapKey | int | None:
    """What key 10 of a message of this terminal means."""
    if named is None or isinstance(named, int):
        return named
    whole = named if len(named) == 3 else (terminal_id, *named)
    return whole[0], whole[1], whole[2]


class Tap(NamedTuple):
    """A journaled message. `key`: its last; `keys`: all it had, `frames` those sealed under them.
    `accepted` None: no merchant saw it saved. `planted`: nobody's tap. `original`: the key, or the
    receipt, that a void or a refund names."""

    key: TapKey
    keys: tuple[TapKey, ...]
    kind: int
    amount_minor: int | None
    card: int | bytes | None
    original: TapKey | int | None
    tapped_us: int
    accepted: Accepted | None
    frames: tuple[Frame, ...]
    planted: bool

    @property
    def frame(self) -> Frame | None:
        """The one under its last key, when it was ever sent."""
        return self.frames[-1] if self.frames and self.frames[-1].key == self.key else None

    @property
    def required(self) -> bool:
        """It must come to an end, whatever befell its handset: a merchant saw it saved."""
        return self.accepted is not None

    @property
    def content(self) -> tuple:
        return self.key[0], self.kind, self.amount_minor, self.card


class Taps:
    """`all` of them; `doubles`: told saved under a trace that was taken."""

    def __init__(self, story: Story, seen: Seen, room: Room) -> None:
        self.story, self.seen, self.room = story, seen, room
        self.moved: dict[TapKey, list[Moved]] = {}
        for move in story.moves:
            self.moved.setdefault((move.terminal_id, *move.old), []).append(move)
        self._told: dict[TapKey, list[int]] = {}
        for accepted in story.taps:
            self._told.setdefault(accepted.key, []).append(accepted.order)
        self.all: list[Tap] = []
        self.by_hash: dict[bytes, Tap] = {}
        self.doubles: list[Accepted] = []
        self._by_key: dict[TapKey, list[Tap]] = {}
        self._collect()

    def _collect(self) -> None:
        """Taps from what was told saved, then from frames that no telling explains."""
        for accepted in self.story.taps:
            before = next((tap.accepted for tap in reversed(self._by_key.get(accepted.key, ()))
                           if tap.accepted is not None), None)
            if before is not None and not self._again_unknowing(before, accepted):
                self.doubles.append(accepted)
            else:
                self._add(accepted)
        for frames in self.seen.frames.values():
            for frame in frames:
                if frame.frame_hash not in self.by_hash:
                    chain = self._chained(frame)
                    self._keep(self._tap(tuple(each.key for each in chain), None, chain))
        for frames in self.seen.planted.values():
            for frame in frames:
                self._keep(self._tap((frame.key,), None, (frame,), planted=True))

    def _add(self, accepted: Accepted) -> None:
        """A tap with its frames, from key to key as long as it was moved after a 62."""
        keys, frames, order = [accepted.key], [], accepted.order
        while True:
            frame = self._sealed(keys[-1], accepted)
            if frame is not None:
                frames.append(frame)
            rivals = len(self.seen.frames.get(keys[-1], ())) > 1
            move = self._move(keys[-1], order)
            if move is None or (rivals and not self._conflicts(frame)):
                break
            order = move.order
            keys.append((move.terminal_id, *move.new))
        self._keep(self._tap(tuple(keys), accepted, tuple(frames)))

    def _chained(self, frame: Frame) -> tuple[Frame, ...]:
        """The frames of a message that no screen told of: it moves after a 62 like any other."""
        chain = [frame]
        while self._conflicts(chain[-1]):
            went = (self._again(chain[-1], (move.terminal_id, *move.new))
                    for move in self.moved.get(chain[-1].key, ()))
            following = next((each for each in went if each is not None), None)
            if following is None or following in chain:
                break
            chain.append(following)
        return tuple(chain)

    def _again(self, frame: Frame, key: TapKey) -> Frame | None:
        """The same content under another key, where nothing else explains it."""
        return next((each for each in self.seen.frames.get(key, ())
                     if each.frame_hash not in self.by_hash
                     and (each.kind, each.amount_minor, each.card)
                     == (frame.kind, frame.amount_minor, frame.card)), None)

    def _move(self, key: TapKey, order: int) -> Moved | None:
        """Where a message went that had this key since `order`, before another one took it."""
        taken = min((each for each in self._told.get(key, ()) if each > order), default=LAST)
        return next((move for move in self.moved.get(key, ()) if order < move.order < taken),
                    None)

    def _sealed(self, key: TapKey, accepted: Accepted) -> Frame | None:
        """The frame of a tap under a key: where a trace was used twice, by what it says."""
        frames = self.seen.frames.get(key, ())
        free = [frame for frame in frames if frame.frame_hash not in self.by_hash]
        if len(frames) < 2:
            return free[0] if free else None
        return next((frame for frame in free if (frame.kind, frame.amount_minor, frame.card) == (
            accepted.kind, accepted.amount_minor, accepted.card)), None)

    def _conflicts(self, frame: Frame | None) -> bool:
        return frame is not None and any(reply.code == CONFLICT
                                         for reply in self.seen.replies_to(frame))

    def forgotten(self, tap: Tap) -> bool:
        """Whether its handset has it no more and cannot send it again: the flash is another one
        or an older one, or the ring needed the block of what was long settled: its handset says
        so, and enough was written since."""
        sealed = tap.frames[0].up if tap.frames else None
        order, at_us = ((tap.accepted.order, tap.accepted.saved_us) if tap.accepted
                        else (sealed.first_order, sealed.first_us) if sealed else (0, 0))
        gone = any(fact.what == FLASH_PUT_BACK and at_us > fact.value
                   for fact in self.story.facts
                   if fact.subject == tap.key[0] and fact.order > order)
        return gone or (tap.key[2] < self.seen.oldest_kept.get(tap.key[:2], 0)
                        and self._written_since(tap.key[0], order) > self.room.kept_slots)

    def _written_since(self, terminal_id: int, order: int) -> int:
        """Slots of its ring that a handset may have used since record `order`: at most. What was
        not answered by then may have been copied behind it."""
        boots = sum(fact.what == POWER_ON and fact.subject == terminal_id and fact.order > order
                    for fact in self.story.facts)
        sizes = [max((frame.size for frame in tap.frames), default=FRAME_SIZE_MAX)
                 for tap in self.all if tap.key[0] == terminal_id and not tap.planted]
        return boots * BLOCK_SLOTS + sum(map(slots_of, sizes))

    def _keep(self, tap: Tap) -> None:
        self.all.append(tap)
        for frame in tap.frames:
            self.by_hash.setdefault(frame.frame_hash, tap)
        if not tap.planted:
            for key in tap.keys:
                self._by_key.setdefault(key, []).append(tap)

    def _tap(self, keys: tuple[TapKey, ...], accepted: Accepted | None,
             frames: tuple[Frame, ...], *, planted: bool = False) -> Tap:
        said = accepted or frames[0]
        tapped_us = accepted.saved_us if accepted is not None else 0
        return Tap(keys[-1], keys, said.kind, said.amount_minor, said.card,
                   full_name(keys[-1][0], said.original), tapped_us, accepted,
                   frames, planted)

    def original_of(self, void: Tap) -> Tap | None:
        """What a void takes back: the message that had this key when the void was made."""
        if not isinstance(void.original, tuple):
            return None
        return self.under(void.original, void.accepted.order if void.accepted else LAST)

    def under(self, key: TapKey, order: int) -> Tap | None:
        """The newest message that had this key before record `order`."""
        named = [tap for tap in self._by_key.get(key, ())
                 if tap.accepted is None or tap.accepted.order < order]
        return max(named, key=lambda tap: tap.accepted.order if tap.accepted else 0, default=None)

    def put_back(self, terminal_id: int, first: int, last: int) -> bool:
        """Whether an older flash came back between two records, so that traces come again."""
        return any(fact.what == FLASH_PUT_BACK and fact.subject == terminal_id
                   and first < fact.order < last for fact in self.story.facts)

    def _again_unknowing(self, before: Accepted, after: Accepted) -> bool:
        """Whether an older flash came back in between, and no heartbeat was answered since: its
        answer says how far the gateway has seen this journal."""
        facts = [fact.what for fact in self.story.facts if fact.subject == after.terminal_id
                 and before.order < fact.order < after.order
                 and fact.what in (FLASH_PUT_BACK, CLOCK_SET)]
        return bool(facts) and facts[-1] == FLASH_PUT_BACK

    def untold(self) -> tuple[Counter, Counter]:
        """(attempts without an answer, messages seen that no screen told of), by content."""
        attempts = Counter((each.terminal_id, each.kind, each.amount_minor, each.card)
                           for each in self.story.attempts)
        attempts -= Counter(tap.content for tap in self.all if tap.accepted is not None)
        return attempts, Counter(tap.content for tap in self.all
                                 if tap.accepted is None and not tap.planted)
