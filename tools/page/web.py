"""The page's HTTP routes, and who may use them.

Law: only this machine is served, and on it only pages that came from here. Another site that a
person has open cannot press a key: what changes something needs the token that stands in our page
(which other sites cannot read), and a request under another host name, as after DNS rebinding, is
refused. The page loads nothing from elsewhere and may be put into no frame.
"""

import asyncio
import hmac
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from tools.errors import NotReady
from tools.page.street import Street, Unfit

STATIC = Path(__file__).parent / "static"
TOKEN_PLACE = "TOKEN-OF-THIS-RUN"
WAIT_S = 20.0
BODY_SIZE_MAX = 4096
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
                               "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                               "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make(street: Street, loop: asyncio.AbstractEventLoop, token: str, port: int) -> Flask:
    """The WSGI application, as served on `port`; `street` lives in `loop`."""
    app = Flask("tools.page", static_folder=str(STATIC), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = BODY_SIZE_MAX
    names = {f"{host}:{port}" for host in ("127.0.0.1", "localhost")}

    def in_loop(asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, loop).result(WAIT_S)

    @app.before_request
    def only_ours() -> None:
        if request.host not in names:
            abort(421, "this page is served on this machine alone, as 127.0.0.1")
        if request.path != "/" and request.headers.get("Sec-Fetch-Site", "none") not in (
                "same-origin", "none"):
            abort(403, "another site's page asked")
        if request.method == "POST" and not hmac.compare_digest(
                request.headers.get("X-Pointwire-Token", "").encode(), token.encode()):
            abort(403, "the token is missing or of another run: load the page again")

    @app.after_request
    def careful(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.get("/")
    def page() -> Response:
        text = (STATIC / "index.html").read_text("utf-8")
        return Response(text.replace(TOKEN_PLACE, token), mimetype="text/html")

    @app.get("/events")
    def events() -> Response:
        listener = in_loop(_call(street.feed.listen))

        def lines() -> Iterator[str]:
            try:
                for told in listener.all():
                    yield _line(told)
            finally:
                loop.call_soon_threadsafe(street.feed.leave, listener)
        return Response(lines(), mimetype="text/event-stream")

    @app.post("/handsets/<int:terminal_id>/<what>")
    def do(terminal_id: int, what: str) -> tuple[Response, int]:
        asked = request.get_json()
        try:
            in_loop(street.do(terminal_id, what, asked if isinstance(asked, dict) else {}))
        except Unfit as error:
            return jsonify(error=str(error)), 400
        except NotReady as error:
            return jsonify(error=str(error)), 409
        return jsonify({}), 200

    return app


async def _call(what: Any) -> Any:
    return what()


def _line(told: tuple[str, Any] | None) -> str:
    """A message of a text/event-stream; a comment where there is nothing to say."""
    if told is None:
        return ": still here\n\n"
    return f"event: {told[0]}\ndata: {json.dumps(told[1], ensure_ascii=False)}\n\n"
