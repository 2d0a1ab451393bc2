"""The cellular modem: brought up, kept up, mended, and ended without harm. A thin shell.

What to ask is decided by modem_steps.py, what to do to one that fails by ladder.py, what bytes
mean by at_parser.py; here is only the waiting. Law:
- The UART has one owner. `network.PPP` has it from CONNECT until it is down; no command is
  written in that time, and not one byte is read that belongs to PPP.
- PPP is ended the safe way (micropython #4708, #16887): `disconnect`, wait until it is down, only
  then the escape and ATH. `active(False)` is never called, it may hang. One that does not come
  down in 15 s is `stuck`: nothing is written any more, this task dies as often as it is begun, and
  so the watchdog starts the handset again. What was tapped is on flash.
- PPP says that it is connected long after it is dead (#5566): see way.py. The measures are PPP
  again, radio off and on, the reset pin, the power, each with its bound (ladder.py).
- Whatever is wrong has a number in faults.py, and stands in `fault` until it works again.

`ppp`: what `network.PPP(uart)` gives, or a peer that does the same: connect(security=, user=,
key=), disconnect(), isconnected(), status(): 3 connecting, 4 connected, below 0 lwIP's PPPERR_.
MicroPython 1.27 and later.
"""

import asyncio
from collections import namedtuple

from micropython import const

from firmware import faults
from firmware.board import modem_steps as steps
from firmware.board.at import At, ModemError
from firmware.board.at_parser import TIMEOUT
from firmware.board.way import Way, pause

PPP_UP_MS = const(30000)
PPP_DOWN_MS = const(15000)
POLL_MS = const(100)
WATCH_MS = const(1000)
COMMAND_MS = const(10000)
HANG_UP_MS = const(20000)

_PPP_CONNECTING = const(3)
_PPP_CONNECTED = const(4)
_SECURITY_NONE = const(0)
_SECURITY_CHAP = const(2)

# Outputs with `value(level)`, 1 for pressed and for power on, whatever transistor is between;
# None for one that this board does not have. PWRKEY must be there.
Pins = namedtuple("Pins", ("pwrkey", "reset", "power"))


