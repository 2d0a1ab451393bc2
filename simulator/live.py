"""The real firmware in real time against a gateway: the only module with a clock and sockets.

Over MQTT the App's own client speaks to the broker. Over HTTP nothing of the App changes: its
board's `connect` gives it a broker in memory, and `HttpShim` carries each frame that reaches
that broker through one POST and gives the body of a 200 back on the terminal's `down` topic.

Law: what was posted is told by authentic replies alone. 503 and 429 mean that nothing was
committed: the frame is offered again. 400, 401 and 413 get no reply frame, so the tap stays
unanswered and is reported as such with the status. Nothing here touches a real outbox: each run
formats one in memory, under a fresh journal, so a run never collides with another one.
"""

import asyncio
import os
import ssl
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Sequence
from http.client import HTTPException
from random import Random
from typing import Any, NamedTuple

from firmware.app import App
from firmware.outbox import format_outbox
from firmware.settings import settings
from protocol import codes, topics
from protocol.messages import Reply
from simulator.board import BUFFER_SIZE, RESET_POWER, TICKS_MASK, Panel
from simulator.broker import Broker, Credential, Delivery
from simulator.errors import SimulatorError
from simulator.flash import NorFlash
from simulator.keys import Address, TerminalKeys
from simulator.stream import Reader, Writer

OUTBOX_BLOCKS = 64
RETRY_DELAY_S = 1.0
POST_WAIT_S = 15.0
AMOUNT_MINOR = 1250
COSE = "application/cose"


class Unreachable(SimulatorError):
    """The gateway cannot be reached, or does not let a terminal in. Nothing was tapped."""

    code = "unreachable"


class Result(NamedTuple):
    """Of one run. `refused`: reply codes other than approved; `statuses`: HTTP ones but 200."""

    taps: int
    posted: int
    refused: dict[int, int]
    unanswered: int
    points: int
    balances: dict[str, int]
    statuses: dict[int, int]
    seconds: float

    @property
    def good(self) -> bool:
        return self.posted == self.taps


class LiveBoard:
    """A board in real time: hardware randomness, the machine's clock, a way to the gateway."""

    name = "simulator"
    font = None
    font_fault = ""
    printer = None
    watchdog_ms = 60000
    boot_count = 1
    reset_cause = RESET_POWER

    def __init__(self, device: Any, connect: Any) -> None:
        self.outbox_device = device
        self.panel = Panel()
        self.screen = bytes(BUFFER_SIZE)
        self.connect = connect

    def ticks_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000 & TICKS_MASK

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def show(self, buffer: bytes | bytearray | memoryview) -> None:
        self.screen = bytes(buffer)

    def beep(self, name: str) -> None:
        pass

    async def event(self) -> tuple[Any, ...]:
        return await self.panel.event()

    def heap_free(self) -> int | None:
        return None

    def battery_percent(self) -> int | None:
        return None

    def signal_dbm(self) -> int | None:
        return None

    def feed_watchdog(self) -> None:
        pass

    def reset(self) -> None:
        pass


class HttpShim:
    """A broker in memory whose gateway is a URL; `connect` is a board's."""

    def __init__(self, address: Address, keys: TerminalKeys) -> None:
        self.statuses: Counter[int] = Counter()
        self._address = address
        self._keys = keys
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self, host: str, port: int) -> tuple[Reader, Writer]:
        """A stream to a fresh broker, once the gateway's port answers."""
        _, probe = await asyncio.open_connection(self._address.host, self._address.port)
        probe.close()
        keys = self._keys
        password = keys.mqtt_password.encode()
        broker = Broker({keys.mqtt_user: Credential(keys.terminal_id, password)})
        reader = Reader()
        connection = broker.accept(reader.feed, reader.end)
        broker.gateway.on_arrival = lambda: self._arrived(broker, connection)
        return reader, Writer(connection.receive, connection.broken)

    def _arrived(self, broker: Broker, connection: Any) -> None:
        for each in broker.gateway.take(1):
            task = asyncio.get_running_loop().create_task(self._carry(broker, connection, each))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, broker: Broker, connection: Any, frame: Delivery) -> None:
        while True:
            try:
                status, body, delay_s = await asyncio.to_thread(post, self._address, frame.body)
            except (OSError, HTTPException):
                connection.close()  # the way is gone: the App connects again and sends again
                return
            if status == 200:
                broker.publish(topics.down(self._keys.terminal_id), body)
                return
            self.statuses[status] += 1
            if status not in (429, 503):
                return
            await asyncio.sleep(delay_s)


