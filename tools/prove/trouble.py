"""Every fault of the options, made to happen in a world: when it begins and when it ends.

Law: each fault draws from a stream of its own name (and terminal), times evenly over the opening
hours; each says in the event log what it did; `relief` ends all of them, whatever their state,
and from then on nothing goes wrong any more.
"""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from gateway.book import ACTIVE, BLOCKED, LOST, SUSPENDED
from simulator import shore as steps
from simulator.flash import MODES
from simulator.handset import Handset
from simulator.heap import LINK, PANEL
from simulator.radio import DOWN, UP
from simulator.shore import Crash
from tools.prove import base as bases
from tools.prove import story

if TYPE_CHECKING:
    from tools.prove.world import World

HEAP_CALLS_MAX = 250
HEAP_CALLS_DOWN_MAX = 80
LOOP_OPERATIONS_MAX = 8
IO_STATEMENTS_MAX = 40
UNSURE_COMMITS_MAX = 5
DISK_OPERATIONS_MAX = 30
KILLS = ((steps.BEFORE_COMMIT, "killed_before_commit_per_1000"),
         (steps.AFTER_COMMIT, "killed_after_commit_per_1000"),
         (steps.BETWEEN_ACKS, "killed_between_acks_per_1000"),
         (steps.BEFORE_REPLIES, "killed_before_replies_per_1000"),
         (steps.BETWEEN_REPLIES, "killed_between_replies_per_1000"))


