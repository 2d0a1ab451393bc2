"""Wi-Fi for boards that have it by configuration: connected, kept so, mended. A thin shell.

`wlan`: what `network.WLAN(network.STA_IF)` gives, or a peer that does the same: active(on),
connect(name, password), disconnect(), isconnected(), status(), status("rssi"). Law:
- Every wait has an end; what is wrong has a number in faults.py. How often is tried again, and
  when "connected" is not believed any more, is in way.py and ladder.py, as for the modem.
- `connect` is never called while an attempt is under way: the driver of the ESP32 raises then. It
  is ended first, and the part is switched off and on where that alone does not help.
"""

import asyncio

from micropython import const

from firmware import faults
from firmware.board.way import Way, pause

CONNECT_MS = const(20000)
POLL_MS = const(100)
WATCH_MS = const(1000)
OFF_MS = const(500)

AGAIN = const(0)    # the next attempt
RESTART = const(1)  # off and on

# network.STAT_... of MicroPython on ESP32 (typings/network.pyi); a wrong password mostly shows
# as a handshake that nobody answers
_BEACON_TIMEOUT = const(200)
_NO_AP = const(201)
_WRONG_PASSWORD = const(202)
_HANDSHAKE_TIMEOUT = const(204)
_NO_AP_THAT_FITS = const(210)
_NO_AP_STRONG_ENOUGH = const(212)


def fault_of(status):
    """What a status that is no connection means; None while it may still come."""
    if status in (_WRONG_PASSWORD, _HANDSHAKE_TIMEOUT):
        return faults.WIFI_PASSWORD
    if status == _NO_AP or _NO_AP_THAT_FITS <= status <= _NO_AP_STRONG_ENOUGH:
        return faults.NO_WIFI
    return faults.WIFI_FAILED if _BEACON_TIMEOUT <= status < 300 else None


class Wifi(Way):
    """`name`, `password`: of the access point; `now()`: ms since boot; `progress()` is called
    every second at least; the rest is in way.py."""

    def __init__(self, wlan, name, password, now, progress, tell=None,
                 open_connection=asyncio.open_connection):
        super().__init__((3, 1), tell, open_connection)
        self._wlan = wlan
        self._name = name
        self._password = password
        self._now = now
        self._progress = progress

    def signal_dbm(self):
        """Strength of the access point, or None."""
        try:
            return self._wlan.status("rssi") if self.up else None
        except OSError:  # it was lost in this moment
            return None

    async def run(self):
        """The supervised task; ends only by cancellation."""
        while True:
            self._progress()
            fault = await self._session()
            rung, wait_ms = self._failed(fault)
            await pause(wait_ms, self._progress)
            if rung == RESTART:
                self._wlan.active(False)
                await pause(OFF_MS, self._progress)

    async def _session(self):
        try:
            fault = await self._begin()
            if not fault:
                self._came_up()
                fault = await self._watch()
            return fault
        except OSError:  # the driver's own word for a state it cannot leave
            return faults.WIFI_FAILED
        finally:
            self.up = False

    async def _begin(self):
        self._wlan.active(True)
        if self._wlan.isconnected():
            return faults.NONE  # as an earlier life of this program left it
        self._wlan.connect(self._name, self._password)
        end_ms = self._now() + CONNECT_MS
        fault = None
        while not self._wlan.isconnected():
            self._progress()
            fault = fault_of(self._wlan.status()) or fault
            if self._now() >= end_ms:
                self._wlan.disconnect()
                return fault or faults.WIFI_FAILED
            await asyncio.sleep_ms(POLL_MS)
        return faults.NONE

    async def _watch(self):
        while self._wlan.isconnected() and not self._is_dead():
            self._progress()
            await asyncio.sleep_ms(WATCH_MS)
        self._wlan.disconnect()
        return faults.DEAD
