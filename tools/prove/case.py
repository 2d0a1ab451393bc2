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
    VERDICT,
    Accepted,
    Happened,
    Key,
    Sighting,
    Story,
    TapKey,
)

SALE, VOID = 1, 3
NOTHING_LEFT, CONFLICT, TOO_OLD, HELD, APPROVED = 38, 62, 63, 41, 0
ACCRUAL, REVERSAL = 1, 2  # entry kinds
END = 1 << 61


class Tap(NamedTuple):
    """A journaled message. `key`: its last; `keys`: all it had. `accepted` None: no merchant saw
    it saved. `planted`: nobody's tap. `required`: it must come to an end."""

    key: TapKey
    keys: tuple[TapKey, ...]
    kind: int
    amount_minor: int | None
    card: int | bytes | None
    original: TapKey | None
    tapped_us: int
    accepted: Accepted | None
    frame: Frame | None
    planted: bool
    required: bool

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
        self.voids: dict[TapKey, list[Tap]] = {}
        for tap in self.taps:
            if tap.kind == VOID and tap.original is not None and not tap.planted:
                self.voids.setdefault(tap.original, []).append(tap)
        self.entries: dict[TapKey, list[Entry]] = {}
        for entry in books.entries:
            found = self.tap_of(entry)
            if found is not None:
                self.entries.setdefault((*found.key, found.planted), []).append(entry)
        self.endings = {id(tap): self._ending(tap) for tap in self.taps}

    # -- who tapped what -----------------------------------------------------------------------

    def last_key(self, key: TapKey) -> TapKey:
        steps = 0
        while key in self.moved and steps <= len(self.moved):
            key, steps = self.moved[key], steps + 1
        return key

    def _collect(self) -> None:
        targets = set(self.moved.values())
        told: dict[TapKey, Accepted] = {}
        for accepted in self.story.taps:
            if accepted.key in told:
                self.doubles.append(accepted)
            else:
                told[accepted.key] = accepted
        lost = {fact.subject: fact.order for fact in self.story.facts if fact.what == FLASH_LOST}
        answered = {shown.key for shown in self.story.screens}
        for accepted in told.values():
            gone = (lost.get(accepted.terminal_id, 0) > accepted.order
                    and self.last_key(accepted.key) not in answered)
            self._add(accepted.key, accepted, required=not gone)
        for key in self.seen.frames:
            if key not in told and key not in targets:
                self._add(key, None, required=False)
        for frames in self.seen.planted.values():
            for frame in frames:
                self._keep(self._tap((frame.key,), None, frame, planted=True, required=False))

    def _add(self, key: TapKey, accepted: Accepted | None, *, required: bool) -> None:
        keys = [key]
        while keys[-1] in self.moved and len(keys) <= len(self.moved):
            keys.append(self.moved[keys[-1]])
        frames = self.seen.frames.get(keys[-1])
        tap = self._tap(tuple(keys), accepted, frames[0] if frames else None, planted=False,
                        required=required)
        self._keep(tap)
        self.by_key[tap.key] = tap
        for each in tap.keys:
            for frame in self.seen.frames.get(each, ()):
                self.by_hash[frame.frame_hash] = tap

    def _keep(self, tap: Tap) -> None:
        self.taps.append(tap)
        if tap.frame is not None:
            self.by_hash.setdefault(tap.frame.frame_hash, tap)

    def _tap(self, keys: tuple[TapKey, ...], accepted: Accepted | None, frame: Frame | None, *,
             planted: bool, required: bool) -> Tap:
        said = accepted or frame
        original: Key | None = said.original if said else None
        tapped_us = 0
        if accepted is not None:
            tapped_us = accepted.saved_us
        elif frame is not None and (frame.up or frame.arrived):
            tapped_us = (frame.up or frame.arrived).first_us  # type: ignore[union-attr]
        return Tap(keys[-1], keys, said.kind if said else 0, said.amount_minor if said else None,
                   said.card if said else None,
                   self.last_key((keys[-1][0], *original)) if original else None,
                   tapped_us, accepted, frame, planted, required)

    def tap_of(self, entry: Entry) -> Tap | None:
        """Whose entry it is: by the hash of its frame."""
        return self.by_hash.get(entry.frame_hash)

    def entries_of(self, tap: Tap, kind: int) -> list[Entry]:
        return [entry for entry in self.entries.get((*tap.key, tap.planted), ())
                if entry.kind == kind]

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
        frame, error_us = tap.frame, self.rules.clock_error_s * US
        good = (tap.accepted is not None and frame is not None and frame.at is not None
                and frame.clock_age is not None
                and abs(self.clock_error_us(tap)) <= self.error_us_max(frame.clock_age))
        if good and frame is not None and frame.clock_age is not None:
            error_us = self.error_us_max(frame.clock_age)
            return Dates(tap.tapped_us - error_us, tap.tapped_us + error_us, True)
        if tap.accepted is None:  # no screen tells when; its frame was seen later
            return Dates(0, last_us, False)
        trusted = self.seen.heard_before(tap.key[0], tap.tapped_us)
        return Dates(trusted, max(last_us, tap.tapped_us), False)

    def error_us_max(self, clock_age: int) -> int:
        """How far a clock may be off that was set `clock_age` seconds ago."""
        return self.rules.clock_error_s * US + clock_age * self.rules.drift_ppm_max

    def clock_error_us(self, tap: Tap) -> int:
        """By how much the clock in a tap's frame is wrong; 0 without a clock."""
        at = tap.frame.at if tap.frame else None
        return 0 if at is None else (at - self.rules.opening_s) * US - tap.tapped_us

    def clock_was_touched(self, tap: Tap, clock_age: int) -> bool:
        since = tap.tapped_us - clock_age * US - self.error_us_max(clock_age)
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
            if False in trust and len(self.voids.get(tap.original, ())) > 1:
                found.add(NOTHING_LEFT)
        if any(void.frame is not None and void.frame.arrived is not None
               and void.frame.arrived.first_order < window.last
               for void in self.voids.get(tap.key, ())):
            found.add(VOIDED)
        if self.has_rival(tap):
            found.add(CONFLICT)
        return frozenset(found)

    def has_rival(self, tap: Tap) -> bool:
        """Whether somebody else's frame has the same key."""
        rivals = self.seen.frames if tap.planted else self.seen.planted
        return tap.key in rivals

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