class Trouble:
    """The faults of one world; `plan` schedules them, `relief` ends them."""

    def __init__(self, world: "World") -> None:
        self.over = False
        self._world = world
        self._options = world.options
        self._dark: dict[int, int] = {}
        self._looping: dict[int, int] = {}

    def plan(self) -> None:
        options = self._options
        for handset in self._world.handsets:
            self._plan_handset(handset)
        for name, count, act in (
                ("broker_restarts", options.broker_restarts, self._restart_broker),
                ("broker_restarts_queue_lost", options.broker_restarts_queue_lost,
                 self._restart_broker_queue_lost),
                ("broker_mutes", options.broker_mutes, self._mute_broker),
                ("sessions_destroyed", options.sessions_destroyed, self._destroy_session),
                ("partitions", options.partitions, self._partition),
                ("database_locked", options.database_locked, self._lock_database),
                ("database_full", options.database_full, self._fill_database),
                ("database_io_errors", options.database_io_errors, self._fail_io),
                ("commits_unsure", options.commits_unsure, self._doubt_commit),
                ("server_power_losses", options.server_power_losses, self._lose_server_power),
                ("cards_lost", options.cards_lost, self._lose_card),
                ("cards_blocked", options.cards_blocked, self._block_card),
                ("members_suspended", options.members_suspended, self._suspend_member),
                ("merchants_suspended", options.merchants_suspended, self._suspend_merchant),
                ("terminals_suspended", options.terminals_suspended, self._suspend_terminal)):
            self._schedule(self._world.stream(name), count, act)
        self._plan_kills()

    def relief(self) -> None:
        """The last fault is over."""
        self.over = True
        world = self._world
        world.base.relieve()
        world.heap.disarm()
        world.broker.open, world.broker.mute = True, False
        for way in world.mischiefs:
            way.calm()
        for each in world.shores:
            each.fate = lambda: None
        for handset in world.handsets:
            handset.before_card = lambda: None
            handset.on_power_lost = lambda: None
            handset.radio.garbage_per_10000 = 0
            handset.radio.set_half(None)
            handset.radio.set_dark(False)
            handset.no_cut()
            if handset.misreads:
                self._mend(handset)
            if not handset.on:
                handset.power_on()

    # -- when ----------------------------------------------------------------------------------

    def _schedule(self, random: Random, count: int, act: Callable[[Random], None]) -> None:
        for _ in range(count):
            self._world.loop.call_at_us(self._world.moment(random), self._if_not_over, act,
                                        random)

    def _if_not_over(self, act: Callable[[Random], None], random: Random) -> None:
        if not self.over:
            act(random)

    def _after(self, random: Random, s_max: int, act: Callable[[], object]) -> int:
        """Do it after a drawn time of at most so long, unless everything is over by then; ms."""
        wait_ms = random.randrange(1, max(s_max, 1) * 1000 + 1)
        self._world.loop.call_at_us(self._world.loop.now_us + wait_ms * 1000,
                                    lambda: None if self.over else act())
        return wait_ms

    def _note(self, who: str, what: str, *values: int | str | None) -> None:
        self._world.log.note(who, what, *values)

    # -- handsets ------------------------------------------------------------------------------

    def _plan_handset(self, handset: Handset) -> None:
        options, terminal_id = self._options, handset.terminal_id

        def stream(name: str) -> Random:
            return self._world.stream(name, terminal_id)

        def schedule(name: str, count: int, act: Callable[[Handset, Random], None]) -> None:
            self._schedule(stream(name), count, lambda random: act(handset, random))

        if options.drift_ppm_max:
            handset.drift_ppm = stream("drift").randrange(
                -options.drift_ppm_max, options.drift_ppm_max + 1)
        reviving, heap = stream("reviving"), stream("heap")
        handset.on_power_lost = lambda: self._revive(handset, reviving)
        handset.before_card = lambda: self._maybe_exhaust(heap)
        schedule("blackouts", options.blackouts, self._black_out)
        schedule("half_open", options.half_open, self._half_open)
        schedule("power_cuts", options.power_cuts, self._cut_power)
        schedule("flash_cuts", options.flash_cuts, self._cut_flash)
        schedule("reboot_loops", options.reboot_loops, self._loop)
        schedule("flash_misreads", options.flash_misreads, self._misread)
        schedule("clock_jumps", options.clock_jumps, self._jump)
        self._schedule(stream("heap_down"), options.heap_down, self._exhaust_down)

    def _black_out(self, handset: Handset, random: Random) -> None:
        handset.radio.set_dark(True)
        depth = self._dark[handset.terminal_id] = self._dark.get(handset.terminal_id, 0) + 1
        self._note(str(handset.terminal_id), "dark", depth)
        self._after(random, self._options.blackout_s_max, lambda: self._light(handset))

    def _light(self, handset: Handset) -> None:
        self._dark[handset.terminal_id] -= 1
        if not self._dark[handset.terminal_id]:
            handset.radio.set_dark(False)
            self._note(str(handset.terminal_id), "light")

    def _half_open(self, handset: Handset, random: Random) -> None:
        way = (UP, DOWN)[random.randrange(2)]
        handset.radio.set_half(way)
        self._note(str(handset.terminal_id), "half_open", way)
        self._after(random, self._options.half_open_s_max, lambda: handset.radio.set_half(None))

    def _cut_power(self, handset: Handset, random: Random) -> None:
        if handset.on:
            handset.power_off()
            self._after(random, self._options.off_s_max, lambda: self._on(handset))

    def _on(self, handset: Handset) -> None:
        if not handset.on and not self._world.closed:
            handset.power_on()

    def _cut_flash(self, handset: Handset, random: Random) -> None:
        operations = random.randrange(1, self._options.flash_cut_operations_max + 1)
        torn = MODES[random.randrange(len(MODES))]
        if handset.on:
            handset.cut_soon(operations, torn)

    def _revive(self, handset: Handset, random: Random) -> None:
        loops = self._looping.get(handset.terminal_id, 0)
        if not loops:
            self._after(random, self._options.off_s_max, lambda: self._on(handset))
            return
        self._looping[handset.terminal_id] = loops - 1
        self._after(random, 1, lambda: self._boot_into_cut(handset, random))

    def _loop(self, handset: Handset, random: Random) -> None:
        """The contact is bad: power goes again within the first flash operations of each boot."""
        if handset.on:
            self._looping[handset.terminal_id] = random.randrange(
                2, self._options.reboot_loop_boots_max + 1)
            self._note(str(handset.terminal_id), "reboot_loop")
            handset.power_off()
            self._boot_into_cut(handset, random)

    def _boot_into_cut(self, handset: Handset, random: Random) -> None:
        if not handset.on and not self._world.closed:
            handset.power_on()
            handset.cut_soon(random.randrange(1, LOOP_OPERATIONS_MAX + 1),
                             MODES[random.randrange(len(MODES))])

    def _misread(self, handset: Handset, random: Random) -> None:
        """A boot that cannot read its outbox; a technician presses the chip back in."""
        if not handset.on:
            return
        handset.power_off()
        handset.misread(True)
        handset.power_on()
        self._note(str(handset.terminal_id), "misread")
        self._after(random, self._options.off_s_max, lambda: self._mend(handset))

    def _mend(self, handset: Handset) -> None:
        handset.misread(False)
        if handset.on:
            handset.power_off()
            self._on(handset)

    def _jump(self, handset: Handset, random: Random) -> None:
        jump_s = random.randrange(1, self._options.clock_jump_s_max + 1)
        if handset.on:
            handset.jump(jump_s * 1000)
            self._world.witness.happened(story.CLOCK_JUMPED, handset.terminal_id, jump_s)

    def _maybe_exhaust(self, random: Random) -> None:
        hit = random.randrange(1000) < self._options.heap_per_1000
        calls = random.randrange(1, HEAP_CALLS_MAX)
        if hit and not self._world.heap.armed:
            self._world.heap.arm(PANEL, calls)

    def _exhaust_down(self, random: Random) -> None:
        if not self._world.heap.armed:
            self._world.heap.arm(LINK, random.randrange(1, HEAP_CALLS_DOWN_MAX))

    # -- broker --------------------------------------------------------------------------------

    def _restart_broker(self, random: Random, queue_lost: bool = False) -> None:
        world = self._world
        if not world.broker.open:
            return
        down_ms = self._after(random, self._options.broker_down_s_max, self._open_broker)
        world.broker.open = False
        lost = world.broker.restart(queue_lost)
        self._note("broker", "restart_queue_lost" if queue_lost else "restart", lost)
        for each in world.shores:
            each.cut_off("broker_gone", down_ms)

    def _restart_broker_queue_lost(self, random: Random) -> None:
        self._restart_broker(random, True)

    def _open_broker(self) -> None:
        self._world.broker.open = True

    def _mute_broker(self, random: Random) -> None:
        self._world.broker.mute = True
        self._note("broker", "mute")
        self._after(random, self._options.broker_mute_s_max, self._unmute)

    def _unmute(self) -> None:
        self._world.broker.mute = False

    def _destroy_session(self, random: Random) -> None:
        place = random.randrange(len(self._world.shores))
        lost = self._world.broker.sessions[place].destroy()
        self._note("broker", "session_destroyed", place, lost)
        self._world.shores[place].cut_off("session_taken", random.randrange(200, 5000))

    # -- gateway -------------------------------------------------------------------------------

    def _plan_kills(self) -> None:
        wanted = [(step, getattr(self._options, name)) for step, name in KILLS
                  if getattr(self._options, name)]
        if not wanted:
            return
        streams = {step: self._world.stream("killed", step) for step, _ in wanted}

        def fate() -> Crash | None:
            doom = None
            for step, per_1000 in wanted:
                random = streams[step]
                hit = random.randrange(1000) < per_1000
                down_ms = random.randrange(1, self._options.killed_down_s_max * 1000 + 1)
                part = random.randrange(257)
                if hit and doom is None:
                    doom = Crash(step, down_ms, part)
            return doom

        for each in self._world.shores:
            each.fate = fate

    def _partition(self, random: Random) -> None:
        shores = self._world.shores
        down_ms = random.randrange(1, self._options.partition_s_max * 1000 + 1)
        shores[random.randrange(len(shores))].cut_off("partition", down_ms)

    # -- database ------------------------------------------------------------------------------

    def _lock_database(self, random: Random) -> None:
        self._database_fails(bases.LOCKED)
        self._world.base.lock(True)
        self._after(random, self._options.database_locked_s_max,
                    lambda: self._world.base.lock(False))

    def _fill_database(self, random: Random) -> None:
        self._database_fails(bases.FULL)
        self._world.base.fill(True)
        self._after(random, self._options.database_full_s_max,
                    lambda: self._world.base.fill(False))

    def _fail_io(self, random: Random) -> None:
        self._database_fails(bases.IO)
        self._world.base.fail(bases.IO, random.randrange(1, IO_STATEMENTS_MAX + 1))

    def _doubt_commit(self, random: Random) -> None:
        self._database_fails(bases.UNSURE)
        self._world.base.fail(bases.UNSURE, random.randrange(1, UNSURE_COMMITS_MAX + 1))

    def _database_fails(self, kind: str) -> None:
        self._note("database", kind)
        self._world.witness.happened(story.DATABASE_FAILED, kind)

    def _lose_server_power(self, random: Random) -> None:
        """In the middle of what the disk does next; nothing at all, if it has nothing to do."""
        self._world.base.cut_after(random.randrange(1, DISK_OPERATIONS_MAX + 1))

    # -- registry ------------------------------------------------------------------------------

    def _change(self, what: str, subject: int, value: str, act: Callable[[], None]) -> None:
        with self._world.base.well():
            act()
        shown = f"{subject % 10000:04}" if what == story.CARD else subject
        self._note("hq", what, shown, value)
        self._world.witness.happened(what, subject, value)

    def _lose_card(self, random: Random) -> None:
        self._set_card(random, LOST)

    def _block_card(self, random: Random) -> None:
        self._set_card(random, BLOCKED)

    def _set_card(self, random: Random, state: str) -> None:
        world = self._world
        card = world.cards[random.randrange(len(world.cards))]
        self._change(story.CARD, card, state,
                     lambda: world.registry.set_card_state(card, state))

    def _suspend_member(self, random: Random) -> None:
        members = self._world.facts.members[:self._options.members]
        self._suspend(random, story.MEMBER, members, self._world.registry.set_member_state)

    def _suspend_merchant(self, random: Random) -> None:
        merchants = tuple(sorted(set(self._world.facts.merchants.values())))
        self._suspend(random, story.MERCHANT, merchants, self._world.registry.set_merchant_state)

    def _suspend_terminal(self, random: Random) -> None:
        self._suspend(random, story.TERMINAL,
                      tuple(each.terminal_id for each in self._world.handsets),
                      self._world.registry.set_terminal_state)

    def _suspend(self, random: Random, what: str, subjects: tuple[int, ...],
                 act: Callable[[int, str], None]) -> None:
        subject = subjects[random.randrange(len(subjects))]
        self._change(what, subject, SUSPENDED, lambda: act(subject, SUSPENDED))
        if random.randrange(2):
            back_us = self._world.moment(random)
            if back_us > self._world.loop.now_us:
                self._world.loop.call_at_us(
                    back_us, self._if_not_over,
                    lambda _: self._change(what, subject, ACTIVE, lambda: act(subject, ACTIVE)),
                    random)
