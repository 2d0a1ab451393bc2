"""The link on a real broker: unacknowledged messages come back, old ones stay unacknowledged."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from gateway import metrics
from gateway.mqtt import NOBODY, Link, LinkError, Message
from gateway.settings import Address, Mqtt
from protocol import topics
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.mqtt_terminal import Terminal, eventually


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def settings(port: int, version: str = "5", **changes) -> Mqtt:
    mqtt = Mqtt(address=Address("127.0.0.1", port), tls=False, ca_file=None, user=None,
                password=None, version=version, shared=False, client_id="worker-test")
    return replace(mqtt, **changes)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def terminal(broker: Mosquitto) -> Iterator[Terminal]:
    client = Terminal(broker.port, 1001)
    yield client
    client.close()


@pytest.fixture
def open_link() -> Iterator[Callable[[Mqtt], Link]]:
    links: list[Link] = []

    def opened(mqtt: Mqtt) -> Link:
        link = Link(mqtt, utc_now, receive_max=400)
        link.start()
        links.append(link)
        return link

    yield opened
    for link in links:
        link.stop(0)


def taken(link: Link, count: int) -> list[Message]:
    got: list[Message] = []
    eventually(lambda: got.extend(link.take(100, 0.1)) or len(got) >= count, f"{count} messages")
    return got


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_frames_arrive_in_order_and_replies_go_out(version, broker, terminal, open_link):
    link = open_link(settings(broker.port, version))
    frames = [bytes([n]) * 90 for n in range(30)]
    for frame in frames:
        terminal.send(frame)
    got = taken(link, 30)
    assert [message.frame for message in got] == frames
    assert {message.terminal_id for message in got} == {1001}
    assert not any(message.again for message in got)
    assert all(link.acknowledge(message) for message in got)
    for n in range(100):
        link.publish(topics.down(1001), b"reply %d" % n)
    eventually(lambda: len(terminal.down) == 100, "replies")
    assert terminal.down == [b"reply %d" % n for n in range(100)]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_what_was_not_acknowledged_comes_back_marked_dup(version, broker, terminal, open_link):
    link = open_link(settings(broker.port, version))
    terminal.send(b"first")
    terminal.send(b"second")
    first, _ = taken(link, 2)
    assert link.acknowledge(first)
    eventually(lambda: not link._client.want_write(), "PUBACK sent")
    link.stop(0)
    again = taken(open_link(settings(broker.port, version)), 1)
    assert [(message.frame, message.again) for message in again] == [(b"second", True)]


def test_an_acknowledgement_of_an_earlier_connection_is_never_sent(broker, terminal, open_link):
    link = open_link(settings(broker.port))
    terminal.send(b"old")
    old, = taken(link, 1)
    sock = link._client.socket()
    assert sock is not None
    sock.shutdown(2)                      # the network goes; the client connects again by itself
    back, = taken(link, 1)
    assert back.frame == b"old" and back.again and back.generation > old.generation
    assert not link.fresh(old) and not link.acknowledge(old)
    assert link.acknowledge(back)


def test_a_message_of_an_earlier_connection_that_still_queues_is_forgotten(
        broker, terminal, open_link):
    link = open_link(settings(broker.port))
    terminal.send(b"old")
    eventually(lambda: link._inbox.qsize() == 1, "the first delivery")
    sock = link._client.socket()
    assert sock is not None
    sock.shutdown(2)
    eventually(lambda: link._inbox.qsize() == 2, "the second delivery")
    assert [message.again for message in link.take(10, 0.1)] == [True]


def test_a_reply_given_while_the_broker_is_away_goes_out_when_it_is_back(
        tmp_path, open_link):
    with Mosquitto(tmp_path) as broker:
        link = open_link(settings(broker.port))
        broker.kill()
        for n in range(50):
            link.publish(topics.down(1001), b"late %d" % n)
        broker.start()
        terminal = Terminal(broker.port, 1001)
        eventually(lambda: len(terminal.down) == 50, "the replies")
        assert terminal.down == [b"late %d" % n for n in range(50)]
        terminal.close()
        link.check()


def test_no_more_replies_are_under_way_than_the_broker_said_it_can_hold(tmp_path, open_link):
    with Mosquitto(tmp_path, "max_inflight_messages 5") as broker:
        link = open_link(settings(broker.port))
        assert link._replies.allowed == 5
        terminal = Terminal(broker.port, 1001)
        for n in range(50):
            link.publish(topics.down(1001), b"%d" % n)
        eventually(lambda: len(terminal.down) == 50, "the replies")
        terminal.close()


def test_every_topic_but_a_terminals_own_belongs_to_nobody(broker, terminal, open_link):
    link = open_link(settings(broker.port))
    for name in ("01001", "0", "4294967296", "x", "-1", "1001 "):
        terminal.send(b"x", topic=f"pw/1/{name}/up")
    assert {message.terminal_id for message in taken(link, 6)} == {NOBODY}


def test_a_huge_frame_is_cut_to_one_byte_too_many(broker, terminal, open_link):
    link = open_link(settings(broker.port))
    terminal.send(bytes(1_000_000))
    assert len(taken(link, 1)[0].frame) == 1025


def test_retained_and_unreliable_frames_are_taken_like_others(broker, terminal, open_link):
    terminal.send(b"kept", retain=True)
    link = open_link(settings(broker.port))
    terminal.send(b"loose", qos=0)
    got = taken(link, 2)
    assert sorted(message.frame for message in got) == [b"kept", b"loose"]
    assert all(link.acknowledge(message) for message in got)


def test_workers_that_share_a_subscription_share_the_frames(broker, terminal, open_link):
    links = [open_link(settings(broker.port, shared=True, client_id=f"worker-{n}"))
             for n in range(2)]
    for n in range(20):
        terminal.send(bytes([n]))
    got: list[list[Message]] = [[], []]

    def all_taken() -> bool:
        for held, link in zip(got, links, strict=True):
            held.extend(link.take(100, 0.02))
        return sum(map(len, got)) >= 20

    eventually(all_taken, "20 frames on two workers")
    assert sorted(m.frame for held in got for m in held) == [bytes([n]) for n in range(20)]
    assert all(got)


def test_no_broker_is_said_with_its_address(open_link):
    port = free_port()
    with pytest.raises(LinkError, match=f"127.0.0.1:{port}.*POINTWIRE_MQTT_URL"):
        open_link(settings(port))


def test_a_refused_login_is_said_with_what_to_check(tmp_path, open_link):
    with Mosquitto(tmp_path, "allow_anonymous false") as broker, \
            pytest.raises(LinkError, match="refused the connection.*POINTWIRE_MQTT_PASSWORD"):
        open_link(settings(broker.port, user="gateway", password="wrong"))


def test_a_subscription_at_less_than_qos_1_is_said_with_what_to_allow(tmp_path, open_link):
    with Mosquitto(tmp_path, "max_qos 0") as broker, \
            pytest.raises(LinkError, match=r"refused the subscription.*pw/1/\+/up"):
        open_link(settings(broker.port))


def test_an_exception_in_a_callback_is_counted_and_ends_the_link_aloud(
        broker, terminal, open_link, monkeypatch):
    link = open_link(settings(broker.port))
    before = metrics.unexpected_errors()
    monkeypatch.setattr(topics, "terminal_of", lambda _: 1 // 0)
    terminal.send(b"x")
    eventually(lambda: link.failure, "the failure")
    with pytest.raises(LinkError, match="callback.*start the worker again"):
        link.check()
    assert metrics.unexpected_errors() == before + 1


def test_the_end_of_the_network_thread_is_never_silent(broker, open_link, monkeypatch):
    link = open_link(settings(broker.port))

    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(link._client, "loop_misc", broken)
    eventually(lambda: link.failure, "the failure")
    with pytest.raises(LinkError, match="network thread ended.*planted"):
        link.check()
