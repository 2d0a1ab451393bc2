"""Is the process alive, is it ready for frames, and what has it counted.

/healthz asks nothing of anyone: 200 while the process serves. /readyz asks the database whether it
is there and migrated: 200, or 503 with the reason as text. /metrics shows the counts of this
process; like the other two it is for operators, so a proxy in front keeps all three inside.
"""

from collections.abc import Callable

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


def blueprint(ready: Callable[[], str | None]) -> Blueprint:
    """`ready` says what is missing, or None."""
    room = Blueprint("health", __name__)

    @room.get("/healthz")
    def healthz() -> Response:
        """The process lives."""
        return Response("ok\n", content_type="text/plain")

    @room.get("/readyz")
    def readyz() -> Response:
        """Frames can be taken."""
        missing = ready()
        if missing is None:
            return Response("ready\n", content_type="text/plain")
        return Response(missing + "\n", status=503, content_type="text/plain")

    @room.get("/metrics")
    def counts() -> Response:
        """The counts, in Prometheus' text format."""
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return room
