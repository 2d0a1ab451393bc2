"""A story put in order for judgement: each message with its dates, its answers and its entries.

Law: what a message may have come to is a set of codes for each life of the database (from restore
to restore), out of model.py; what it did come to is the last final reply of the last life, and
where there is none, any of what may be.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from tools.prove.bills import EXCEEDS, INSUFFICIENT, LIMIT, NOT_FOUND, NOT_VOIDABLE
from tools.prove.books import Books, Entry
from tools.prove.model import US, VOIDED, Dates, Rules, Window, World
from tools.prove.replay import ACCRUAL, REDEEMED, REFUNDED, REVERSAL, Replay
from tools.prove.seen import CONFLICT, Frame, Reply, Seen
from tools.prove.story import (
    CLOCK_JUMPED,
    CLOCK_RESET,
    VERDICT,
    Happened,
    Sighting,
    Story,
    TapKey,
)
from tools.prove.taps import LAST, Tap, Taps, full_name

SALE, REDEMPTION, VOID, REFUND = 1, 2, 3, 4
NOTHING_LEFT, TOO_OLD, HELD, APPROVED = 38, 63, 41, 0
ANY_OF_BILLS = frozenset((APPROVED, INSUFFICIENT, LIMIT, NOT_FOUND, NOTHING_LEFT, EXCEEDS,
                          NOT_VOIDABLE))
ENTRY_OF = {SALE: ACCRUAL, REDEMPTION: REDEEMED, VOID: REVERSAL, REFUND: REFUNDED}
SOUND_PPM = 500           # a clock is believed within so much of its age (gateway/README.md)


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
        self.tapped = Taps(story, self.seen, rules.outbox)
        self.taps = self.tapped.all
        self._acks = {(terminal_id, sha256(body).digest()): seen
                      for (terminal_id, body), seen in story.acks.items()}
        self._verdicts: dict[TapKey, list[Happened]] = {}
        for fact in story.facts:
            if fact.what == VERDICT:
                self._verdicts.setdefault(fact.subject, []).append(fact)
        self._voids: dict[int, list[Tap]] = {}
        for tap in self.taps:
            original = (self.tapped.original_of(tap) if tap.kind == VOID and not tap.planted
                        else None)
            if original is not None:
                self._voids.setdefault(id(original), []).append(tap)
        self._entries: dict[int, list[Entry]] = {}
        for entry in books.entries:
            found = self.tap_of(entry)
            if found is not None:
                self._entries.setdefault(id(found), []).append(entry)
        self.replay = Replay(self)
        self._endings = {id(tap): self._ending(tap) for tap in self.taps}

    def tap_of(self, entry: Entry) -> Tap | None:
        """Whose entry it is: by the hash of its frame."""
        return self.tapped.by_hash.get(entry.frame_hash)

    def entries_of(self, tap: Tap) -> list[Entry]:
        """Those of the kind that its message makes."""
        return [entry for entry in self._entries.get(id(tap), ())
                if entry.kind == ENTRY_OF.get(tap.kind)]

    def us_of(self, entry: Entry) -> int:
        """The virtual time an entry is dated to."""
        return (entry.dated_at_ms - self.rules.opening_s * 1000) * 1000

    def voids_of(self, tap: Tap) -> list[Tap]:
        return self._voids.get(id(tap), [])

    def _burying(self, tap: Tap) -> list[Tap]:
        """The voids whose frame names this message and that were not refused or held always."""
        def buries(void: Tap) -> bool:
            frame = void.frame
            if frame is None or full_name(tap.key[0], frame.original) not in tap.keys:
                return False
            finals = [reply.code for reply in self.seen.replies_to(frame) if reply.final]
            return not finals or bool({*finals} & {APPROVED, NOTHING_LEFT, TOO_OLD})
        return [void for void in self.voids_of(tap) if buries(void)]

    def lost_sight_of(self, tap: Tap) -> bool:
        """Whether a restored gateway has no way to the tap: no handset ever had it, or has it no
        more, or talks under a key that HQ withdrew, and its heartbeats get no answer."""
        terminal_id = tap.key[0]
        return bool(self.seen.restores) and (
            tap.planted or self.tapped.forgotten(tap)
            or self.world.distrusted(terminal_id, self.seen.epoch_of(terminal_id), LAST))

    def ending(self, tap: Tap) -> Ending:
        return self._endings[id(tap)]

    # -- when it may have happened -------------------------------------------------------------

    def dates(self, tap: Tap, last_us: int) -> Dates:
        """J7: by the handset's clock where it is good, else between last trust and arrival."""
        frame = tap.frame
        jumped = any(fact.what in (CLOCK_JUMPED, CLOCK_RESET) and fact.subject == tap.key[0]
                     and fact.at_us <= last_us for fact in self.story.facts)
        if tap.accepted is None:  # no screen tells when; its frame was seen later
            return Dates(self.rules.since_us if jumped else 0, last_us, False)
        if (frame is not None and frame.clock_age is not None and self.clock_is_good(tap)
                and not self.clock_may_be_disproved(tap, frame.clock_age)):
            drift_us = frame.clock_age * self.rules.drift_ppm_max
            return Dates(tap.tapped_us - self.rules.clock_late_s * US - drift_us,
                         tap.tapped_us + self.rules.clock_early_s * US + drift_us, True)
        trusted = (self.rules.since_us if jumped
                   else self.seen.heard_before(tap.key[0], tap.tapped_us))
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

    def clock_may_be_disproved(self, tap: Tap, clock_age: int) -> bool:
        """Whether a frame may arrive before the second it names by more than a sound clock can
        be ahead: then it dates itself no better than one without a clock."""
        return self.clock_error_us(tap) > clock_age * SOUND_PPM + self.rules.clock_late_s * US

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
        edges = [0, *self.seen.restores, LAST]
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
        for epoch in sorted(allowed):
            # what stood in the backup is answered as it was decided in the life before
            earlier = self.world.life_before(epoch)
            if earlier in allowed and epoch:
                allowed[epoch] |= allowed[earlier]
        if self.seen.restores:
            for epoch in allowed:
                allowed[epoch] |= self._held_to(tap, epoch)
        finals = [reply for reply in self.seen.replies_to(tap.frame) if reply.final]
        final = max(finals, key=lambda reply: (reply.epoch, -reply.seen.first_order),
                    default=None)
        if final is not None and final.epoch == len(self.seen.restores) and (
                final.code != TOO_OLD):
            return Ending(allowed, final, frozenset((final.code,)))
        # which of its lives the database has now, only the restored backup knows
        codes = {code for each in allowed.values() for code in each}
        codes |= {reply.code for reply in finals}
        if self.seen.restores and any(void.frame is not None and void.frame.arrived is not None
                                      for void in self._burying(tap)):
            codes.add(VOIDED)  # its void may have come first to a database that forgot it
        return Ending(allowed, final, frozenset(codes - {TOO_OLD}))

    def _allowed(self, tap: Tap, window: Window, last_us: int) -> frozenset[int]:
        terminal_id, frame = tap.key[0], tap.frame
        assert frame is not None
        found: set[int] = {TOO_OLD}
        if tap.kind == SALE and tap.card is not None:
            found |= self.world.sale(terminal_id, frame.epoch, tap.card,
                                     self.dates(tap, last_us), window)
        elif tap.kind == VOID and tap.original is not None:
            found |= self._void_codes(tap, frame, window)
        elif tap.kind in (REDEMPTION, REFUND):
            found |= self._online_codes(tap, frame, window)
        if any(void.frame is not None and void.frame.arrived is not None
               and void.frame.arrived.first_order < window.last
               for void in self._burying(tap)):
            found.add(VOIDED)
        if self._rivals(tap.key, tap.frames, window):
            found.add(CONFLICT)
        named = full_name(terminal_id, frame.original)
        if tap.kind == VOID and isinstance(named, tuple) and len(self._rivals(
                named, (), window)) > 1:
            found.add(CONFLICT)  # nobody can say which of them it means
        return frozenset(found)

    def _held_to(self, tap: Tap, epoch: int) -> frozenset[int]:
        """What a restored gateway may take from the word of a handset: the answer that it holds;
        of an approval also that HQ has to see it, or that all of it is undone."""
        codes = self.told_again(tap, epoch) if epoch else frozenset[int]()
        return codes | {HELD, NOTHING_LEFT} if APPROVED in codes else codes

    def told_again(self, tap: Tap, epoch: int = 1) -> frozenset[int]:
        """The codes that a handset said it holds, to a gateway that was restored."""
        if epoch > len(self.seen.restores):
            return frozenset()
        since = [0, *self.seen.restores][epoch]
        return frozenset(told.code for frame in tap.frames for told in self.seen.told_of(frame)
                         if told.arrived is not None and told.arrived.last_order > since)

    def _void_codes(self, tap: Tap, frame: Frame, window: Window) -> set[int]:
        found = {self.world.distrusted(tap.key[0], frame.epoch, order)
                 for order in (window.first, window.last)}
        codes = {HELD} if True in found else set[int]()
        if False not in found:
            return codes
        codes |= self.replay.void_codes(tap, frame, window)
        original = self.tapped.original_of(tap)
        if original is not None and len(self.voids_of(original)) > 1:
            codes.add(NOTHING_LEFT)
        named = full_name(tap.key[0], frame.original)
        elsewhere = isinstance(named, tuple) and named[1] != frame.key[1]
        life = max((order for order in self.seen.restores if order <= window.first), default=0)
        if original is not None and elsewhere and not any(
                reply.final and reply.code != CONFLICT
                and life <= reply.seen.first_order < window.first
                for each in original.frames for reply in self.seen.replies_to(each)):
            codes.add(NOT_FOUND)  # nothing is buried from another journal; it is voided again
        if self._forgotten(window):
            codes |= ANY_OF_BILLS
        return codes | ({APPROVED} if self.seen.restores else set())

    def _forgotten(self, window: Window) -> bool:
        """What a database knew that is gone, the books do not tell."""
        return bool(self.seen.restores) and window.last <= self.seen.restores[-1]

    def _online_codes(self, tap: Tap, frame: Frame, window: Window) -> frozenset[int]:
        """States first, then what points and bills allow."""
        codes = self.world.online(tap.key[0], frame.epoch, tap.card, window)
        if self._forgotten(window):
            return codes | ANY_OF_BILLS
        if APPROVED not in codes:
            return codes
        asked = (self.replay.redemption_codes if tap.kind == REDEMPTION
                 else self.replay.refund_codes)
        return codes - {APPROVED} | asked(tap, frame, window)

    def _rivals(self, key: TapKey, own: Sequence[Frame], window: Window) -> list[Frame]:
        """Other frames of this key that the gateway had by then and may have let stand: one that
        was itself only ever told of a conflict does not."""
        hashes = {frame.frame_hash for frame in own}
        return [frame for where in (self.seen.frames, self.seen.planted)
                for frame in where.get(key, ())
                if frame.frame_hash not in hashes and frame.arrived is not None
                and frame.arrived.first_order < window.last and self._may_stand(frame)]

    def _may_stand(self, frame: Frame) -> bool:
        finals = [reply.code for reply in self.seen.replies_to(frame) if reply.final]
        return not finals or any(code != CONFLICT for code in finals)

    def verdict(self, key: TapKey) -> str | None:
        """HQ's word on a held message, as it stands: None, "post" or "refuse"."""
        standing = self.verdicts_known(key, LAST)
        return standing[-1].value if standing else None

    def verdicts_known(self, key: TapKey, order: int) -> list[Happened]:
        """HQ's words on a message that the database of record `order` knows, oldest first."""
        return [fact for fact in self._verdicts.get(key, ())
                if fact.order < order and self.world.standing(fact.order, order)]

    def verdict_codes(self, tap: Tap, fact: Happened) -> frozenset[int]:
        """What HQ's wish to post a held sale may lead to by table T. Where no clock tells the
        date the gateway may know less of it than was seen here, and HQ's word is what counts."""
        if tap.frame is None or tap.card is None:
            return frozenset()
        dates = self.dates(tap, fact.at_us)
        if not dates.sure:
            dates = dates._replace(first_us=min(dates.first_us, self.rules.since_us))
        return self.world.sale(tap.key[0], tap.frame.epoch, tap.card, dates,
                               Window(fact.order, fact.order), by_hq=True)

    def acknowledged(self, frame: Frame) -> Sighting | None:
        """When the gateway took these bytes off the broker for good."""
        return self._acks.get((frame.key[0], frame.frame_hash))
