"""Gunicorn round the web application: one process, a few threads.

Law: the address is bound here, before anything else starts, so that a taken port is one clear line
instead of five retries. One process each: its counts at /metrics are whole. More capacity is more
web processes behind a proxy, which also does TLS and keeps slow clients away. Without one, a
request that has not come whole after REQUEST_WAIT_S is given up, so that terminals which lost
their coverage in the middle of one do not keep the threads for ever.
"""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from gateway import logs
from gateway.errors import GatewayError
from gateway.settings import Address

log = logs.logger(__name__)

THREADS = 24
BACKLOG = 512
REQUEST_WAIT_S = 10.0


class WebError(GatewayError):
    """The web process cannot listen; nothing was started."""

    code = "web"


class _Logger(Logger):
    """Gunicorn's logger without handlers of its own: its lines go through ours, redacted."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.error_log.setLevel("WARNING")


class _Worker(ThreadWorker):
    """Gunicorn's threads, each waiting for one request no longer than REQUEST_WAIT_S."""

    def init_process(self) -> None:
        self._begun: dict[TConn, float] = {}
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def notify(self) -> None:
        """Called about once a second. Reading ends here; an answer can still be written."""
        super().notify()
        late = time.monotonic() - REQUEST_WAIT_S
        for conn, begun in list(self._begun.items()):
            if begun < late:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)


class _Server(BaseApplication):
    def __init__(self, make: Callable[[], Flask], descriptor: int):
        self._make = make
        self._descriptor = descriptor
        super().__init__()

    def load_config(self) -> None:
        assert self.cfg is not None
        for name, value in (
                ("bind", f"fd://{self._descriptor}"), ("workers", 1), ("threads", THREADS),
                ("worker_class", _Worker), ("logger_class", _Logger), ("proc_name", "pointwire"),
                ("control_socket_disable", True), ("graceful_timeout", 10)):
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make()


def listen(address: Address) -> socket.socket:
    """A listening socket; raises WebError when the address is taken or not ours."""
    try:
        family, kind, number, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        raise WebError(f"web cannot listen on {address}: {error.strerror or error}. Free the port"
                       " or set POINTWIRE_HTTP_BIND to another host:port.") from None
    return listener


def serve(make: Callable[[], Flask], listener: socket.socket) -> None:
    """Serve until SIGTERM; `make` builds the application in the serving process."""
    host, port = listener.getsockname()[:2]
    log.info("listening", url=f"http://{Address(host, port)}")
    _Server(make, listener.detach()).run()
