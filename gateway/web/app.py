"""The web application: a factory that is given everything it works with.

Law: no global state, no environment, no clock of its own; two applications live side by side in
one test. An error nobody foresaw is counted, logged and answered 503 with an empty body: the
terminal keeps its frame and sends it again, and learns nothing about our inside.
"""

from collections.abc import Callable
from datetime import datetime

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from gateway import metrics
from gateway.web import frames, health
from gateway.worker import Post

RETRY_AFTER_S = "10"
AT_ONCE_MAX = 16


def create_app(intake: Post, ready: Callable[[], str | None], now: Callable[[], datetime],
               at_once_max: int = AT_ONCE_MAX) -> Flask:
    """`ready` says what is missing, or None; `at_once_max` frames are in work at a time."""
    app = Flask("gateway", static_folder=None)
    app.register_blueprint(frames.blueprint(intake, now, at_once_max))
    app.register_blueprint(health.blueprint(ready))
    app.register_error_handler(HTTPException, _empty)
    app.register_error_handler(Exception, _unforeseen)
    return app


def _empty(error: HTTPException) -> Response:
    """Any HTTP error, with its headers (Allow, Retry-After) and without a body."""
    response = Response(status=error.code or 500)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unforeseen(_: Exception) -> Response:
    metrics.unexpected("web")
    return Response(status=503, headers={"Retry-After": RETRY_AFTER_S})
