"""A story put in order for judgement: each message with its frame, its answers and its entries.

Law: a message is known by the merchant's eyes where the handset said `saved`; otherwise, where
only its frame was seen, by what the cashier had done without getting an answer (the power went
between flash and screen): such a message may post, once, or be gone. What moved after a 62 is one
message under its last key.
"""

from collections import Counter
from hashlib import sha256
from typing import NamedTuple

from tools.prove.books import Books, Entry
from tools.prove.model import US, VOIDED, Dates, Rules, Window, World
from tools.prove.seen import Frame, Reply, Seen
from tools.prove.story import (
    CLOCK_JUMPED,
    CLOCK_RESET,
    FLASH_LOST,
    FLASH_PUT_BACK,
    VERDICT,
    Accepted,
    Happened,
    Sighting,
    Story,
    TapKey,
)

SALE, VOID = 1, 3
NOTHING_LEFT, CONFLICT, TOO_OLD, HELD, APPROVED = 38, 62, 63, 41, 0
ACCRUAL, REVERSAL = 1, 2  # entry kinds
END = 1 << 61


class Tap(NamedTuple):
    """A journaled message. `key`: its last; `keys`: all it had, `frames` those sealed under them.
    `accepted` None: no merchant saw it saved. `planted`: nobody's tap. `required`: it must come
    to an end. `original`: the key a void names."""

    key: TapKey
    keys: tuple[TapKey, ...]
    kind: int
    amount_minor: int | None
    card: int | bytes | None
    original: TapKey | None
    tapped_us: int
    accepted: Accepted | None
    frames: tuple[Frame, ...]
    planted: bool
    required: bool

    @property
    def frame(self) -> Frame | None:
        """The one under its last key, when it was ever sent."""
        return self.frames[-1] if self.frames and self.frames[-1].key == self.key else None

    @property
    def content(self) -> tuple:
        return self.key[0], self.kind, self.amount_minor, self.card


class Ending(NamedTuple):
    """What a message came to, as far as replies tell. `allowed`: codes by restore epoch; `final`:
    the last final reply; `codes`: what the books may show for it now."""

    allowed: dict[int, frozenset[int]]
    final: Reply | None
    codes: frozenset[int]

    def only(self, *wanted: int) -> bool:
        return bool(self.codes) and self.codes <= set(wanted)


