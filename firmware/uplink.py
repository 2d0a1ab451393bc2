"""The life of the connection: connect, carry, notice that it is dead, connect again, for ever.

A thin shell: what to send is decided by dispatch.py and link.py, what the bytes mean by mqtt.py.
Law: a fault of the connection never reaches a tap. It is named (faults.py) and told, the stream is
closed, and after 1 s, doubling with jitter to 30 s, the next one is made. The wait starts anew
once a connection has lived 10 s and something was acknowledged on it. A broker that refuses us is
asked again after 30 s at the earliest; while an old key is held, its login is tried before that. A
link on which somebody waits for an answer is not left in the dark for longer than 15 s.
A fault of the outbox is none of the connection: who keeps it hears of it, the connection stays.
"""

import asyncio
import errno

from micropython import const

from firmware import faults
from firmware.errors import MqttError
from firmware.keys_held import login
from firmware.link import WINDOW
from firmware.mqtt import UP, Connection
from firmware.outbox import OutboxUnreadable
from protocol import topics

READ_SIZE = const(256)
CONNECT_MS_MAX = const(30000)
DRAIN_MS_MAX = const(10000)
RETRY_MS = const(1000)
RETRY_MS_MAX = const(30000)
REFUSED_MS = const(30000)
LIVED_MS = const(10000)
EAGER_MS = const(15000)
# MicroPython has no names for these; of the others each port has numbers of its own
_BROKEN_PIPE = const(32)
# Mbed TLS: what came is no record of TLS; the certificate does not hold
_NO_TLS = const(-0x7200)
_NO_PROOF = const(-0x2700)
_NETWORK_UNREACHABLE = const(101)  # Linux; elsewhere it is EHOSTUNREACH


