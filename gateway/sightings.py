"""What the gateway knows of a terminal's time: when it set its clock, when it booted. Pure.

A terminal's word on time is worth what the gateway can hold against it (DESIGN 5.6):
- `answers`: the seconds of our last answers to its heartbeats, each with the boot it went to (0:
  unknown). Only such an answer sets a terminal's clock, so a message whose clock was set in one
  of these seconds was made by a terminal that had heard us: the clock is proven;
- `boots`: uptime counts from a boot. A message received at R with uptime U shows that its boot
  had begun by R - U; the earliest of these is the best known (delays only make it later). Two
  messages that were sealed apart and agree on it confirm it: no delay is twice the same. A proven
  clock, or a message of a confirmed boot, shows that this boot was running then, so any later
  boot began after that;
- `trusted_at`: the newest instant at which a terminal was proven to have heard us.

Law: every bound kept here is true whatever the network delays and in whatever order messages come,
as long as the terminal counts its boots and seconds rightly; what a terminal counts wrongly can
spoil the dates of its own taps and nothing else. A boot counter that began again is seen by a
heartbeat that began after a later boot, and then the later ones are forgotten. A restored database
has forgotten answers: a boot that cannot be told stays 0 and bounds nothing.

`asked`: after a restore, which spans of traces were asked for again (decisions/adoption.py).
"""

from typing import NamedTuple

import cbor2

from gateway import chain
from gateway.clock import DAY_MS, MS
from gateway.spans import Span, join
from protocol.messages import HEARTBEAT, Request

ANSWERS_MAX = 64
BOOTS_MAX = 16
ASKED_MAX = 64
POWERED_BEFORE_MS = 30 * DAY_MS  # a terminal may run so long before the registry has it

# two messages confirm the start of a boot: sealed so far apart, of so little difference
APART_S = 20
AGREED_MS = 10 * MS
HEARD, CONFIRMED, UNSTEADY = range(3)

COLUMNS = ("terminal_id", "known_since", "trusted_at", "memory", "row_mac")


class Boot(NamedTuple):
    """`started_at`: it had begun by then, as the message with this uptime says. `alive_at`: it was
    running then (0: not known). `word`: HEARD, CONFIRMED, or UNSTEADY, whose uptime jumped."""

    number: int
    started_at: int
    alive_at: int
    uptime_s: int
    word: int = 0


class Sighting(NamedTuple):
    """All instants in milliseconds, `answers` in (seconds, boot), oldest first."""

    terminal_id: int
    known_since: int
    trusted_at: int = 0
    answers: tuple[tuple[int, int], ...] = ()
    boots: tuple[Boot, ...] = ()
    recovery: int = 0
    asked: tuple[tuple[int, int, int], ...] = ()

    def boot_of_answer(self, second: int) -> int | None:
        """The boot our answer of that second went to (0: unknown); None: we gave none then."""
        for answered, boot in reversed(self.answers):
            if answered == second:
                return boot
        return None

    def was_asked(self, journal: int, trace: int) -> bool:
        """Whether it was asked for this trace after a restore."""
        return any(span[0] == journal and span[1] <= trace <= span[2] for span in self.asked)

    def boot(self, number: int) -> Boot | None:
        return next((each for each in self.boots if each.number == number), None)


def read(terminal_id: int, known_since: int, trusted_at: int, memory: bytes) -> Sighting:
    """The Sighting of a stored row."""
    answers, boots, recovery, asked = cbor2.loads(memory)
    return Sighting(terminal_id, known_since, trusted_at, tuple(map(tuple, answers)),
                    tuple(Boot(*each) for each in boots), recovery, tuple(map(tuple, asked)))


def sealed(audit_key: bytes, sighting: Sighting) -> tuple:
    """The row to store, in the order of COLUMNS."""
    memory = cbor2.dumps((sighting.answers, sighting.boots, sighting.recovery, sighting.asked))
    row = (sighting.terminal_id, sighting.known_since, sighting.trusted_at, memory)
    return (*row, chain.seal(audit_key, "sightings", row))


