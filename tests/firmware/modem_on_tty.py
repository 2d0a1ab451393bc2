"""The modem driver on MicroPython with a terminal for its UART; run by tests/support/modem_tty.

Events go out as lines of JSON: `up` with what the modem told, `down`, `fault` as it is told,
`echo` with the network's answer to a packet of all byte values, and `pin` for each level and when.
"""

import asyncio
import json
import sys
import time

from firmware import faults
from firmware.board import modem_models
from firmware.board.modem import Modem, Pins
from firmware.board.modem_steps import Access
from firmware.ticks import Uptime
from simulator.modem_ppp import FakePpp

MODELS = {"SIM800": modem_models.SIM800, "SIM7600": modem_models.SIM7600,
          "A7670": modem_models.A7670}
PACKET = bytes(range(256))


def tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")


def ticks_ms():
    return time.ticks_ms() & ((1 << 30) - 1)


class Pin:
    def __init__(self, name):
        self._name = name

    def value(self, level):
        tell(event="pin", name=self._name, level=level, ms=time.ticks_ms())


async def interrupts(ppp):
    while True:
        ppp.poll()
        await asyncio.sleep_ms(5)


async def cashier(modem, ppp):
    up = False
    while True:
        if modem.up != up:
            up = modem.up
            tell(event="up" if up else "down", facts=modem.facts(), dbm=modem.signal_dbm(),
                 clock=modem.clock(), strays=len(ppp.strays))
            del ppp.received[:]
        if up:
            ppp.send(PACKET)
            await asyncio.sleep_ms(300)
            if ppp.received:
                modem.proven()
                tell(event="echo", whole=ppp.received[-1] == b"echo " + PACKET)
            else:
                modem._unanswered += 1
            del ppp.received[:]
        await asyncio.sleep_ms(200)


async def live(uart, model, pin):
    now = Uptime(ticks_ms)
    ppp = FakePpp(uart, now)
    pins = Pins(Pin("pwrkey"), Pin("reset"), Pin("power"))
    modem = Modem(asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {}), ppp, pins,
                  MODELS[model], Access("cmnet", "", "", pin, 3), now, lambda: None,
                  lambda fault, rung: tell(event="fault", name=faults.name(fault), rung=rung))
    for task in (interrupts(ppp), cashier(modem, ppp)):
        asyncio.create_task(task)
    await modem.run()


def main(path, model, pin):
    asyncio.run(live(open(path, "r+b"), model, pin))
