# pyright: reportOptionalMemberAccess=false
"""A monkey at the handset: keys mashed, cards, bad links, power cuts, in virtual time. Portable.

    make monkey                                   200,000 events on each interpreter
    python -m tests.firmware.monkey 5000 17       one round of 5,000 events, seed 17

After each event: no task died, every screen fits. Now and then `****` has to bring the first
screen. No tap in training is stored, and the same sale is not saved twice within a minute unless
somebody was asked. At the end of a round, with a link and a gateway that answers, what was
told as saved has one outcome, and nothing else posted but what a power cut left untold.
"""

import asyncio
import sys

import firmware  # noqa: F401 - brings MicroPython's names
from firmware.app import App
from firmware.checkout import READ_MS
from firmware.outbox import format_outbox
from firmware.settings import settings
from firmware.states import HOME, RESULT, TWICE
from protocol import messages
from simulator.flash import NorFlash, PowerCut
from tests.firmware.monkey_world import ANSWERING, MOODS, UNKNOWN_CARD, Board, Gateway
from tests.firmware.outbox_life import Dice
from tests.firmware.replies import CARD, KEY, TERMINAL_ID
from tests.firmware.virtual_time import now_ms, run

ROUND = 5000
KEYS = "0123456789*#ABCD"
CARDS = (CARD, CARD + 7, b"\x04\x01\x02\x03\x04\x05\x06", UNKNOWN_CARD)
WHYS = ("two_cards", "random_id", "unreadable", "product", "short", "lrc")
# what a cashier would do, so that a monkey comes to every screen; k lays a card
WAYS = ("1250#k", "1250#k1250#k", "1250#k1250#k#", "700#k*800#k*900#k*1000#k", "500#kD#", "Ak",
        "1250#", "7#", "99999999999#", "A", "B", "C", "CB#", "D", "D#", "1250A12#500A3##k",
        "1#2468#", "D1", "D2", "D3", "D4", "D4#", "D5", "D51", "D52", "D53", "D54", "D55", "D6#",
        "D7", "D8", "D9", "D0", "1250#D", "500B")
WAIT_S_MAX = 7200
BLOCKS = 8


