"""What goes wrong with handsets and their links: darkness, power, flash, clock, heap."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from protocol import frames, limits, topics
from protocol.messages import SALE, encode_request, request
from simulator.flash import MODES, NorFlash
from simulator.handset import Handset
from simulator.heap import LINK, PANEL, TURN, Entries
from simulator.past import ENTRY_TAP
from simulator.radio import DOWN, UP
from tools.prove import story
from tools.prove.mishaps import Mishaps

if TYPE_CHECKING:
    from tools.prove.world import World

HEAP_CALLS_MAX = 250
LOOP_OPERATIONS_MAX = 8
PUT_BACK_TRIES = 20
DAY_S, TEN_YEARS_S, EPOCH_2000_S = 86400, 315_576_000, 946_684_800


class HandsetTrouble(Mishaps):
    """Of every handset of a world."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._dark: dict[int, int] = {}
        self._looping: dict[int, int] = {}

    def plan(self) -> None:
        for handset in self.world.handsets:
            self._plan(handset)

    def _plan(self, handset: Handset) -> None:
        options, terminal_id = self.options, handset.terminal_id

        def stream(name: str) -> Random:
            return self.world.stream(name, terminal_id)

        def schedule(name: str, count: int, act: Callable[[Handset, Random], None]) -> None:
            self.schedule(stream(name), count, lambda random: act(handset, random))

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
        schedule("clocks_wrong", options.clocks_wrong, self._set_clock_wrong)
        schedule("clock_resets", options.clock_resets, self._reset_clock)
        schedule("flash_put_backs", options.flash_put_backs, self._read_out)
        schedule("planted", options.planted, self._plant)
        self.schedule(stream("heap_down"), options.heap_down,
                      lambda random: self._exhaust(LINK, random))
        self.schedule(stream("heap_turns"), options.heap_turns,
                      lambda random: self._exhaust(TURN, random))

    def relief(self) -> None:
        super().relief()
        self.world.heap.disarm()
        for handset in self.world.handsets:
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

    # -- links ---------------------------------------------------------------------------------

    def _black_out(self, handset: Handset, random: Random) -> None:
        self._darken(handset)
        self.after(random, self.options.blackout_s_max, lambda: self._light(handset))

    def _darken(self, handset: Handset) -> None:
        handset.radio.set_dark(True)
        depth = self._dark[handset.terminal_id] = self._dark.get(handset.terminal_id, 0) + 1
        self.note(handset.terminal_id, "dark", depth)

    def _light(self, handset: Handset) -> None:
        self._dark[handset.terminal_id] -= 1
        if not self._dark[handset.terminal_id]:
            handset.radio.set_dark(False)
            self.note(handset.terminal_id, "light")

    def _half_open(self, handset: Handset, random: Random) -> None:
        way = (UP, DOWN)[random.randrange(2)]
        handset.radio.set_half(way)
        self.note(handset.terminal_id, "half_open", way)
        self.after(random, self.options.half_open_s_max, lambda: handset.radio.set_half(None))

    # -- power ---------------------------------------------------------------------------------

    def _cut_power(self, handset: Handset, random: Random) -> None:
        if handset.on:
            handset.power_off()
            self.after(random, self.options.off_s_max, lambda: self._on(handset))

    def _on(self, handset: Handset) -> None:
        if not handset.on and not self.world.closed:
            handset.power_on()

    def _cut_flash(self, handset: Handset, random: Random) -> None:
        operations = random.randrange(1, self.options.flash_cut_operations_max + 1)
        torn = MODES[random.randrange(len(MODES))]
        if handset.on:
            handset.cut_soon(operations, torn)

    def _revive(self, handset: Handset, random: Random) -> None:
        loops = self._looping.get(handset.terminal_id, 0)
        if not loops:
            self.after(random, self.options.off_s_max, lambda: self._on(handset))
            return
        self._looping[handset.terminal_id] = loops - 1
        self.after(random, 1, lambda: self._boot_into_cut(handset, random))

    def _loop(self, handset: Handset, random: Random) -> None:
        """The contact is bad: power goes again within the first flash operations of each boot."""
        if handset.on:
            self._looping[handset.terminal_id] = random.randrange(
                2, self.options.reboot_loop_boots_max + 1)
            self.note(handset.terminal_id, "reboot_loop")
            handset.power_off()
            self._boot_into_cut(handset, random)

    def _boot_into_cut(self, handset: Handset, random: Random) -> None:
        if not handset.on and not self.world.closed:
            handset.power_on()
            handset.cut_soon(random.randrange(1, LOOP_OPERATIONS_MAX + 1),
                             MODES[random.randrange(len(MODES))])

    def _misread(self, handset: Handset, random: Random) -> None:
        """A boot that cannot read its outbox; a technician presses the chip back in."""
        if not handset.on:
            return
        handset.power_off()
        handset.misread(True)
        self.world.witness.happened(story.FLASH_CONTACT, handset.terminal_id, True)
        handset.power_on()
        self.note(handset.terminal_id, "misread")
        self.after(random, self.options.off_s_max, lambda: self._mend(handset))

    def _mend(self, handset: Handset) -> None:
        handset.misread(False)
        if handset.on:
            handset.power_off()
            self._on(handset)
        self.world.witness.happened(story.FLASH_CONTACT, handset.terminal_id, False)

    # -- flash put back ------------------------------------------------------------------------

    def _read_out(self, handset: Handset, random: Random) -> None:
        """A workshop reads the outbox partition out, and later writes the copy back."""
        if handset.on:
            copy, at_us = handset.flash_copy(), self.world.loop.now_us
            self.after(random, self.options.flash_put_back_s_max,
                       lambda: self._put_back(handset, random, copy, at_us, PUT_BACK_TRIES))

    def _put_back(self, handset: Handset, random: Random, copy: NorFlash, at_us: int,
                  tries: int) -> None:
        """Only where every tap since is answered: what waits in a flash dies with it, and no
        design can help that. Taps made before the first heartbeat then use traces again."""
        if handset.unsettled != 0:
            if tries:
                self.after(random, 5, lambda: self._put_back(handset, random, copy, at_us,
                                                             tries - 1))
            return
        moves = self.world.witness.story.moves
        if any(move.terminal_id == handset.terminal_id and move.at_us > at_us for move in moves):
            return  # the copy knows nothing of it and would move the same tap again
        self._darken(handset)
        handset.power_off()
        handset.put_back(copy)
        self.world.witness.happened(story.FLASH_PUT_BACK, handset.terminal_id, at_us)
        self.after(random, 1, lambda: self._on(handset))
        self.after(random, self.options.blackout_s_max, lambda: self._light(handset))

    def _plant(self, handset: Handset, random: Random) -> None:
        """Somebody who has the key sends a sale under the trace that comes next, or soon."""
        world, outbox = self.world, handset.app.outbox if handset.app is not None else None
        if outbox is None:
            return
        card = world.cards[random.randrange(len(world.cards))]
        said = request(SALE, outbox.journal, outbox.next_trace + random.randrange(3),
                       card=(ENTRY_TAP, card), amount_minor=random.randrange(100, 90001))
        epoch, terminal_id = handset.settings.epoch, handset.terminal_id
        frame = frames.seal(handset.settings.key, limits.UP, terminal_id, epoch,
                            encode_request(said))
        self.note(terminal_id, "planted", said.journal, said.trace)
        world.witness.happened(story.PLANTED, terminal_id, frame)
        world.broker.route(terminal_id, topics.up(terminal_id), frame, False)

    # -- clock and heap ------------------------------------------------------------------------

    def _jump(self, handset: Handset, random: Random) -> None:
        jump_s = random.randrange(1, self.options.clock_jump_s_max + 1)
        if handset.on:
            handset.jump(jump_s * 1000)
            self.world.witness.happened(story.CLOCK_JUMPED, handset.terminal_id, jump_s)

    def _set_clock_wrong(self, handset: Handset, random: Random) -> None:
        """The time of day is suddenly another, and taken for the gateway's word."""
        off_s = random.choice((TEN_YEARS_S, -TEN_YEARS_S, random.randrange(1, DAY_S),
                               -random.randrange(1, DAY_S)))
        if handset.on:
            handset.set_clock(self._now_s() + off_s)
            self.note(handset.terminal_id, "clock_wrong", off_s)
            self.world.witness.happened(story.CLOCK_JUMPED, handset.terminal_id, off_s)

    def _reset_clock(self, handset: Handset, random: Random) -> None:
        """It counts from the epoch of its interpreter: 1970, or 2000 as on ESP32."""
        epoch_s = random.choice((0, EPOCH_2000_S))
        if handset.on:
            handset.set_clock(epoch_s)
            self.note(handset.terminal_id, "clock_reset", epoch_s)
            self.world.witness.happened(story.CLOCK_RESET, handset.terminal_id)

    def _now_s(self) -> int:
        return int(self.world.clock().timestamp())

    def _maybe_exhaust(self, random: Random) -> None:
        hit = random.randrange(1000) < self.options.heap_per_1000
        calls = random.randrange(1, HEAP_CALLS_MAX)
        if hit and not self.world.heap.armed:
            self.world.heap.arm(PANEL, calls)

    def _exhaust(self, entries: Entries, random: Random) -> None:
        if not self.world.heap.armed:
            self.world.heap.arm(entries, random.randrange(1, HEAP_CALLS_MAX))