def post(address: Address, frame: bytes) -> tuple[int, bytes, float]:
    """(status, body, seconds to wait before the next try); OSError or HTTPException when nobody
    answered, or not in HTTP."""
    request = urllib.request.Request(address.url, frame, {"Content-Type": COSE})
    try:
        with urllib.request.urlopen(request, timeout=POST_WAIT_S) as response:
            return response.status, response.read(), 0.0
    except urllib.error.HTTPError as error:
        after = error.headers.get("Retry-After", "")
        return error.code, b"", float(after) if after.isdigit() else RETRY_DELAY_S


class Terminal:
    """One terminal of the file: its App, what it tapped and what came back."""

    def __init__(self, keys: TerminalKeys, address: Address) -> None:
        self.keys = keys
        self.shim = HttpShim(address, keys) if address.over_http else None
        self.up = asyncio.Event()
        self.changed = asyncio.Event()
        self.fault = "no answer"
        self.keyed = 0
        self.saved = 0
        self.replies: list[Reply] = []
        self._address = address
        seed = int.from_bytes(os.urandom(8), "big")
        device = NorFlash(OUTBOX_BLOCKS, Random(seed))
        format_outbox(device, int.from_bytes(os.urandom(4), "big") or 1)
        connect = self.shim.connect if self.shim else self._dial
        self.board = LiveBoard(device, connect)
        made = settings(keys.terminal_id, keys.epoch, keys.key, address.host, address.port,
                        keys.mqtt_user, keys.mqtt_password, language="en",
                        outbox_blocks=OUTBOX_BLOCKS)
        self.app = App(self.board, made, self._told)

    async def _dial(self, host: str, port: int) -> tuple[Any, Any]:
        context = ssl.create_default_context() if self._address.tls else None
        return await asyncio.open_connection(host, port, ssl=context)

    def _told(self, kind: str, *values: Any) -> None:
        if kind == "link" and values[0]:
            self.up.set()
        elif kind == "no_link":
            self.fault = str(values[0])
        elif kind == "saved":
            self.saved += 1
        elif kind == "settled" and values[0].code != codes.TRACE_CONFLICT:
            self.replies.append(values[0])
        self.changed.set()

    def sale(self) -> None:
        self.keyed += 1
        self.board.panel.press(f"*{AMOUNT_MINOR}#")
        self.board.panel.card(2, self.keys.card)
        self.board.panel.press("#")  # the same card with the same amount: asked, it is meant so

    async def until(self, enough: Any) -> None:
        while not enough():
            self.changed.clear()
            await self.changed.wait()


async def run(address: Address, keys: Sequence[TerminalKeys], taps: int, wait_s: float) -> Result:
    """Tap `taps` times, spread over the terminals; raises Unreachable before the first tap."""
    began = time.monotonic()
    terminals = [Terminal(each, address) for each in keys]
    apps = [asyncio.get_running_loop().create_task(each.app.run()) for each in terminals]
    try:
        await _connected(terminals, address, wait_s)
        due = deque((number, terminals[number % len(terminals)]) for number in range(taps))
        shares = Counter(terminal.keys.terminal_id for _, terminal in due)
        done = [_customer(each, shares[each.keys.terminal_id]) for each in terminals]
        await asyncio.wait([asyncio.ensure_future(each) for each in done], timeout=wait_s)
    finally:
        for app in apps:
            app.cancel()
        await asyncio.gather(*apps, return_exceptions=True)
    return _result(terminals, taps, time.monotonic() - began)


async def _connected(terminals: Sequence[Terminal], address: Address, wait_s: float) -> None:
    waiting = [asyncio.ensure_future(each.up.wait()) for each in terminals]
    await asyncio.wait(waiting, timeout=wait_s)
    for each in terminals:
        if not each.up.is_set():
            raise Unreachable(f"terminal {each.keys.terminal_id} got no connection to "
                              f"{address.host}:{address.port} within {wait_s:g} s: {each.fault}. "
                              "Nothing was tapped.")


async def _customer(terminal: Terminal, taps: int) -> None:
    """One tap after the other, each waited for."""
    for number in range(1, taps + 1):
        terminal.sale()
        await terminal.until(lambda number=number: len(terminal.replies) >= number)


def _result(terminals: Sequence[Terminal], taps: int, seconds: float) -> Result:
    replies = [reply for each in terminals for reply in each.replies]
    refused = Counter(reply.code for reply in replies if reply.code)
    balances = {f"****{each.keys.card % 10000:04}": each.replies[-1].balance
                for each in terminals if each.replies and each.replies[-1].balance is not None}
    statuses: Counter[int] = Counter()
    for each in terminals:
        statuses.update(each.shim.statuses if each.shim else {})
    return Result(taps, sum(not reply.code for reply in replies), dict(refused),
                  taps - len(replies), sum(reply.points or 0 for reply in replies), balances,
                  dict(statuses), round(seconds, 3))
