"""Who is killed where, and which link misbehaves, when: a function of the seed.

Law: the same seed and scope give the same acts. What happens between them (who holds a lock, which
packet is under way) is the machine's own and does not come again: a replay repeats the schedule,
not the interleaving. Kinds of kills and faults are dealt from a shuffled deck, so that a short
run sees each of them as often as any other. The last act is a kill.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tools.chaos import faults
from tools.chaos.faults import Fault

RANDOM = "random"
BACKEND = "backend"
POSTMASTER = "postmaster"
FLASH = "flash_operation"
BROKER, WORKER, DATABASE, TERMINAL, ALL = "broker", "worker", "database", "terminal", "all"

# kill kind, point, and how many of them lie in a deck
DECK = ((BROKER, RANDOM, 2), (WORKER, RANDOM, 1), (WORKER, "before_commit", 1),
        (WORKER, "before_puback", 1), (WORKER, "before_reply", 1), (DATABASE, POSTMASTER, 1),
        (DATABASE, BACKEND, 1), (TERMINAL, RANDOM, 2), (TERMINAL, FLASH, 3))
LAST = "last"
LAST_KINDS = (ALL, ALL, BROKER, WORKER)
# A worker needs seconds to come back: kills any closer would find nobody at work.
KILL_GAP_MS = (1000, 3600)
# A terminal needs ten seconds to find a half-open link out: more faults would only keep all of
# them away, and nothing would be under way when a kill lands.
FAULT_GAP_MS = (400, 2400)
EVERYWHERE = 10  # one fault in so many is of all terminals, none of them half open
DOWN_MS = (50, 2000)
FLASH_OPERATIONS = (0, 12)
FIRST_MS = 500


class Scope(NamedTuple):
    """What there is to hurt. `names`: the faults in use."""

    terminals: int
    workers: int
    postgresql: bool
    lasts_ms: int
    names: Sequence[str] = faults.NAMES


class Kill(NamedTuple):
    """kill -9 of the `kind` with this number, from 0, at `point`. `value`: flash operations until
    then, where the point is one. It stays down for `down_ms`."""

    at_ms: int
    kind: str
    number: int
    point: str
    value: int
    down_ms: int


class Spoil(NamedTuple):
    """`fault` on the link of the `kind` (terminal, worker) with this number; None: of all."""

    at_ms: int
    kind: str
    number: int | None
    fault: Fault


Act = Kill | Spoil


def draw(seed: str, scope: Scope) -> tuple[Act, ...]:
    """All acts in their order; the last is the last kill, at the end of the scope."""
    acts: list[Act] = [*_kills(Random(f"{seed} kills"), scope),
                       *_spoils(Random(f"{seed} faults"), scope)]
    return (*sorted(acts, key=lambda act: act.at_ms), last_kill(seed, scope))


def last_kill(seed: str, scope: Scope) -> Kill:
    random = Random(f"{seed} last")
    kinds = (*LAST_KINDS, DATABASE) if scope.postgresql else LAST_KINDS
    kind = random.choice(kinds)
    return Kill(scope.lasts_ms, kind, random.randrange(scope.workers), LAST, 0,
                random.randint(*DOWN_MS))


def _deck(scope: Scope) -> list[tuple[str, str]]:
    return [(kind, point) for kind, point, times in DECK for _ in range(times)
            if kind != DATABASE or scope.postgresql]


def _kills(random: Random, scope: Scope) -> list[Kill]:
    places = {BROKER: 1, DATABASE: 1, WORKER: scope.workers, TERMINAL: scope.terminals}
    kills: list[Kill] = []
    deck: list[tuple[str, str]] = []
    at_ms = FIRST_MS
    while at_ms < scope.lasts_ms:
        if not deck:
            deck = _deck(scope)
            random.shuffle(deck)
        kind, point = deck.pop()
        value = random.randint(*FLASH_OPERATIONS) if point == FLASH else 0
        kills.append(Kill(at_ms, kind, random.randrange(places[kind]), point, value,
                          random.randint(*DOWN_MS)))
        at_ms += random.randint(*KILL_GAP_MS)
    return kills


def _spoils(random: Random, scope: Scope) -> list[Spoil]:
    spoils: list[Spoil] = []
    deck: list[str] = []
    at_ms = random.randint(*FAULT_GAP_MS)
    while at_ms < scope.lasts_ms and scope.names:
        if not deck:
            deck = list(scope.names)
            random.shuffle(deck)
        name = deck.pop()
        if name in faults.INDOORS and random.randrange(4) == 0:
            kind, number = WORKER, random.randrange(scope.workers)
        else:
            kind = TERMINAL
            number = random.randrange(scope.terminals)
            if random.randrange(EVERYWHERE) == 0 and name not in faults.HALF_OPEN:
                number = None
        spoils.append(Spoil(at_ms, kind, number, faults.draw(name, random)))
        at_ms += random.randint(*FAULT_GAP_MS)
    return spoils
