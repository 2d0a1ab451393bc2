"""The demo's broker under real paho clients: who gets in, and what each may read and write."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from queue import Empty, Queue

import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion

from gateway import queues
from gateway.clock import utc_now
from gateway.mqtt import Link, LinkError
from gateway.settings import Address, Mqtt
from tests.tools.live_broker import GATEWAY, PATIENCE_S, Running
from tools import broker, state

PASSWORDS = {("7-1", "seven"): 7, ("8-1", "eight"): 8}
SILENCE_S = 0.15


class Client:
    """A paho client that answers the questions a test asks."""

    def __init__(self, port: int, client_id: str, login: tuple[str, str] | None,
                 will: str | None = None, clean: bool = True) -> None:
        self.connected: Queue[bool] = Queue()
        self.granted: Queue[bool] = Queue()
        self.messages: Queue[tuple[str, bytes]] = Queue()
        self.lost: Queue[bool] = Queue()
        self.paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=clean,
                                reconnect_on_failure=False)
        if login is not None:
            self.paho.username_pw_set(*login)
        if will is not None:
            self.paho.will_set(will, b"\0", 1, True)
        self.paho.on_connect = lambda c, u, f, code, p: self.connected.put(not code.is_failure)
        self.paho.on_disconnect = lambda *_: self.lost.put(True)
        self.paho.on_subscribe = \
            lambda c, u, mid, codes, p: self.granted.put(not codes[0].is_failure)
        self.paho.on_message = lambda c, u, m: self.messages.put((m.topic, bytes(m.payload)))
        self.paho.connect("127.0.0.1", port, keepalive=20)
        self.paho.loop_start()

    def is_in(self) -> bool:
        return self.connected.get(timeout=PATIENCE_S)

    def may_read(self, topic: str) -> bool:
        self.paho.subscribe(topic, 1)
        return self.granted.get(timeout=PATIENCE_S)

    def write(self, topic: str, body: bytes, retain: bool = False) -> None:
        self.paho.publish(topic, body, 1, retain).wait_for_publish(PATIENCE_S)

    def message(self) -> tuple[str, bytes]:
        return self.messages.get(timeout=PATIENCE_S)

    def hears_nothing(self) -> bool:
        try:
            self.messages.get(timeout=SILENCE_S)
        except Empty:
            return True
        return False

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    started = Running(lambda user, word: PASSWORDS.get((user, word)))
    yield started
    started.close()


@pytest.fixture
def connect(running: Running) -> Iterator:
    made: list[Client] = []

    def make(client_id: str, login: tuple[str, str] | None, **options) -> Client:
        made.append(Client(running.port, client_id, login, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


SEVEN, EIGHT = ("7-1", "seven"), ("8-1", "eight")


def test_a_terminal_and_the_gateway_get_in(connect):
    assert connect("7", SEVEN, will="pw/1/7/state").is_in()
    assert connect("worker", GATEWAY).is_in()


@pytest.mark.parametrize(("client_id", "login", "will"), [
    ("7", None, None), ("7", ("7-1", "eight"), None), ("7", ("7-1", ""), None),
    ("9", ("9-1", "nine"), None), ("8", SEVEN, None), ("worker", SEVEN, None),
    ("7", ("gateway", "let me in"), None), ("worker", ("gateway", "seven"), None),
    ("7", SEVEN, "pw/1/8/state"), ("7", SEVEN, "pw/1/7/up"), ("worker", GATEWAY, "pw/1/7/down")])
def test_nobody_else_gets_in(connect, client_id, login, will):
    assert not connect(client_id, login, will=will).is_in()


def test_a_frame_goes_up_and_its_reply_comes_down(connect):
    gateway, terminal = connect("worker", GATEWAY), connect("7", SEVEN)
    assert gateway.is_in() and terminal.is_in()
    assert gateway.may_read("pw/1/+/up") and terminal.may_read("pw/1/7/down")
    terminal.write("pw/1/7/up", b"frame")
    assert gateway.message() == ("pw/1/7/up", b"frame")
    gateway.write("pw/1/7/down", b"reply")
    assert terminal.message() == ("pw/1/7/down", b"reply")


def test_a_terminal_reads_only_its_own_down(connect):
    terminal = connect("7", SEVEN)
    assert terminal.is_in()
    for topic in ("pw/1/8/down", "pw/1/+/down", "#", "+/#", "pw/1/7/up", "pw/1/8/state",
                  "$SYS/#", "$share/x/pw/1/7/down"):
        assert not terminal.may_read(topic), topic


def test_a_terminal_writes_only_its_own_up_and_state(connect):
    gateway, seven, eight = (connect("worker", GATEWAY), connect("7", SEVEN),
                             connect("8", EIGHT))
    assert gateway.is_in() and seven.is_in() and eight.is_in()
    assert gateway.may_read("pw/1/+/up") and gateway.may_read("pw/1/+/state")
    assert eight.may_read("pw/1/8/down")
    for topic in ("pw/1/8/up", "pw/1/8/state", "pw/1/8/down", "pw/1/7/down", "pw/1/07/up"):
        seven.write(topic, b"forged")
    seven.write("pw/1/7/state", b"\1")
    assert gateway.message() == ("pw/1/7/state", b"\1")
    assert gateway.hears_nothing() and eight.hears_nothing()


def test_the_gateway_reads_frames_and_states_and_nothing_more(connect):
    gateway = connect("worker", GATEWAY)
    assert gateway.is_in()
    assert not gateway.may_read("#") and not gateway.may_read("pw/1/+/down")
    assert not gateway.may_read("$share/gateway/pw/1/+/up")


def test_a_stranger_cannot_end_anybodys_session_by_naming_its_client_id(connect):
    gateway, terminal = connect("worker", GATEWAY, clean=False), connect("7", SEVEN)
    assert gateway.is_in() and terminal.is_in() and gateway.may_read("pw/1/+/up")
    for clean in (True, False):
        assert not connect("worker", ("gateway", "guess"), clean=clean).is_in()
        assert not connect("7", ("7-1", "guess"), clean=clean).is_in()
    terminal.write("pw/1/7/up", b"frame")
    assert gateway.message() == ("pw/1/7/up", b"frame")
    assert gateway.lost.empty() and terminal.lost.empty()


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_who_comes_under_a_client_id_ends_the_connection_that_had_it(connect, kept, clean):
    old, terminal = connect("worker", GATEWAY, clean=not kept), connect("7", SEVEN)
    assert old.is_in() and old.may_read("pw/1/+/up") and terminal.is_in()
    new = connect("worker", GATEWAY, clean=clean)
    assert new.is_in() and old.lost.get(timeout=PATIENCE_S)
    if clean or not kept:
        terminal.write("pw/1/7/up", b"to nobody")  # the session that had subscribed is over
        assert new.hears_nothing() and new.may_read("pw/1/+/up")
    terminal.write("pw/1/7/up", b"frame")
    assert new.message() == ("pw/1/7/up", b"frame")
    time.sleep(SILENCE_S)
    terminal.write("pw/1/7/up", b"and it stays")
    assert new.message() == ("pw/1/7/up", b"and it stays")


def test_a_recovery_finds_the_gateways_worker_which_goes_on(running, connect):
    settings = Mqtt(Address("127.0.0.1", running.port), False, None, *GATEWAY, "3.1.1", False,
                    "worker-1")
    link = Link(settings, utc_now, receive_max=10)
    link.start()
    try:
        with pytest.raises(LinkError, match="a worker runs under worker-1"):
            queues.empty(settings, ["worker-1"], lambda line: pytest.fail(line))
        terminal = connect("7", SEVEN)
        assert terminal.is_in()
        terminal.write("pw/1/7/up", b"frame")
        assert [message.frame for message in link.take(1, PATIENCE_S)] == [b"frame"]
    finally:
        link.stop(0)


def test_many_who_come_at_once_under_one_client_id_end_with_one(connect):
    crowd = [connect("worker", GATEWAY, clean=False) for _ in range(6)]
    last = connect("worker", GATEWAY, clean=False)
    deadline = time.monotonic() + PATIENCE_S
    while (sum(each.lost.qsize() for each in [*crowd, last]) < len(crowd)
           and time.monotonic() < deadline):
        time.sleep(0.01)
    assert sum(each.lost.qsize() for each in [*crowd, last]) == len(crowd)
    left, = (each for each in [*crowd, last] if each.lost.empty())
    terminal = connect("7", SEVEN)
    assert left.may_read("pw/1/+/up") and terminal.is_in()
    terminal.write("pw/1/7/up", b"frame")
    assert left.message() == ("pw/1/7/up", b"frame")


def test_a_returning_terminal_is_not_shown_the_states_of_others(connect):
    gateway, eight = connect("worker", GATEWAY), connect("8", EIGHT)
    assert gateway.is_in() and eight.is_in() and gateway.may_read("pw/1/+/state")
    eight.write("pw/1/8/state", b"\1", retain=True)
    seven = connect("7", SEVEN)
    assert seven.is_in() and seven.may_read("pw/1/7/down")
    assert seven.hears_nothing()


def test_what_came_while_the_gateway_was_away_waits_for_it(running, connect):
    gateway = connect("worker", GATEWAY, clean=False)
    assert gateway.is_in() and gateway.may_read("pw/1/+/up")
    gateway.close()
    terminal = connect("7", SEVEN)
    assert terminal.is_in()
    time.sleep(SILENCE_S)
    terminal.write("pw/1/7/up", b"waited")
    back = connect("worker", GATEWAY, clean=False)
    assert back.is_in() and back.message() == ("pw/1/7/up", b"waited")


def test_the_broker_tells_who_subscribed(running, connect):
    gateway = connect("worker", GATEWAY)
    assert gateway.is_in() and gateway.may_read("pw/1/+/up")
    while (told := running.wait_for("subscribed"))["client_id"] != "worker":
        continue
    assert told["topic"] in ("pw/1/+/up", "pw/1/+/state")


@pytest.mark.parametrize("first", [
    b"", b"GET / HTTP/1.1\r\n\r\n", b"\x10\x50\x00\x04MQTT", b"\x10\xff\xff\xff\xff\x7f",
    b"\x10\x0f\x00\x04MQTT\x04\x42\x00\x3c\x00\x01a\x00\x00",
    b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd"])
def test_connections_that_come_to_nothing_leave_nothing_open(running, monkeypatch, first):
    monkeypatch.setattr(broker, "CONNECT_WAIT_S", 0.1)
    faults: list[object] = []
    running.loop.call_soon_threadsafe(
        running.loop.set_exception_handler, lambda _, context: faults.append(context))
    before = len(os.listdir("/dev/fd"))
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as patient:
        patient.settimeout(PATIENCE_S)
        patient.sendall(first)
        while patient.recv(100):
            continue  # until it is put out
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as hasty:
            hasty.sendall(first)
    deadline = time.monotonic() + PATIENCE_S
    while len(os.listdir("/dev/fd")) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir("/dev/fd")) <= before and not faults


def test_subscriptions_may_come_and_go_while_a_message_is_on_its_way():
    steady = broker.Steady({"a": 1, "b": 2})
    for topic, _ in steady.items():
        del steady[topic]
        steady[f"{topic}/new"] = 3
    for topic in steady:
        del steady[topic]
    assert not steady


def test_a_taken_port_is_an_error_that_says_so(running):
    async def second() -> None:
        house = broker.House(lambda user, word: None, *GATEWAY)
        await broker.serve("127.0.0.1", running.port, house, lambda event: None, asyncio.Event())

    with pytest.raises(broker.PortTaken, match=str(running.port)):
        asyncio.run(second())


@pytest.mark.parametrize(("change", "word"), [
    ({"POINTWIRE_MASTER_KEY": ""}, "POINTWIRE_MASTER_KEY"),
    ({"POINTWIRE_MQTT_PASSWORD": ""}, "POINTWIRE_MQTT_PASSWORD"), ({}, "does not exist")])
def test_a_broker_without_its_settings_says_what_is_missing(tmp_path, monkeypatch, change, word):
    kept = state.Secrets("1" * 64, "2" * 64, "3" * 64, "word")
    env = state.environment(state.Home(tmp_path), kept, "127.0.0.1:1", "127.0.0.1:2") | change
    for name, text in env.items():
        monkeypatch.setenv(name, text)
    ended = CliRunner().invoke(broker.main, ["--port", "0"])
    assert ended.exit_code == 4 and word in ended.output
