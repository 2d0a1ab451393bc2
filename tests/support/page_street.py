"""The demo's page over handsets that a test plays: `with Page() as page`, then `page.says(...)`.

The street and its server are the demo's own, in a loop on a thread; only the handset behind them
is a stand-in that notes what it is asked to do.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from typing import Any

from tools.coffee_shop import Operator
from tools.errors import NotReady
from tools.page import serving
from tools.page.street import Card, Street

TERMINAL_ID = 10_000_042
NUMBERS = (6200001234567892, 6200000000000013)
CARDS = [Card(NUMBERS[0], "王*明", "gold"), Card(NUMBERS[1], "", "unknown")]
WAIT_S = 20.0


class PlayedProcess:
    """Stands for Process: switched off and on at once."""

    def __init__(self) -> None:
        self.alive = True
        self.woken = 0
        self.on_end: Callable[[int], None] = lambda code: None

    def kill(self, down_s: float | None = None) -> bool:
        was, self.alive = self.alive, False
        if was:
            self.on_end(-9)
        return was

    def wake(self) -> None:
        self.woken += 1


class PlayedHandset:
    """Stands for Handset: `asked` is what it was told to do; `answers` by what was asked."""

    runtime = "stand-in 1"

    def __init__(self, terminal_id: int = TERMINAL_ID) -> None:
        self.terminal_id = terminal_id
        self.process: Any = PlayedProcess()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.status: dict[str, Any] = {"up": True, "unsettled": 0, "state": "home"}
        self.deaf = False

    async def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        if self.deaf:
            raise NotReady("handset was started again")
        self.asked.append((what, arguments))
        return self.status if what == "status" else {}


class Page:
    """`address` of the page; `call` runs something in its loop."""

    def __init__(self, handsets: int = 1, operators: Sequence[Operator] = ()) -> None:
        self.handsets: list[Any] = [PlayedHandset(TERMINAL_ID + n) for n in range(handsets)]
        self.handset = self.handsets[0]
        self.street = Street(CARDS, lambda: "09:30:00", operators)
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    async def _run(self) -> None:
        with serving.listen(0) as listening, serving.serving(self.street, listening) as address:
            self.address = address
            for each in self.handsets:
                self.street.started(each)
            self.street.open()
            self._up.set()
            await self._over.wait()

    def __enter__(self) -> "Page":
        self._thread.start()
        assert self._up.wait(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WAIT_S)
        self._loop.close()

    def call(self, what: Callable[..., Any], *arguments: Any) -> Any:
        async def called() -> Any:
            return what(*arguments)
        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(WAIT_S)

    def says(self, event: str, **values: Any) -> None:
        """The handset writes an event line."""
        self.call(self.street.heard, self.handset, {"event": event, **values})

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1].strip("/"))

    def request(self, method: str, path: str, body: object = None,
                **headers: str) -> tuple[int, dict[str, str], str]:
        """(status, headers, text); `headers` with _ for -."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        made = {name.replace("_", "-"): text for name, text in headers.items()}
        if body is not None:
            made.setdefault("Content-Type", "application/json")
        connection.request(method, path, None if body is None else json.dumps(body), made)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.getheaders()), text