class Uplink:
    """`idle_ms`: how long it may sleep before it must show progress. `fault`: the last one.
    `failed(error)` hears what the outbox raised."""

    def __init__(self, board, settings, dispatch, now, idle_ms, progress, tell, failed):
        self._board = board
        self._address = (settings.mqtt_host, settings.mqtt_port)
        self._dispatch = dispatch
        self._now = now
        self._idle_ms = idle_ms
        self._progress = progress
        self._tell = tell
        self._failed = failed
        terminal_id = settings.terminal_id
        self._topic_up = topics.up(terminal_id)
        self._topic_down = topics.down(terminal_id)
        self._mqtt = Connection(str(terminal_id), settings.keepalive_s, self._topic_down,
                                topics.state(terminal_id), topics.ONLINE, topics.OFFLINE)
        self._ping_ms = settings.keepalive_s * 750
        self._kick = asyncio.Event()
        self._broken = None
        self._up_ms = None
        self._acked = False
        self._streaming = False
        self._login = 0
        self.fault = faults.NONE

    def kick(self):
        """Something new is to be sent, or the state of the connection changed."""
        self._kick.set()

    def drop(self, why):
        """Give this connection up (the radio went off, a test pulls the plug)."""
        self._broken = MqttError(why, faults.NO_NETWORK)
        self._kick.set()

    def up(self):
        return self._mqtt.stage == UP

    async def run(self):
        """The supervised task; ends only by cancellation."""
        retry_ms = RETRY_MS
        while True:
            self._progress()
            self._up_ms = None
            self._acked = False
            why = None
            try:
                await self._connection()
            except (OSError, EOFError, ValueError, MqttError, asyncio.TimeoutError) as error:
                why = error
            retry_ms = self._ended(why, retry_ms)
            await self._pause(retry_ms - retry_ms // 4 * self._board.random(1)[0] // 256)
            retry_ms = min(retry_ms * 2, RETRY_MS_MAX)

    def _named(self, fault):
        self.fault = fault
        self._dispatch.link.well = False

    # How long to wait before the next one, in ms.
    def _ended(self, why, retry_ms):
        self._named(self._fault_of(why))
        if self._up_ms is None:
            self._tell("no_link", _said(why))
        else:
            self._tell("link", False, _said(why))
            if self._acked and self._now() - self._up_ms >= LIVED_MS:
                retry_ms = RETRY_MS
        if self.fault != faults.REFUSED:
            self._login = 0
        else:
            self._login += 1
            if self._login >= len(self._dispatch.keys.held):
                self._login = 0
                retry_ms = max(retry_ms, REFUSED_MS)
        return retry_ms

    def _fault_of(self, why):
        if isinstance(why, MqttError):
            return why.args[1]
        number = getattr(why, "errno", None)
        # of the stack's own timeout CPython makes asyncio's, MicroPython leaves it a number
        if isinstance(why, asyncio.TimeoutError) or number == errno.ETIMEDOUT:
            return faults.SLOW
        # MicroPython asks a server for its proof behind the opening, and says what is wrong with
        # it once as ValueError, then by number: who reads and who writes hear one each
        if isinstance(why, ValueError) or number in (_NO_TLS, _NO_PROOF):
            return faults.UNTRUSTED if self._up_ms is None else faults.CLOSED
        if not isinstance(why, OSError):
            return faults.CLOSED
        # no way to anybody: the ESP32's stack (lwIP) has no interface that is up
        if number in (errno.EHOSTUNREACH, _NETWORK_UNREACHABLE):
            return faults.NO_NETWORK
        # MicroPython may say only at the first write that nobody was there: then no number of
        # these comes. CPython has none at all for a write behind the end of a stream.
        broken = (number in (_BROKEN_PIPE, errno.ECONNABORTED, errno.ECONNRESET, errno.ENOTCONN)
                  or number is None and self._streaming)
        return faults.CLOSED if broken or self._up_ms is not None else faults.UNREACHABLE

    async def _pause(self, wait_ms):
        while wait_ms > 0:
            self._progress()
            step_ms = min(wait_ms, self._idle_ms)
            await asyncio.sleep_ms(step_ms)
            wait_ms -= step_ms

    async def _connection(self):
        self._broken = None  # before the wait: a drop while connecting must not be forgotten
        self._streaming = False
        opening = self._board.connect(*self._address)
        reader, writer = await asyncio.wait_for_ms(opening, CONNECT_MS_MAX)
        try:
            await self._carry(reader, writer)
        finally:  # whatever ran out in there: a part has few sockets, and none comes back
            writer.close()
            try:  # MicroPython closes here
                await asyncio.wait_for_ms(writer.wait_closed(), 1000)
            except (OSError, asyncio.TimeoutError):
                pass  # it is given up either way

    async def _carry(self, reader, writer):
        self._streaming = True
        user, password = login(self._dispatch.keys, self._login)
        self._mqtt.open(user, password, self._now())
        reading = asyncio.create_task(self._read(reader))
        try:
            while True:
                await self._turn(writer)
        finally:
            reading.cancel()
            self._mqtt.close()
            self._dispatch.lost()

    async def _turn(self, writer):
        self._progress()
        if self._broken is not None:
            raise self._broken
        self._kick.clear()
        now = self._now()
        if self._works():
            self._work(now)
        waited_for = self._dispatch.link.free() < WINDOW
        self._mqtt.ping_after_ms = min(self._ping_ms, EAGER_MS) if waited_for else self._ping_ms
        self._mqtt.check(now)
        out = self._mqtt.take()
        if out:
            writer.write(out)
            await asyncio.wait_for_ms(writer.drain(), DRAIN_MS_MAX)
            now = self._now()
        if not self._kick.is_set():
            await self._sleep(now)

    async def _sleep(self, now):
        self._progress()  # what was heard is drawn now
        wait_ms = self._idle_ms
        mqtt_ms = self._mqtt.due(now)
        if mqtt_ms is not None:
            wait_ms = min(wait_ms, mqtt_ms)
        if self._works():
            wait_ms = min(wait_ms, self._dispatch.due(now))
        try:
            await asyncio.wait_for_ms(self._kick.wait(), wait_ms)
        except asyncio.TimeoutError:
            pass  # something is due, or it is time to show progress

    def _works(self):
        return self.up() and self._dispatch.ready

    # nothing in here touches the stream
    def _work(self, now):
        try:
            self._dispatch.tend(now)
            self._dispatch.pump(now, self._publish)
        except (OSError, OutboxUnreadable, MemoryError) as error:
            self._failed(error)
            if isinstance(error, MemoryError):  # this connection has most of it
                raise
        link = self._dispatch.link
        if link.unanswered:
            link.unanswered = False
            self._named(faults.UNANSWERED)

    def _publish(self, frame):
        return self._mqtt.publish(self._topic_up, frame, self._now())

    # The only reader. What goes wrong here is raised in `run`, which closes the connection.
    async def _read(self, reader):
        try:
            while True:
                data = await reader.read(READ_SIZE)
                if not data:
                    raise MqttError("the broker closed the connection", faults.CLOSED)
                now = self._now()
                for event in self._mqtt.receive(data, now):
                    self._on_event(event, now)
                event = data = None  # what came is not held until the next comes
                self._kick.set()
        except Exception as error:  # noqa: BLE001 - handed to `run`, which knows which to survive
            self._broken = error
            self._kick.set()

    def _on_event(self, event, now):
        kind = event[0]
        if kind == "message":
            # what comes while the outbox cannot be read comes again
            if event[1] == self._topic_down.encode() and self._dispatch.ready:
                self._hear(event[2], now)
        elif kind == "acked":
            self._acked = True
            self._dispatch.link.acked(event[1], now)
        else:
            self._up_ms = now
            if self._login == 0:
                self._dispatch.keys.entered = True
            self._dispatch.connected(now)
            self._tell("link", True, "")

    def _hear(self, frame, now):
        try:
            if self._dispatch.received(frame, now):
                self._named(faults.FALSE_REPLY)
        except (OSError, OutboxUnreadable, MemoryError) as error:
            self._failed(error)
        self._dispatch.announce()


def _said(error):
    if isinstance(error, MqttError):
        return error.args[0]
    return str(error) or type(error).__name__
