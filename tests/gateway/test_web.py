"""Frames over HTTP: one status for each end a frame can have, and a body only for 200."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.client import HTTPConnection

import pytest

from gateway import metrics
from gateway.errors import TryLater
from gateway.intake import Answer
from gateway.web.app import create_app
from tests.house.law import ROOT

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


class FakeIntake:
    """Gives the one answer, or raises the error, that it was made with."""

    def __init__(self, result: Answer | Exception):
        self.result = result
        self.arrivals = []

    def take(self, arrivals):
        self.arrivals.extend(arrivals)
        if isinstance(self.result, Exception):
            raise self.result
        return [self.result]


def ended(verdict: str) -> Answer:
    return Answer(verdict, 1001, 1, None, None, "why")


REPLIED = Answer("replied", 1001, 1, 0, b"sealed reply", "approved")


def client(result: Answer | Exception, missing: str | None = None, **options):
    intake = FakeIntake(result)
    return create_app(intake, lambda: missing, lambda: NOW, **options).test_client(), intake


def test_a_frame_is_answered_with_its_reply():
    web, intake = client(REPLIED)
    answer = web.post("/v1/frames", data=b"frame", content_type="application/cose")
    assert (answer.status_code, answer.data) == (200, b"sealed reply")
    assert answer.content_type == "application/cose"
    arrival, = intake.arrivals
    assert (arrival.frame, arrival.received_at, arrival.terminal_id) == (b"frame", NOW, None)


@pytest.mark.parametrize(("verdict", "status"), [
    ("dead_letter", 400), ("unreadable", 400), ("unauthenticated", 401), ("too_large", 413)])
def test_a_frame_without_a_reply_has_a_status_and_no_body(verdict: str, status: int):
    answer = client(ended(verdict))[0].post("/v1/frames", data=b"x")
    assert (answer.status_code, answer.data) == (status, b"")


def test_when_nothing_was_committed_the_terminal_is_told_when_to_come_again():
    answer = client(TryLater("locked"))[0].post("/v1/frames", data=b"x")
    assert (answer.status_code, answer.data) == (503, b"")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_error_nobody_foresaw_is_counted_and_tells_nothing():
    before = metrics.unexpected_errors()
    answer = client(ZeroDivisionError("inside"))[0].post("/v1/frames", data=b"x")
    assert (answer.status_code, answer.data) == (503, b"")
    assert metrics.unexpected_errors() == before + 1


def test_no_more_of_a_huge_body_is_read_than_shows_that_it_is_too_large():
    web, intake = client(ended("too_large"))
    assert web.post("/v1/frames", data=bytes(5_000_000)).status_code == 413
    assert len(intake.arrivals[0].frame) == 1025


def test_too_many_frames_at_once_are_told_to_slow_down():
    entered, leave = threading.Event(), threading.Event()

    class Slow(FakeIntake):
        def take(self, arrivals):
            entered.set()
            assert leave.wait(10)
            return super().take(arrivals)

    app = create_app(Slow(REPLIED), lambda: None, lambda: NOW, at_once_max=1)
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(
        app.test_client().post("/v1/frames", data=b"x").status_code))
    thread.start()
    assert entered.wait(10)
    busy = app.test_client().post("/v1/frames", data=b"y")
    leave.set()
    thread.join(10)
    assert (busy.status_code, busy.data, first) == (429, b"", [200])
    assert int(busy.headers["Retry-After"]) > 0
    assert app.test_client().post("/v1/frames", data=b"z").status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [
    ("get", "/v1/frames", 405), ("put", "/v1/frames", 405), ("post", "/v1/frame", 404),
    ("get", "/", 404), ("post", "/v1/frames/", 404)])
def test_what_is_not_offered_has_an_empty_answer(method: str, path: str, status: int):
    answer = getattr(client(REPLIED)[0], method)(path)
    assert (answer.status_code, answer.data) == (status, b"")


def test_health_asks_nobody_and_readiness_says_what_is_missing():
    web, _ = client(REPLIED, missing="The database cannot be reached.")
    assert web.get("/healthz").status_code == 200
    answer = web.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "The database cannot be reached.\n")
    assert client(REPLIED)[0].get("/readyz").status_code == 200


def test_the_counts_say_what_became_of_frames():
    web, _ = client(REPLIED)
    web.post("/v1/frames", data=b"x")
    text = web.get("/metrics").text
    assert 'pointwire_frames_total{code="approved",verdict="replied",way="http"}' in text


# the real server with two threads that wait half a second for a request, and no database
SERVER = """
from datetime import datetime, timezone
from gateway.intake import Answer
from gateway.settings import Address
from gateway.web import app, serve

class Intake:
    def take(self, arrivals):
        return [Answer("replied", 1001, 1, 0, b"sealed reply", "approved")]

serve.THREADS, serve.REQUEST_WAIT_S = 2, 0.5
listener = serve.listen(Address("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
serve.serve(lambda: app.create_app(Intake(), lambda: None, lambda: datetime.now(timezone.utc)),
            listener)
"""
HEAD = b"POST /v1/frames HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


def begin(port: int, text: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 10)
    made.sendall(text)
    return made


def asked(port: int, method: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, b"frame" if method == "POST" else None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("half", [HEAD[:20], HEAD + b"Content-Length: 93\r\n\r\nabc",
                                  HEAD + b"Transfer-Encoding: chunked\r\n\r\n30\r\nabc"])
def test_terminals_lost_inside_a_request_do_not_keep_the_others_out(port: int, half: bytes):
    lost = [begin(port, half) for _ in range(4)]
    assert asked(port, "POST", "/v1/frames") == (200, b"sealed reply")
    for each in lost:
        each.close()


@pytest.mark.parametrize("body", [
    b"zz\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"])
def test_chunks_that_are_none_are_400_and_no_fault_of_ours(port: int, body: bytes):
    with begin(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert b"pointwire_unexpected_errors_total{" not in asked(port, "GET", "/metrics")[1]


@pytest.mark.parametrize("how", [b"Content-Length: 93\r\n\r\n",
                                 b"Transfer-Encoding: chunked\r\n\r\n30\r\n"])
def test_a_connection_that_breaks_inside_a_body_is_no_fault_of_ours(port: int, how: bytes):
    connection = begin(port, HEAD + how + b"abc")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    text = asked(port, "GET", "/metrics")[1]
    assert b"pointwire_unexpected_errors_total{" not in text