def clock_set(request: Request) -> int | None:
    """The second in which a message's clock was set, as it says; None without a clock."""
    if request.at is None or request.clock_age is None:
        return None
    return request.at - request.clock_age


def heard(before: Sighting, request: Request, received_at: int) -> Sighting:
    """What an authentic message shows of its terminal's time; `before` itself for nothing new."""
    second = clock_set(request)
    if second is not None:
        return _proven(before, second)
    if request.uptime_s is None or request.boot_count is None:
        return before
    started_at = received_at - request.uptime_s * MS
    if started_at < before.known_since - POWERED_BEFORE_MS:
        return before  # nobody runs so long: it counts wrongly
    fresh = Boot(request.boot_count, started_at, 0, request.uptime_s)
    return _booted(before, fresh, request.type == HEARTBEAT)


def answered(before: Sighting, request: Request, second: int) -> Sighting:
    """After our answer of that second to a heartbeat."""
    if request.boot_count is not None and clock_set(request) is None:
        boot = request.boot_count
    else:
        set_at = clock_set(request)
        boot = (None if set_at is None else before.boot_of_answer(set_at)) or 0
    known = before.boot_of_answer(second)
    if known is not None:  # two in one second: which of them sets the clock is not known
        return before if known == boot else before._replace(answers=tuple(
            (each, 0 if each == second else of) for each, of in before.answers))
    return before._replace(answers=(*before.answers, (second, boot))[-ANSWERS_MAX:])


def asked_again(before: Sighting, recovery: int,
                spans: tuple[tuple[int, int, int], ...]) -> Sighting:
    """After asking, for a recovery, for these (journal, first, last); the newest are kept."""
    known = before.asked if before.recovery == recovery else ()
    by_journal: dict[int, list[Span]] = {}
    for journal, first, last in (*known, *spans):
        by_journal.setdefault(journal, []).append((first, last))
    asked = tuple((journal, *span) for journal, held in by_journal.items()
                  for span in join(held))[-ASKED_MAX:]
    return before._replace(recovery=recovery, asked=asked)


def _proven(before: Sighting, second: int) -> Sighting:
    boot = before.boot_of_answer(second)
    if boot is None:
        return before
    at, known = second * MS, before.boot(boot)
    boots = before.boots
    if known is not None and known.alive_at < at:
        boots = tuple(each._replace(alive_at=at) if each is known else each for each in boots)
    if at <= before.trusted_at and boots is before.boots:
        return before
    return before._replace(trusted_at=max(before.trusted_at, at), boots=boots)


def _booted(before: Sighting, fresh: Boot, live: bool) -> Sighting:
    known = before.boot(fresh.number)
    boots = [each for each in before.boots if each is not known]
    if live and any(each.number > fresh.number and each.started_at < fresh.started_at
                    for each in boots):
        # a heartbeat of a boot that began after a later one: the counter began again
        boots = [each for each in boots if each.number < fresh.number]
        known = None
    told = fresh if known is None else _together(known, fresh)
    if told is known:
        return before
    kept = tuple(sorted((*boots, told)))[-BOOTS_MAX:]
    return before if kept == before.boots else before._replace(boots=kept)


def _together(known: Boot, fresh: Boot) -> Boot:
    """What two messages of one boot say of it; `known` itself where the second adds nothing."""
    ahead = known.started_at - fresh.started_at
    agreed = abs(ahead) <= AGREED_MS
    if known.word == UNSTEADY:
        return known
    if known.word == CONFIRMED and ahead > AGREED_MS:
        return known._replace(word=UNSTEADY)
    word = known.word
    if agreed and abs(fresh.uptime_s - known.uptime_s) >= APART_S:
        word = CONFIRMED
    told = fresh._replace(alive_at=known.alive_at) if ahead > 0 else known
    if word == CONFIRMED and agreed:
        running_at = told.started_at + max(known.uptime_s, fresh.uptime_s) * MS - AGREED_MS
        told = told._replace(alive_at=max(told.alive_at, running_at))
    return told if told == known and word == known.word else told._replace(word=word)
