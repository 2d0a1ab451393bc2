"""POST /v1/frames: one frame in the body, one reply frame in the answer.

Law: the same intake as the worker's, a batch of one. Every frame ends in exactly one status:
200 with the reply, 400 unreadable or a dead letter, 401 MAC or key, 413 too large, 429 too many at
once, 503 nothing was committed. Only 200 has a body. The status alone tells the terminal what to
do; why, stands in the log and in the dead letters.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request
from gunicorn.http.errors import ParseException

from gateway import logs, metrics
from gateway.errors import TryLater
from gateway.intake import DEAD_LETTER, TOO_LARGE, UNAUTHENTICATED, UNREADABLE, Arrival
from gateway.worker import Post, count
from protocol.limits import FRAME_UP_SIZE_MAX

log = logs.logger(__name__)

COSE = "application/cose"
STATUS = {DEAD_LETTER: 400, UNREADABLE: 400, UNAUTHENTICATED: 401, TOO_LARGE: 413}
BUSY_RETRY_AFTER_S = "1"
RETRY_AFTER_S = "10"


def blueprint(intake: Post, now: Callable[[], datetime], at_once_max: int) -> Blueprint:
    """`at_once_max` frames are in work at a time; the next one is told to slow down."""
    places = threading.BoundedSemaphore(at_once_max)
    room = Blueprint("frames", __name__)

    @room.post("/v1/frames")
    def take() -> Response:
        """One frame in, its reply out."""
        try:
            # one byte more than allowed is enough to be found too long
            frame = request.stream.read(FRAME_UP_SIZE_MAX + 1)
        except (OSError, ParseException) as error:
            return _broken_off(error)
        if not places.acquire(blocking=False):
            metrics.BUSY.inc()
            return Response(status=429, headers={"Retry-After": BUSY_RETRY_AFTER_S})
        try:
            return _answered(intake, Arrival(frame, now(), None))
        finally:
            places.release()

    return room


def _broken_off(error: Exception) -> Response:
    """The connection ended inside the body, or its chunks are none: no frame has come."""
    metrics.DROPPED.labels("broken body").inc()
    log.warning("a request's body broke off", why=type(error).__name__)
    return Response(status=400)


def _answered(intake: Post, arrival: Arrival) -> Response:
    try:
        answers = intake.take([arrival])
    except TryLater as error:
        metrics.RETRIES.labels("http").inc()
        log.warning("nothing committed, the terminal shall try again", why=str(error))
        return Response(status=503, headers={"Retry-After": RETRY_AFTER_S})
    count("http", answers)
    answer = answers[0]
    if answer.reply is not None:
        return Response(answer.reply, content_type=COSE)
    return Response(status=STATUS[answer.verdict])