class Case:
    """Everything the rules of checker.py look at."""

    def __init__(self, story: Story, books: Books, rules: Rules) -> None:
        self.story, self.books, self.rules = story, books, rules
        self.seen = Seen(story)
        self.world = World(story, rules)
        self.moved = {(each.terminal_id, *each.old): (each.terminal_id, *each.new)
                      for each in story.moves}
        self.taps: list[Tap] = []
        self.by_hash: dict[bytes, Tap] = {}
        self.by_key: dict[TapKey, Tap] = {}
        self.doubles: list[Accepted] = []
        self._acks = {(terminal_id, sha256(body).digest()): seen
                      for (terminal_id, body), seen in story.acks.items()}
        self._verdicts: dict[TapKey, list[Happened]] = {}
        for fact in story.facts:
            if fact.what == VERDICT and self.world.undone(fact.order) > END:
                self._verdicts.setdefault(fact.subject, []).append(fact)
        self._collect()
        self.voids: dict[int, list[Tap]] = {}
        for tap in self.taps:
            original = self.original_of(tap) if tap.kind == VOID and not tap.planted else None
            if original is not None:
                self.voids.setdefault(id(original), []).append(tap)
        self.entries: dict[int, list[Entry]] = {}
        for entry in books.entries:
            found = self.tap_of(entry)
            if found is not None:
                self.entries.setdefault(id(found), []).append(entry)
        self.endings = {id(tap): self._ending(tap) for tap in self.taps}

    # -- who tapped what -----------------------------------------------------------------------

    def _collect(self) -> None:
        """Taps from what was told saved, then from frames that no telling explains."""
        for accepted in self.story.taps:
            known = self.by_key.get(accepted.key)
            before = known.accepted if known is not None else None
            if before is not None and not self.put_back(accepted.terminal_id, before.order,
                                                        accepted.order):
                self.doubles.append(accepted)
            else:
                self._add(accepted)
        for frames in self.seen.frames.values():
            for frame in frames:
                if frame.frame_hash not in self.by_hash:
                    self._keep(self._tap((frame.key,), None, (frame,)))
        for frames in self.seen.planted.values():
            for frame in frames:
                self._keep(self._tap((frame.key,), None, (frame,), planted=True))

    def _add(self, accepted: Accepted) -> None:
        """A tap with its frames, from key to key as long as it was moved after a 62."""
        keys, frames = [accepted.key], []
        while True:
            frame = self._sealed(keys[-1], accepted)
            if frame is not None:
                frames.append(frame)
            rivals = len(self.seen.frames.get(keys[-1], ())) > 1
            if keys[-1] not in self.moved or len(keys) > len(self.moved) or (
                    rivals and not self._conflicts(frame)):
                break
            keys.append(self.moved[keys[-1]])
        self._keep(self._tap(tuple(keys), accepted, tuple(frames),
                             required=not self._gone(accepted, frames)))

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

    def _gone(self, accepted: Accepted, frames: list[Frame]) -> bool:
        """Whether it was in a flash that is not there any more, and unanswered by then."""
        for fact in self.story.facts:
            if fact.what not in (FLASH_LOST, FLASH_PUT_BACK) or fact.order < accepted.order or (
                    fact.subject != accepted.terminal_id):
                continue
            in_copy = fact.what == FLASH_PUT_BACK and accepted.saved_us <= fact.value
            if not in_copy and not any(
                    reply.final and reply.seen.first_order < fact.order
                    for frame in frames for reply in self.seen.replies_to(frame)):
                return True
        return False

    def _keep(self, tap: Tap) -> None:
        self.taps.append(tap)
        for frame in tap.frames:
            self.by_hash.setdefault(frame.frame_hash, tap)
        if not tap.planted:
            for key in tap.keys:
                if tap.accepted is not None or key not in self.by_key:
                    self.by_key[key] = tap

    def _tap(self, keys: tuple[TapKey, ...], accepted: Accepted | None,
             frames: tuple[Frame, ...], *, planted: bool = False,
             required: bool = False) -> Tap:
        said = accepted or frames[0]
        tapped_us = accepted.saved_us if accepted is not None else 0
        return Tap(keys[-1], keys, said.kind, said.amount_minor, said.card,
                   (keys[-1][0], *said.original) if said.original else None, tapped_us, accepted,
                   frames, planted, required)

    def original_of(self, void: Tap) -> Tap | None:
        """What a void takes back: the message that had this key when the void was made."""
        if void.original is None:
            return None
        when = void.accepted.order if void.accepted is not None else END
        named = [tap for tap in self.taps if void.original in tap.keys and not tap.planted
                 and (tap.accepted is None or tap.accepted.order < when)]
        return max(named, key=lambda tap: tap.accepted.order if tap.accepted else 0, default=None)

    def put_back(self, terminal_id: int, first: int, last: int) -> bool:
        """Whether an older flash came back between two records, so that traces come again."""
        return any(fact.what == FLASH_PUT_BACK and fact.subject == terminal_id
                   and first < fact.order < last for fact in self.story.facts)

    def tap_of(self, entry: Entry) -> Tap | None:
        """Whose entry it is: by the hash of its frame."""
        return self.by_hash.get(entry.frame_hash)

    def entries_of(self, tap: Tap, kind: int) -> list[Entry]:
        return [entry for entry in self.entries.get(id(tap), ()) if entry.kind == kind]

    def voids_of(self, tap: Tap) -> list[Tap]:
        return self.voids.get(id(tap), [])

    def untold(self) -> tuple[Counter, Counter]:
        """(attempts without an answer, messages seen that no screen told of), by content."""
        attempts = Counter((each.terminal_id, each.kind, each.amount_minor, each.card)
                           for each in self.story.attempts)
        attempts -= Counter(tap.content for tap in self.taps if tap.accepted is not None)
        return attempts, Counter(tap.content for tap in self.taps
                                 if tap.accepted is None and not tap.planted)

    # -- when it may have happened -------------------------------------------------------------

    def dates(self, tap: Tap, last_us: int) -> Dates:
        """J7: by the handset's clock where it is good, else between last trust and arrival."""
        frame = tap.frame
        if tap.accepted is None:  # no screen tells when; its frame was seen later
            return Dates(0, last_us, False)
        if frame is not None and frame.clock_age is not None and self.clock_is_good(tap):
            drift_us = frame.clock_age * self.rules.drift_ppm_max
            return Dates(tap.tapped_us - self.rules.clock_late_s * US - drift_us,
                         tap.tapped_us + self.rules.clock_early_s * US + drift_us, True)
        trusted = self.seen.heard_before(tap.key[0], tap.tapped_us)
        return Dates(trusted, max(last_us, tap.tapped_us), False)

    def clock_error_us(self, tap: Tap) -> int:
        """By how much the clock in a tap's frame is ahead; 0 without a clock."""
        at = tap.frame.at if tap.frame else None
        return 0 if at is None else (at - self.rules.opening_s) * US - tap.tapped_us

    def clock_is_good(self, tap: Tap) -> bool:
        """Whether it is as right as a clock of its age can be."""
        age = tap.frame.clock_age if tap.frame and tap.frame.clock_age else 0
        drift_us = age * self.rules.drift_ppm_max
        return (-self.rules.clock_late_s * US - drift_us <= self.clock_error_us(tap)
                <= self.rules.clock_early_s * US + drift_us)

    def clock_was_touched(self, tap: Tap, clock_age: int) -> bool:
        since = tap.tapped_us - (clock_age + self.rules.clock_late_s) * US - (
            clock_age * self.rules.drift_ppm_max)
        return any(fact.what in (CLOCK_JUMPED, CLOCK_RESET) and fact.subject == tap.key[0]
                   and since <= fact.at_us <= tap.tapped_us for fact in self.story.facts)

    def windows(self, frame: Frame) -> dict[int, tuple[Window, int]]:
        """By restore epoch: between which records it may have been decided, and until when."""
        arrived = frame.arrived
        if arrived is None:
            return {}
        finals = {}
        for reply in self.seen.replies_to(frame):
            if reply.final:
                finals.setdefault(reply.epoch, reply.seen)
        edges = [0, *self.seen.restores, END]
        found = {}
        for epoch, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
            if arrived.first_order < high and arrived.last_order >= low:
                answer = finals.get(epoch)
                found[epoch] = (Window(max(arrived.first_order, low),
                                       answer.first_order if answer else high),
                                answer.first_us if answer else arrived.last_us)
        return found

    # -- what became of it ---------------------------------------------------------------------

    def _ending(self, tap: Tap) -> Ending:
        if tap.frame is None:
            return Ending({}, None, frozenset())
        windows = self.windows(tap.frame)
        allowed = {epoch: self._allowed(tap, window, last_us)
                   for epoch, (window, last_us) in windows.items()}
        finals = [reply for reply in self.seen.replies_to(tap.frame) if reply.final]
        final = max(finals, key=lambda reply: (reply.epoch, -reply.seen.first_order),
                    default=None)
        if final is not None and final.epoch == len(self.seen.restores) and (
                final.code != TOO_OLD):
            return Ending(allowed, final, frozenset((final.code,)))
        since = final.epoch if final else 0
        codes = {code for epoch, each in allowed.items() if epoch >= since for code in each}
        if final is not None:
            codes.add(final.code)
        return Ending(allowed, final, frozenset(codes - {TOO_OLD}))

    def _allowed(self, tap: Tap, window: Window, last_us: int) -> frozenset[int]:
        terminal_id, frame = tap.key[0], tap.frame
        assert frame is not None
        found: set[int] = {TOO_OLD}
        if tap.kind == SALE and tap.card is not None:
            found |= self.world.sale(terminal_id, frame.epoch, tap.card,
                                     self.dates(tap, last_us), window)
        elif tap.kind == VOID and tap.original is not None:
            trust = {self.world.distrusted(terminal_id, frame.epoch, order)
                     for order in (window.first, window.last)}
            found |= {HELD if lost else APPROVED for lost in trust}
            original = self.original_of(tap)
            if False in trust and original is not None and len(self.voids_of(original)) > 1:
                found.add(NOTHING_LEFT)
        if any(void.frame is not None and void.frame.arrived is not None
               and void.frame.arrived.first_order < window.last
               for void in self.voids_of(tap)):
            found.add(VOIDED)
        if self.has_rival(tap):
            found.add(CONFLICT)
        return frozenset(found)

    def has_rival(self, tap: Tap) -> bool:
        """Whether somebody else's frame has the same key."""
        own = {frame.frame_hash for frame in tap.frames}
        return any(frame.frame_hash not in own for where in (self.seen.frames, self.seen.planted)
                   for frame in where.get(tap.key, ()))

    def ending(self, tap: Tap) -> Ending:
        return self.endings[id(tap)]

    def verdict(self, key: TapKey) -> str | None:
        """HQ's word on a held message, as it stands: None, "post" or "refuse"."""
        standing = self._verdicts.get(key)
        return standing[-1].value if standing else None

    def verdict_codes(self, tap: Tap) -> frozenset[int]:
        """What HQ's wish to post a held sale may lead to by table T."""
        fact = self._verdicts[tap.key][-1]
        if tap.frame is None or tap.card is None:
            return frozenset()
        return self.world.sale(tap.key[0], tap.frame.epoch, tap.card,
                               self.dates(tap, fact.at_us), Window(fact.order, fact.order),
                               by_hq=True)

    def acknowledged(self, frame: Frame) -> Sighting | None:
        """When the gateway took these bytes off the broker for good."""
        return self._acks.get((frame.key[0], frame.frame_hash))
