"""Every single fault at every step of one tap, and every pair of them.

    faults = singles(watch(SALE))    what can go wrong, and when
    verdict = run((faults[3],))      a world in which just that happens

Law: a calm run of one handset is watched first: the instants at which anything happens from its
boot until its first tap is settled (a second one follows), and how many flash operations,
publications, statements, commits and disk operations that takes. The tap is a sale, a sale that
is voided, or a message that only the gateway can do. A fault is a kind and a place: an instant, or
the n-th operation of its sort. Everything else is as in the proof (world.py): after the faults
everything drains by itself, and checker and audit have the last word.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import NamedTuple

from simulator import shore as steps
from simulator.broker import Forward
from simulator.flash import MODES
from simulator.handset import Handset
from simulator.heap import LINK, PANEL, TURN, Entries
from simulator.radio import DOWN, UP
from simulator.shore import Crash
from tools.prove import driver
from tools.prove import options as drawing
from tools.prove.mishaps import Mishaps
from tools.prove.office import Office
from tools.prove.trouble import ServerTrouble
from tools.prove.trouble_handsets import HandsetTrouble
from tools.prove.world import Verdict, World, quiet

SEED = 6
DOWN_MS = 2000
HEAP_STEP_OF_PAIRS = 8
RESTORED_US = 5_000_000
CALM = drawing.calm(terminals=1, taps=2, gap_ms_mean=30_000, members=2, voids_per_100=0,
                    blackout_s_max=20, half_open_s_max=20, broker_down_s_max=3,
                    broker_mute_s_max=20, off_s_max=5, partition_s_max=20,
                    database_locked_s_max=5, database_full_s_max=5, reboot_loop_boots_max=3,
                    clock_jump_s_max=86400, late_s_max=600)
SALE, VOID, ONLINE = "sale", "void", "online"
# the tap under test, and how many answers settle it
TAPS = {SALE: (CALM, 1), VOID: (CALM._replace(voids_per_100=100), 2),
        ONLINE: (CALM._replace(online_per_100=100), 2)}
# on a disk whose power may go: an option of the world, because it decides which disk it gets
ON_DISK = {"server_power_losses": 1}
MONTH_LATE = "a month late"
# what else a fault needs of its world
NEEDS = {"server power": ON_DISK, "outbox full": {"outbox_blocks": 9},
         f"{UP} {MONTH_LATE}": {"closed_days": 31}, f"{DOWN} {MONTH_LATE}": {"closed_days": 31},
         "held and judged": {"verdict_s_max": 2}}
TILL_FULL = 220
LATE_US = {"late": 600_000_000, MONTH_LATE: 30 * 86_400_000_000, "overtaken": 5_000_000}
GARBLED_US = 400_000
VERDICTS = 4  # HQ looks through its list so often, as it decides only some at a time

INSTANT_KINDS = ("power", "reboot loop", "misread", "blackout", "half open up", "half open down",
                 "clock jump", "trace planted", "broker restart", "broker restart, queue lost",
                 "broker mute", "session destroyed", "worker killed", "partition",
                 "database locked", "database full", "restored", "key rotated", "card lost",
                 "member suspended", "merchant suspended", "terminal suspended", "card blocked",
                 "key revoked", "held and judged", "flash put back", "outbox full", "garbled",
                 "clock wrong", "clock reset")
HEAP_KINDS = {"heap, tap": PANEL, "heap, reply": LINK, "heap, turn": TURN}
PUBLICATION_KINDS = ("lost", "twice", "late", MONTH_LATE, "overtaken", "a bit turned", "cut off")
NOT_PASSED_ON = ("lost", "overtaken")  # now: nothing else can happen to that frame
# nobody decides these yet, so only their voids end them, and those cannot (options._sensible)
NOT_FOR = {ONLINE: ("key revoked", "flash put back", "trace planted"),
           VOID: ("flash put back", "trace planted")}


class Fault(NamedTuple):
    """`kind` in words; `place`: microseconds, or the n-th operation from 1; `tap`: of TAPS."""

    kind: str
    place: int
    tap: str = SALE

    def __str__(self) -> str:
        return f"{'' if self.tap == SALE else self.tap + ': '}{self.kind}@{self.place}"


class Watched(NamedTuple):
    """What a calm run of one tap takes."""

    tap: str
    instants: tuple[int, ...]
    flash_operations: int
    up: int
    down: int
    batches: int
    statements: int
    commits: int
    disk_operations: int
    panel_calls: int
    link_calls: int
    turn_calls: int


class Scripted(Mishaps):
    """Just these faults, each once."""

    def __init__(self, world: World, faults: Sequence[Fault]) -> None:
        super().__init__(world)
        self.passed = {UP: 0, DOWN: 0}
        self.batches = 0
        self._late: list[tuple[Forward, bytes]] = []
        self._faults = faults
        self._random = Random("every")
        # drawn faults are off; what this world needs of its options stays
        world.options = self.options = world.options._replace(server_power_losses=0)
        self._handsets, self._server = HandsetTrouble(world), ServerTrouble(world)
        self._office = Office(world)
        world.mishaps = (self._handsets, self._server, self._office, self)

    def plan(self) -> None:
        world = self.world
        handset = world.handsets[0]
        self._hook_publications()
        world.shores[0].fate = self._fate
        operations = {"statement fails": lambda place: world.base.fail(driver.IO, place),
                      "commit in doubt": lambda place: world.base.fail(driver.UNSURE, place),
                      "server power": world.base.cut_after,
                      "poisoned": world.poison.chosen.add}
        for fault in self._faults:
            if fault.kind in INSTANT_KINDS:
                if fault.kind == "held and judged":
                    self.at(1, lambda: self._office._suspend_terminal(self._random))
                self.at(fault.place, lambda kind=fault.kind: self._at_instant(kind, handset))
            elif fault.kind.startswith("flash, "):
                handset.cut_soon(fault.place, fault.kind.removeprefix("flash, "))
            elif fault.kind in HEAP_KINDS:
                self._arm_at_card(handset, HEAP_KINDS[fault.kind], fault.place)
            elif fault.kind in operations:
                operations[fault.kind](fault.place)

    def relief(self) -> None:
        """What was to come late comes now."""
        super().relief()
        late, self._late = self._late, []
        for forward, body in late:
            forward(body)

    def _arm_at_card(self, handset: Handset, entries: Entries, calls: int) -> None:
        left = [calls]

        def arm() -> None:
            if left and not self.world.heap.armed:
                self.world.heap.arm(entries, left.pop())
        handset.before_card = arm
        if entries != PANEL:  # it is not the panel that asks for these
            handset.before_online = arm

    def _at_instant(self, kind: str, handset: Handset) -> None:
        random, world = self._random, self.world
        handsets, server, office = self._handsets, self._server, self._office
        acts: dict[str, Callable[[], object]] = {
            "power": lambda: handsets._cut_power(handset, random),
            "reboot loop": lambda: handsets._loop(handset, random),
            "misread": lambda: handsets._misread(handset, random),
            "blackout": lambda: handsets._black_out(handset, random),
            "half open up": lambda: self._half(handset, UP),
            "half open down": lambda: self._half(handset, DOWN),
            "clock jump": lambda: handsets._jump(handset, random),
            "trace planted": lambda: handsets._plant(handset, random),
            "broker restart": lambda: server._restart_broker(random),
            "broker restart, queue lost": lambda: server._restart_broker(random, True),
            "broker mute": lambda: server._mute_broker(random),
            "session destroyed": lambda: server._destroy_session(random),
            "worker killed": lambda: world.shores[0].kill("killed", DOWN_MS),
            "partition": lambda: server._partition(random),
            "database locked": lambda: server._lock_database(random),
            "database full": lambda: server._fill_database(random),
            "restored": lambda: server._back_up("backup", world.loop.now_us + RESTORED_US),
            "key rotated": lambda: office._rotate(random),
            "card lost": lambda: office._lose_card(random),
            "member suspended": lambda: office._suspend_member(random),
            "merchant suspended": lambda: office._suspend_merchant(random),
            "terminal suspended": lambda: office._suspend_terminal(random),
            "card blocked": lambda: office._block_card(random),
            "key revoked": lambda: office._revoke(random),
            "held and judged": lambda: [office._judge(random) for _ in range(VERDICTS)],
            "flash put back": lambda: handsets._read_out(handset, random),
            "outbox full": lambda: self._fill(handset),
            "garbled": lambda: self._garble(handset),
            "clock wrong": lambda: handsets._set_clock_wrong(handset, random),
            "clock reset": lambda: handsets._reset_clock(handset, random)}
        acts[kind]()

    def _fill(self, handset: Handset) -> None:
        """More customers than an outbox holds, without coverage."""
        self._handsets._black_out(handset, self._random)
        for number in range(TILL_FULL):
            handset.sale(100 + number, self.world.cards[0])

    def _garble(self, handset: Handset) -> None:
        """Whatever arrives now has a bit turned."""
        handset.radio.garbage_per_10000 = 10_000

        def well() -> None:
            handset.radio.garbage_per_10000 = 0
        self.at(self.world.loop.now_us + GARBLED_US, well)

    def _half(self, handset: Handset, way: str) -> None:
        handset.radio.set_half(way)
        self.note(handset.terminal_id, "half_open", way)
        self.after(self._random, self.options.half_open_s_max,
                   lambda: handset.radio.set_half(None))

    # -- the n-th of its sort ------------------------------------------------------------------

    def _hook_publications(self) -> None:
        broker = self.world.broker
        broker.passing_up = lambda topic, body, forward: self._pass(UP, body, forward)
        broker.passing_down = lambda topic, body, forward: self._pass(DOWN, body, forward)

    def _pass(self, way: str, body: bytes, forward: Forward) -> None:
        self.passed[way] += 1
        number = self.passed[way]
        hits = [fault.kind.removeprefix(way + " ") for fault in self._faults
                if fault.place == number and fault.kind.startswith(way + " ") and not self.over]
        loop = self.world.loop
        for kind in hits:
            self.note("broker", f"{way}_{kind.replace(' ', '_')}", number)
            if kind == "lost":
                return
            if kind == "twice":
                forward(body)
            elif kind in LATE_US:
                held = forward, body
                self._late.append(held)
                loop.call_at_us(loop.now_us + LATE_US[kind], self._comes, held)
                if kind == "overtaken":
                    return
            elif kind == "a bit turned":
                at = len(body) // 2
                body = body[:at] + bytes((body[at] ^ 4,)) + body[at + 1:]
            else:
                body = body[:len(body) // 2]
        forward(body)

    def _comes(self, held: tuple[Forward, bytes]) -> None:
        if held in self._late:
            self._late.remove(held)
            forward, body = held
            forward(body)

    def _fate(self) -> Crash | None:
        self.batches += 1
        for fault in self._faults:
            if fault.kind.startswith("killed ") and fault.place == self.batches:
                if not self.over:
                    return Crash(fault.kind.removeprefix("killed ").replace(" ", "_"), DOWN_MS)
        return None


class Watching(Scripted):
    """No fault at all, but everything is counted."""

    def __init__(self, world: World) -> None:
        super().__init__(world, ())
        self.instants: set[int] = set()

    def plan(self) -> None:
        super().plan()
        world = self.world
        set_timer = world.loop.call_at_us

        def noting(when_us: int, *rest: object, **named: object) -> object:
            self.instants.add(when_us)
            return set_timer(when_us, *rest, **named)  # type: ignore[arg-type]
        world.loop.call_at_us = noting  # type: ignore[method-assign, assignment]


class Counting(Mishaps):
    """No fault: calls `then` once, when the first tap is settled or, before that, at relief."""

    def __init__(self, world: World, tap: str, then: Callable[[], None]) -> None:
        super().__init__(world)
        self._left, self._then = TAPS[tap][1], then
        world.handsets[0].on_settled = self._settled
        world.mishaps = (self, *world.mishaps)  # first: what relief disarms is still to be read

    def plan(self) -> None:
        pass

    def _settled(self, _reply: object) -> None:
        self._left -= 1
        if not self._left and not self.over:
            self.relief()

    def relief(self) -> None:
        if not self.over:
            super().relief()
            self._then()


def _run(world: World) -> Verdict:
    try:
        return world.run()
    finally:
        world.close()


def watch(tap: str = SALE) -> Watched:
    """Calm runs, counted until the first tap is settled, or no fault can come any more."""
    world = World(SEED, TAPS[tap][0])
    watching = Watching(world)
    many, device = 1_000_000, world.handsets[0].device
    counted: list[Watched] = []
    world.base.fail(driver.IO, many)
    world.base.fail(driver.UNSURE, many)
    left = world.base.faults.countdown  # type: ignore[attr-defined]
    before = device.operations

    def count() -> None:
        instants = sorted(at for at in watching.instants if at <= world.loop.now_us)
        counted.append(Watched(
            tap, tuple(instants), device.operations - before, watching.passed[UP],
            watching.passed[DOWN], watching.batches, many - left[driver.IO],
            many - left[driver.UNSURE], _disk_operations(tap),
            *(_calls(Fault(kind, many, tap)) for kind in HEAP_KINDS)))
    Counting(world, tap, count)
    _run(world)
    return counted[0]


def _disk_operations(tap: str) -> int:
    world = World(SEED, TAPS[tap][0]._replace(**ON_DISK))
    Watching(world)
    many, counted = 1_000_000, [0]
    disk = world.base.disk  # type: ignore[attr-defined]
    disk.cut_after(many)
    Counting(world, tap, lambda: counted.append(many - disk.left))
    _run(world)
    return counted[-1]


def _calls(fault: Fault) -> int:
    """How many calls of its own the program makes within that event; 0: it never comes."""
    world = World(SEED, TAPS[fault.tap][0])
    Scripted(world, (fault,))
    counted = [0]
    Counting(world, fault.tap, lambda: counted.append(
        fault.place - world.heap.calls if world.heap.calls else 0))
    _run(world)
    return counted[-1]


def run(faults: Sequence[Fault], echo: Callable[[str], None] | None = None) -> Verdict:
    """One tap, and another of its sort, with just these faults."""
    options = TAPS[faults[0].tap if faults else SALE][0]
    for fault in faults:
        options = options._replace(**NEEDS.get(fault.kind, {}))
    world = World(SEED, options, echo)
    Scripted(world, faults)
    with quiet():
        return _run(world)


def singles(watched: Watched, heap_step: int = 1) -> list[Fault]:
    """Every single fault at every step; of the calls in which the heap may run out, each n-th."""
    found = [Fault(kind, at) for kind in INSTANT_KINDS for at in watched.instants]
    found += [Fault("poisoned", number) for number in range(1, TAPS[watched.tap][1] + 1)]
    found += [Fault(f"flash, {torn}", number) for torn in MODES
              for number in range(1, watched.flash_operations + 1)]
    for way, count in ((UP, watched.up), (DOWN, watched.down)):
        found += [Fault(f"{way} {kind}", number) for kind in PUBLICATION_KINDS
                  for number in range(1, count + 1)]
    found += [Fault("killed " + step.replace("_", " "), number) for step in steps.STEPS
              for number in range(1, watched.batches + 1)]
    for kind, count, step in (
            ("statement fails", watched.statements, 1), ("commit in doubt", watched.commits, 1),
            ("server power", watched.disk_operations, 1),
            ("heap, tap", watched.panel_calls, heap_step),
            ("heap, reply", watched.link_calls, heap_step),
            ("heap, turn", watched.turn_calls, heap_step)):
        found += [Fault(kind, number) for number in range(1, count + 1, step)]
    return [fault._replace(tap=watched.tap) for fault in found
            if fault.kind not in NOT_FOR.get(watched.tap, ())]


def unit(kind: str) -> str:
    """What the place of a fault of this kind counts."""
    if kind in INSTANT_KINDS:
        return "microsecond"
    words = {"poisoned": "message", "flash": "flash operation", UP: "frame", DOWN: "reply",
             "killed": "batch", "statement": "statement", "commit": "commit",
             "server": "disk operation", "heap": "call of the program"}
    return words[kind.replace(",", " ").split()[0]]


def pairs(watched: Watched) -> Iterator[tuple[Fault, Fault]]:
    """Every two single faults that can both happen, the earlier-named first; of the heap's calls
    each eighth."""
    return (pair for pair in _twos(watched) if not shuts_out(*pair))


def not_paired(watched: Watched) -> int:
    """How many two faults are none of `pairs`."""
    return sum(shuts_out(*pair) for pair in _twos(watched))


def _twos(watched: Watched) -> Iterator[tuple[Fault, Fault]]:
    return combinations(singles(watched, HEAP_STEP_OF_PAIRS), 2)


def shuts_out(one: Fault, other: Fault) -> bool:
    """Whether the second, named behind the first, never happens beside it: both need the one hook
    there is (as two cuts of one flash), or the first ends what the second would have touched."""
    hook = _hook(one)
    if one == other or hook is not None and hook == _hook(other):
        return True
    way, _, what = one.kind.partition(" ")
    return what in NOT_PASSED_ON and one.place == other.place and other.kind.startswith(way + " ")


def _hook(fault: Fault) -> tuple[str, int] | None:
    """What only one fault of a run can use: its name, and which of them."""
    first = fault.kind.split(",")[0].split()[0]
    if first == "killed":
        return first, fault.place
    return (first, 0) if first in ("flash", "heap", "statement", "commit", "server") else None