class Modem(Way):
    """`access`: modem_steps.Access. `model`: the one that is wired, of modem_models. `now()`: ms
    since boot; `progress()` is called every 2 s at least; the rest is in way.py. `stuck`: PPP did
    not end, and the handset has to start again."""

    def __init__(self, reader, writer, ppp, pins, model, access, now, progress, tell=None,
                 open_connection=asyncio.open_connection):
        super().__init__((2, 1, 1 if pins.reset else 0, 1), tell, open_connection)
        self._at = At(reader, writer, now, progress)
        self._ppp = ppp
        self._pins = pins
        self._now = now
        self._progress = progress
        self._core = steps.Bringup(model, access)
        self.stuck = False

    # -- what a board asks -------------------------------------------------------------------

    def signal_dbm(self):
        """As measured before the call was made: in data mode nobody can ask. Or None."""
        return self._core.dbm

    def clock(self):
        """Unix seconds from the network, or None; for the dates of certificates only."""
        known = self._core.clock
        return known and known[0] + (self._now() - known[1]) // 1000

    def facts(self):
        """(model, IMEI, ICCID, operator, roaming), None for what it did not tell."""
        core = self._core
        return core.model.name, core.imei, core.iccid, core.operator, core.roaming

    # -- its life ----------------------------------------------------------------------------

    async def run(self):
        """The supervised task; dies of a PPP that is stuck, and again whenever it is begun."""
        while True:
            if self.stuck:
                raise ModemError("PPP does not end: start the handset again", faults.PPP_STUCK)
            self._progress()
            fault, floor = await self._session()
            rung, wait_ms = self._failed(fault, steps.cap(fault), floor)
            if not self.stuck:
                await pause(wait_ms, self._progress)
                await self._carry_out(rung)

    # (fault, floor): why it ended, and the mildest rung that can be next
    async def _session(self):
        if self._at.in_data:  # this task died in a call, or the call could not be left
            ended, floor = await self._end_call()
            if ended or floor > steps.PPP:
                return ended or faults.NO_MODEM, floor
        if not await self._awake():
            return faults.NO_MODEM, steps.PPP
        fault = await self._bring_up()
        if fault:
            return fault, steps.PPP
        try:
            fault = await self._begin_ppp()
            if not fault:
                self._came_up()
                fault = await self._watch()
        finally:
            self.up = False
            if self._at.in_data:
                self._ppp.disconnect()  # also when this task is cancelled
        ended, floor = await self._end_call()
        return ended or fault, floor

    # True when it answers: as it is, out of a call that an earlier life left, or switched on. One
    # that is on does not mind the key.
    async def _awake(self):
        if await self._at.sync(2):
            return True
        self._at.in_data = True
        if await self._at.escape():
            return True
        return await self._do(steps.switched_on(self._core.model))

    async def _bring_up(self):
        effect = self._core.start(self._now())
        while True:
            kind = effect[0]
            answer = None
            if kind == "up":
                return faults.NONE
            if kind == "fault":
                return effect[1]
            if kind == "wait":
                await asyncio.sleep_ms(effect[1])
            elif kind == "dial":
                answer = await self._at.dial(effect[1], effect[2])
            else:
                answer = await self._at.command(*effect[1:])
            effect = self._core.event(answer, self._now())

    async def _begin_ppp(self):
        access = self._core.access
        try:
            self._ppp.connect(security=_SECURITY_CHAP if access.user else _SECURITY_NONE,
                              user=access.user, key=access.key)
        except OSError:
            return faults.NO_PPP
        end_ms = self._now() + PPP_UP_MS
        while self._now() < end_ms:
            self._progress()
            if self._ppp.isconnected():
                return faults.NONE
            if self._status() < 0:
                return faults.NO_PPP
            await asyncio.sleep_ms(POLL_MS)
        return faults.NO_PPP

    async def _watch(self):
        while True:
            self._progress()
            if self._is_dead() or not self._ppp.isconnected():
                return faults.DEAD
            await asyncio.sleep_ms(WATCH_MS)

    def _status(self):
        return self._ppp.status() or 0

    def _ppp_is_down(self):
        return not (self._ppp.isconnected()
                    or self._status() in (_PPP_CONNECTING, _PPP_CONNECTED))

    # (fault, floor): whether the modem is in command mode again, without a call
    async def _end_call(self):
        if not await self._ended():
            self.stuck = True
            return faults.PPP_STUCK, steps.PPP
        if not await self._at.escape():
            # it may still be in data mode: nothing is written any more, only the pins help
            return faults.NONE, steps.RESET
        self._progress()
        answer = await self._at.hang_up(HANG_UP_MS)
        return faults.NONE, steps.CFUN if answer.result == TIMEOUT else steps.PPP

    async def _ended(self):
        self._ppp.disconnect()
        end_ms = self._now() + PPP_DOWN_MS
        while not self._ppp_is_down():
            self._progress()
            if self._now() >= end_ms:
                return False
            await asyncio.sleep_ms(POLL_MS)
        return True

    # -- measures ----------------------------------------------------------------------------

    async def _carry_out(self, rung):
        pins = self._pins
        await self._do(steps.measures(rung, self._core.model, pins.reset is not None,
                                      pins.power is not None))

    # True when it answers behind the last of them
    async def _do(self, actions):
        answers = False
        for kind, value in actions:
            self._progress()
            if kind == "wait":
                await pause(value, self._progress)
            elif kind == "at":
                await self._at.command(value, COMMAND_MS)
            elif kind == "boot":
                answers = await self._boot(value)
            else:
                pin = getattr(self._pins, kind)
                if pin is not None:
                    pin.value(value)
        return answers

    async def _boot(self, boot_ms):
        self._at.reset()
        end_ms = self._now() + boot_ms
        while self._now() < end_ms:
            if await self._at.sync(1):
                return True
        return False
