"""Queues of workers on a real broker: emptied under nobody, and left to whoever is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import queues
from gateway.clock import utc_now
from gateway.mqtt import Link, LinkError
from gateway.settings import Address, Mqtt
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.mqtt_terminal import Terminal, eventually


@pytest.fixture(autouse=True)
def short_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "WATCH_S", 0.2)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture(params=["3.1.1", "5"])
def mqtt(request: pytest.FixtureRequest, broker: Mosquitto) -> Mqtt:
    return Mqtt(address=Address("127.0.0.1", broker.port), tls=False, ca_file=None, user=None,
                password=None, version=request.param, shared=False, client_id="worker-1")


def waiting(mqtt: Mqtt, *frames: bytes) -> list[bytes]:
    """The frames are sent; what waits for the worker then, unacknowledged."""
    link = Link(mqtt, utc_now, receive_max=10)
    link.start()
    terminal = Terminal(mqtt.address.port, 1001)
    try:
        for frame in frames:
            terminal.send(frame)
        return [message.frame for message in link.take(10, 0.3)]
    finally:
        terminal.close()
        link.stop(0)


def other(mqtt: Mqtt) -> Mqtt:
    return Mqtt(**{**vars(mqtt), "client_id": "worker-2"})


def test_what_waits_for_a_worker_is_thrown_away_and_said(mqtt: Mqtt):
    assert waiting(other(mqtt)) == [] and waiting(mqtt, b"old") == [b"old"]
    said: list[str] = []
    queues.empty(mqtt, ["worker-1", "worker-2"], said.append)
    assert said == ["the queue of worker-1 is empty", "the queue of worker-2 is empty"]
    assert waiting(mqtt) == [] and waiting(other(mqtt)) == []


def test_a_worker_that_the_broker_does_not_know_is_named_every_time_and_no_queue_is_empty(
        mqtt: Mqtt):
    assert waiting(mqtt, b"old") == [b"old"]
    for _ in range(2):
        with pytest.raises(LinkError, match="keeps nothing for worker-2: .*--keep-queue"):
            queues.empty(mqtt, ["worker-1", "worker-2"], lambda line: pytest.fail(line))
    assert waiting(mqtt) == [b"old"]


def test_one_worker_that_runs_leaves_every_queue_as_it_is(mqtt: Mqtt, monkeypatch):
    monkeypatch.setattr(queues, "WATCH_S", 10.0)  # it ends as soon as the worker is back
    assert waiting(mqtt, b"old") == [b"old"]
    link = Link(other(mqtt), utc_now, receive_max=10)
    link.start()
    said: list[str] = []
    try:
        with pytest.raises(LinkError, match="a worker runs under worker-2"):
            queues.empty(mqtt, ["worker-1", "worker-2"], said.append)
        terminal = Terminal(mqtt.address.port, 1001)
        terminal.send(b"new")
        terminal.close()
        got: list[bytes] = []
        eventually(lambda: got.extend(each.frame for each in link.take(10, 0.1)) or got, "a frame")
        assert got == [b"new"]
    finally:
        link.stop(0)
    assert said == [] and waiting(mqtt) == [b"old", b"new"]


def test_a_broker_that_does_not_let_one_in_is_named_before_any_queue_is_empty(
        mqtt: Mqtt, monkeypatch):
    assert waiting(mqtt, b"old") == [b"old"]
    place = queues._place
    monkeypatch.setattr(queues, "_place", lambda settings, name, keeping: place(
        Mqtt(**{**vars(settings), "address": Address("127.0.0.1", free_port())})
        if name == "worker-2" else settings, name, keeping))
    with pytest.raises(LinkError, match=r"worker-2 at .* could not be emptied: .*--keep-queue"):
        queues.empty(mqtt, ["worker-1", "worker-2"], lambda line: pytest.fail(line))
    assert waiting(mqtt) == [b"old"]
