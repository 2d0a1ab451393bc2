"""A way to the network that mends itself: what modem.py and wifi.py have in common.

Law: "connected" proves nothing, for who says so may be dead. Only an answer from the network is a
proof: a connection that was made, or refused. After CONNECTS_MAX in a row without one the way is
to be mended, by the next measure of its ladder. A server that says no does not make anybody mend.
"""

import asyncio
import errno

from micropython import const

from firmware import faults
from firmware.board.ladder import Ladder
from firmware.errors import MqttError

CONNECTS_MAX = const(3)


class NoWay(MqttError):
    """There is no way out now; a fault's number (faults.py) comes with it. Nothing unsettled is
    lost, and the task of the modem or the Wi-Fi is at work on it."""

    code = "no_way"


class Way:
    """`up`: it says that it is connected. `fault`: what was last wrong, until something came back.
    `tell(fault, rung)` hears of each failure and what is done about it; `open_connection` is
    asyncio's."""

    def __init__(self, tries, tell, open_connection):
        self._ladder = Ladder(tries)
        self._tell = tell
        self._open_connection = open_connection
        self._unanswered = 0
        self.up = False
        self.fault = faults.NONE

    async def connect(self, host, port):
        """(reader, writer), or NoWay, or OSError."""
        if not self.up:
            raise NoWay("there is no network", self.fault or faults.NO_NETWORK)
        answered = False
        try:
            streams = await self._open_connection(host, port)
            answered = True
            return streams
        except OSError as error:
            # somebody was there to say no
            answered = error.errno in (errno.ECONNREFUSED, errno.ECONNRESET)
            raise
        except ValueError:  # TLS: somebody answered, and is not the one
            answered = True
            raise
        finally:  # also when the caller's patience was over
            if answered:
                self.proven()
            else:
                self._unanswered += 1

    def clock(self):
        """Unix seconds from the network, or None; for the dates of certificates only."""
        return None

    def proven(self):
        """Something came back from the network."""
        self._unanswered = 0
        self._ladder.good()
        self.fault = faults.NONE

    def _came_up(self):
        self.up = True
        self._unanswered = 0

    def _is_dead(self):
        return self._unanswered >= CONNECTS_MAX

    # (rung, wait_ms)
    def _failed(self, fault, cap=None, floor=0):
        self.fault = fault
        rung, wait_ms = self._ladder.failed(cap, floor)
        if self._tell is not None:
            self._tell(fault, rung)
        return rung, wait_ms


async def pause(wait_ms, progress, step_ms=1000):
    """Wait, and show progress while waiting."""
    while wait_ms > 0:
        progress()
        now_ms = min(wait_ms, step_ms)
        await asyncio.sleep_ms(now_ms)
        wait_ms -= now_ms
