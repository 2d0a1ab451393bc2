"""The demo's broker in a thread of the test, on a free port."""

import asyncio
import threading
from queue import Queue

from tools import broker

GATEWAY = ("gateway", "let me in")
PATIENCE_S = 5.0


class Running:
    """The broker in a thread of its own, and the events it told of."""

    def __init__(self, login: broker.Login) -> None:
        self.events: Queue[dict[str, object]] = Queue()
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        house = broker.House(login, *GATEWAY)
        self._thread = threading.Thread(target=self._run, args=(house,))
        self._thread.start()
        self.port = int(str(self.wait_for("listening")["port"]))

    def _run(self, house: broker.House) -> None:
        serving = broker.serve("127.0.0.1", 0, house, self.events.put, self._stop)
        self.loop.run_until_complete(serving)

    def wait_for(self, event: str) -> dict[str, object]:
        while True:
            found = self.events.get(timeout=PATIENCE_S)
            if found["event"] == event:
                return found

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        self.loop.close()