class World:
    """A handset through all its boots, and what was told. `done`: events so far."""

    def __init__(self, seed, events):
        self.dice = Dice(seed)
        self.events = events
        self.done = 0
        self.boots = 0
        self.cuts = 0
        self.lived_ms = 0
        self.link = True
        self.gateway = Gateway(self.dice)
        self.files = {}
        self.flash = NorFlash(BLOCKS, self.dice)
        format_outbox(self.flash, 7)
        self.settings = settings(TERMINAL_ID, 1, KEY, "h", 1, "u", "p", outbox_blocks=BLOCKS,
                                 language="zh" if seed & 1 else "en", login=seed % 3 == 0)
        self.saved = {}
        self.settled = {}
        self.names = {}
        self.app = None
        self.wrong = []  # raised in here it would be the handset's to survive
        self._last = None
        self._asked = False

    # -- what the handset says -----------------------------------------------------------------

    def drawn(self):
        if self.app and self.app.state:
            name = self.app.state.name
            if name == RESULT:
                name = "result " + self.app.state.shown[0]
            self.names[name] = self.names.get(name, 0) + 1
            self._asked = self._asked or name == TWICE

    def told(self, kind, *values):
        if kind in ("died", "recovery"):
            self.wrong.append((kind,) + values)
        elif kind == "saved":
            self._saved(*values)
        elif kind == "settled":
            self.settled[values[0].journal, values[0].trace] = values[0].code

    def _saved(self, journal, trace, kind, original):
        key = (journal, trace)
        if key in self.saved:
            self.wrong.append(("saved twice", key))
        self.saved[key] = kind
        state = self.app.state
        if kind == messages.VOID:
            if self._last and self._last[3] == original:
                self._last = None
            return
        if self.app.till.training:
            self.wrong.append(("stored in training", key))
        if kind == messages.SALE:
            now, last = now_ms(), self._last
            self._last = state.shown[0], state.amount_minor, now, key
            if last and last[:2] == self._last[:2] and now - last[2] < 60000:
                if not self._asked:
                    self.wrong.append(("doubled without a question", key))
            self._asked = False

    # -- one life ------------------------------------------------------------------------------

    def begin(self):
        self.boots += 1
        self.board = Board(self)
        self._last, self._asked = None, False
        self.app = App(self.board, self.settings, self.told)
        self._task = asyncio.create_task(self.app.run())

    async def life(self):
        """Until the power goes, or all events are done."""
        self.begin()
        await asyncio.sleep_ms(1)
        planned = self.dice.below(6) == 0
        while self.done < self.events:
            if planned and self.dice.below(200) == 0:
                self.flash.cut_at = self.flash.operations + 1 + self.dice.below(6)
                planned = False
            await self._act(self.dice.below(1000))
            if not self.flash.on or self.dice.below(700) == 0:
                break
            if self.dice.below(40) == 0:
                await self._home()
        self._off()

    def _off(self):
        self.lived_ms += now_ms()
        self.flash.cut()

    async def _act(self, drawn):
        self.done += 1
        board, dice = self.board, self.dice
        if drawn < 500:
            for _ in range(1 + dice.below(4)):
                board.put(("key", KEYS[dice.below(16)]))
        elif drawn < 640:
            keys = WAYS[dice.below(len(WAYS))]
            self.done += len(keys) - 1
            for key in keys:
                board.put(("key", key) if key != "k" else ("card", 2, CARD))
        elif drawn < 800:
            board.put(("card", 1 + dice.below(3), CARDS[dice.below(len(CARDS))]))
        elif drawn < 830:
            board.put(("unread", 1 + dice.below(3), WHYS[dice.below(len(WHYS))]))
        elif drawn < 840:
            board.put(("fault", 2, None if dice.below(2) else "absent"))
        elif drawn < 860:
            board.put(("long", KEYS[dice.below(16)]))
        elif drawn < 880:
            self._link(dice.below(3) > 0)
        elif drawn < 900:
            self.gateway.mood = MOODS[dice.below(len(MOODS))]
        elif drawn < 940:
            await asyncio.sleep_ms(dice.below(40000))
        elif drawn < 943:
            await asyncio.sleep_ms(dice.below(900000))
        elif drawn == 943 and dice.below(4) == 0:
            self._rush()
        else:
            await asyncio.sleep_ms(dice.below(600))
        await asyncio.sleep_ms(1 if dice.below(4) else 0)
        assert not self.wrong, self.wrong

    def _link(self, up):
        self.link = up
        if not up:
            self.app.drop_link("the radio is off")
            if self.board.wire:
                self.board.wire.end()

    # no link, and more sales than the outbox holds
    def _rush(self):
        self._link(False)
        for number in range(120):
            self.board.put(("key", "*"))
            for key in str(100 + number) + "#":
                self.board.put(("key", key))
            self.board.put(("card", 2, CARD))
        self.done += 120 * 6

    async def _home(self):
        name = await self._stars()
        for _ in range(2):  # what came in this moment or late shows itself, for a second at least
            if name == RESULT or name.startswith("dayend."):
                await asyncio.sleep_ms(READ_MS)
                name = await self._stars()
        assert name == HOME, f"**** leads to {name}"

    async def _stars(self):
        for _ in range(4):
            self.board.put(("key", "*"))
        await asyncio.sleep_ms(20)
        return self.app.state.name if self.flash.on else HOME

    # -- the end -------------------------------------------------------------------------------

    async def drain(self):
        """Everything goes out and is answered."""
        self.link = True
        self.gateway.mood = ANSWERING
        self.begin()
        for _ in range(WAIT_S_MAX // 60):
            await asyncio.sleep_ms(60000)
            if not self.app.outbox.unsettled and not self.app._dispatch.cancels:
                break
        assert not self.app.outbox.unsettled, "not everything was answered"
        assert not self.wrong, self.wrong
        self._off()

    def check(self):
        """The books: what was told against what the gateway did."""
        for key in self.saved:
            assert key in self.gateway.codes, f"{key} was saved and never came"
        untold = [key for key in self.gateway.posted if key not in self.saved]
        assert len(untold) <= self.cuts, f"posted and never told: {untold}"
        for key, code in self.settled.items():
            assert self.gateway.codes[key] == code, f"{key} was shown as {code}"


def play(seed, events=ROUND):
    """One round; the World it ended in."""
    world = World(seed, events)
    try:
        while world.done < world.events:
            _live(world, world.life)
        _live(world, world.drain)
        assert world.flash.on is False
        world.check()
    except BaseException:
        sys.stdout.write(f"seed {seed}, event {world.done} of {events}, boot {world.boots}, "
                         f"{world.app.state if world.app else None}\n"
                         f"again: python -m tests.firmware.monkey {events} {seed}\n")
        raise
    return world


def _live(world, life):
    if not world.flash.on:
        world.flash = world.flash.reborn()
        world.cuts += 1
    try:
        run(life())
    except PowerCut:  # on MicroPython it ends the loop
        world.flash.cut()


def main(events=200000, seed=1):
    """Rounds of ROUND events each, the seeds one behind the other."""
    names, saved, cuts = {}, 0, 0
    for first in range(0, events, ROUND):
        world = play(seed + first // ROUND, min(ROUND, events - first))
        saved += len(world.saved)
        cuts += world.cuts
        for name in world.names:
            names[name] = names.get(name, 0) + world.names[name]
    said = ", ".join([f"{name} {names[name]}" for name in sorted(names)])
    sys.stdout.write(f"monkey on {sys.implementation.name}: {events} events, seeds from {seed}: "
                     f"{saved} messages saved, {cuts} cuts of power, screens: {said}\n")


if __name__ == "__main__":
    main(*[int(each) for each in sys.argv[1:3]])
