"""A contactless reader with cards to lay on it, in virtual time; portable."""

import asyncio
import random

from firmware.board.card_taps import TapReader
from firmware.board.iso14443a import Field
from firmware.board.mfrc522 import Mfrc522
from simulator.mfrc522_chip import Mfrc522Chip
from tests.firmware.portable import all_within, within
from tests.firmware.virtual_time import now_ms, run


class Reader:
    """`chip` is the peer, `driver` the firmware's, `taps` the whole reader."""

    def __init__(self, *cards, version=0x92, wired=False):
        self.chip = Mfrc522Chip(lambda: now_ms() * 1000, random, version)
        self.chip.cards = list(cards)
        power = self.chip.power if wired else None
        self.driver = Mfrc522(self.chip, self.chip.select, now_ms, power)
        self.field = Field(self.driver)
        self.taps = TapReader(self.driver, now_ms)
        self.memory = self.taps.memory

    async def started(self):
        await self.driver.start()
        self.driver.field(True)
        await asyncio.sleep_ms(5)
        return self

    def lay(self, *cards):
        for card in self.chip.cards:
            card.lose_power()
        self.chip.cards = list(cards)

    async def event(self, ms=2000):
        """What is told within so long, or None."""
        return await within(ms, self.taps.next())

    async def events(self, ms):
        """All that is told within so long."""
        return await all_within(ms, self.taps.next, now_ms)


def at_the_reader(act, *cards, **options):
    """Run `act(reader)` with these cards on a fresh reader, the same draws each time."""
    random.seed(7)

    async def main():
        return await act(Reader(*cards, **options))

    return run(main())
