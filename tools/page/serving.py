"""The page's server: a thread beside the demo's loop, on 127.0.0.1 alone."""

import asyncio
import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator

from werkzeug.serving import WSGIRequestHandler, make_server

from tools.errors import PortTaken
from tools.page import web
from tools.page.street import Street

HOST = "127.0.0.1"
PORT = 28081


class Quiet(WSGIRequestHandler):
    """Requests are not listed: standard error is for the demo's own lines."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def listen(wanted: int | None) -> socket.socket:
    """Listens on `wanted`; None: on PORT, or on any free one where that is taken."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in (PORT, 0) if wanted is None else (wanted,):
        try:
            made.bind((HOST, port))
            made.listen()
            return made
        except OSError:
            continue
    made.close()
    raise PortTaken(f"port {wanted} on {HOST} is taken. Nothing was started: stop what listens "
                    "there, or name another port with --page (0 takes any free one).")


@contextlib.contextmanager
def serving(street: Street, listening: socket.socket) -> Iterator[str]:
    """Serves the page while the context lasts; its address. Called in the loop of `street`."""
    port = listening.getsockname()[1]
    app = web.make(street, asyncio.get_running_loop(), secrets.token_urlsafe(24), port)
    server = make_server(HOST, port, app, threaded=True, request_handler=Quiet,
                         fd=listening.fileno())
    thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}/"
    finally:
        street.feed.end()
        server.shutdown()
        thread.join()
        server.server_close()
