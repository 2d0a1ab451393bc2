"""A broker and a gateway in one thread, on a real port: for a handset that needs an answer.

The broker is the simulator's core behind asyncio sockets; the gateway is `answer(frame)`, which
gives the reply frame or None. Runs anywhere, needs no system program.
"""

import asyncio
import threading
from collections.abc import Callable

from protocol import topics
from simulator.broker import Broker, Credential

Answer = Callable[[bytes], bytes | None]


class TinyGateway:
    """`with TinyGateway({user: Credential}, answer) as gateway:` listens on `gateway.port`."""

    def __init__(self, credentials: dict[str, Credential], answer: Answer):
        self.broker = Broker(credentials)
        self.broker.gateway.on_arrival = self._arrived
        self.frames: list[bytes] = []
        self.port = 0
        self._answer = answer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._listening = threading.Event()
        self._links: set[asyncio.Task[None] | None] = set()

    def _arrived(self) -> None:
        # after the PUBACK, as a commit takes its time
        self._loop.call_soon(self._reply)

    def _reply(self) -> None:
        for each in self.broker.gateway.take(200):
            self.frames.append(each.body)
            reply = self._answer(each.body)
            self.broker.gateway.acknowledge(each.number)
            terminal_id = topics.terminal_of(each.topic)
            if reply is not None and terminal_id is not None:
                self.broker.publish(topics.down(terminal_id), reply)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(asyncio.current_task())
        connection = self.broker.accept(writer.write, writer.close)
        try:
            while data := await reader.read(4096):
                connection.receive(data)
        except (OSError, asyncio.CancelledError):
            pass  # gone, or it is the end
        connection.broken()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        for task in self._links:
            if task is not None:
                task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    def __enter__(self) -> "TinyGateway":
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
