"""What is counted, and where a person or a scraper reads it.

Law: `unexpected_errors` counts our own mistakes and nothing else. Whatever arrives from outside,
however broken, must leave it at 0; a figure above 0 is a bug report. Every process counts for
itself: web shows its counts at /metrics, worker and jobs where POINTWIRE_METRICS_BIND says.
"""

from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server

from gateway import logs
from gateway.errors import GatewayError
from gateway.settings import Address

log = logs.logger(__name__)

UNEXPECTED = Counter("pointwire_unexpected_errors", "Errors nobody foresaw; 0 or a bug",
                      ["place"])
FRAMES = Counter("pointwire_frames", "Frames by way in and what became of them",
                 ["way", "verdict", "code"])
RETRIES = Counter("pointwire_retries", "Batches put off because nothing could be committed",
                  ["way"])
BATCH_SIZE = Histogram("pointwire_batch_size", "Frames in one commit",
                       buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
BATCH_SECONDS = Histogram("pointwire_batch_seconds", "Open, load, decide and store of one batch")
QUEUED = Gauge("pointwire_queued_frames", "Frames received and not yet taken into a batch")
CONNECTED = Gauge("pointwire_mqtt_connected", "1 while the broker is reachable and subscribed")
DROPPED = Counter("pointwire_dropped", "What was dropped, and comes again from the other side",
                  ["what"])
BUSY = Counter("pointwire_http_busy", "Frames answered 429 because too many were in work")
REMOVED = Counter("pointwire_removed_rows", "Rows removed by a job", ["job"])


class MetricsError(GatewayError):
    """The address for metrics cannot be used; nothing else was started."""

    code = "metrics"


def unexpected(place: str, **facts: object) -> None:
    """Count and log, with its traceback, an error that nobody foresaw; call it in the except."""
    UNEXPECTED.labels(place).inc()
    log.exception("unexpected error", place=place, **facts)


def unexpected_errors() -> int:
    """How many unexpected errors this process has seen."""
    return sum(int(sample.value) for family in UNEXPECTED.collect() for sample in family.samples
               if sample.name.endswith("_total"))


def serve(address: Address) -> WSGIServer:
    """Show the counts of this process over HTTP; raises MetricsError."""
    try:
        server, _ = start_http_server(address.port, address.host, registry=REGISTRY)
    except OSError as error:
        raise MetricsError(
            f"metrics cannot listen on {address}: {error.strerror or error}. Free the port or "
            "set POINTWIRE_METRICS_BIND to another host:port.") from None
    log.info("metrics", address=f"{address.host}:{server.server_port}")
    return server
