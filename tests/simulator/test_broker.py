"""The in-memory broker: who gets in, what they may do, and what the gateway is owed."""

import pytest

from protocol import topics
from simulator import packets
from simulator.broker import Broker, Connection, Credential
from simulator.packets import Publication, Will

CREDENTIALS = {"7-1": Credential(7, b"seven"), "8-1": Credential(8, b"eight")}


class Client:
    """A hand-held MQTT client: builds packets, keeps what came back."""

    def __init__(self, broker: Broker) -> None:
        self.came = bytearray()
        self.shut = False
        self.connection: Connection = broker.accept(self.came.extend, self._shut)

    def _shut(self) -> None:
        self.shut = True

    def got(self) -> list[packets.Packet]:
        found = []
        while (packet := packets.split(self.came)) is not None:
            found.append(packet)
        return found

    def login(self, client_id: str = "7", user: str = "7-1", password: bytes = b"seven",
              will: Will | None = None, protocol: int = 4, keepalive_s: int = 60) -> int | None:
        def block(part: bytes) -> bytes:
            return len(part).to_bytes(2, "big") + part
        flags = 0xC2 | (0x04 | 0x08 | 0x20 if will else 0)
        body = block(b"MQTT") + bytes((protocol, flags)) + keepalive_s.to_bytes(2, "big")
        body += block(client_id.encode())
        if will:
            body += block(will.topic.encode()) + block(will.body)
        body += block(user.encode()) + block(password)
        self.connection.receive(packets.packet(packets.CONNECT, 0, body))
        answers = self.got()
        return answers[0].body[1] if answers else None

    def publish(self, topic: str, body: bytes, packet_id: int = 1, retain: bool = False) -> None:
        sent = Publication(topic, body, 1, retain, False, packet_id)
        self.connection.receive(packets.publish(sent))

    def subscribe(self, wanted: str) -> int:
        body = b"\0\x05" + len(wanted).to_bytes(2, "big") + wanted.encode() + b"\x01"
        self.connection.receive(packets.packet(packets.SUBSCRIBE, 2, body))
        return self.got()[0].body[2]


@pytest.fixture
def broker() -> Broker:
    return Broker(CREDENTIALS)


def test_a_terminal_gets_in_with_its_own_credentials(broker: Broker):
    assert Client(broker).login() == packets.ACCEPTED


@pytest.mark.parametrize("wrong", [
    {"password": b"eight"}, {"user": "9-1"}, {"client_id": "8"}, {"client_id": "gateway"},
    {"will": Will("pw/1/8/state", b"\0", 1, True)}, {"will": Will("pw/1/7/up", b"x", 1, True)}])
def test_everyone_else_stays_out(broker: Broker, wrong: dict):
    client = Client(broker)
    assert client.login(**wrong) == packets.NOT_AUTHORISED
    assert client.shut


def test_another_protocol_version_is_refused_as_such(broker: Broker):
    assert Client(broker).login(protocol=3) == packets.BAD_PROTOCOL


def test_a_frame_is_acknowledged_and_waits_for_the_gateway(broker: Broker):
    client = Client(broker)
    client.login()
    client.publish(topics.up(7), b"frame", packet_id=9)
    assert client.got() == [(packets.PUBACK, 0, b"\0\x09")]
    assert [each.body for each in broker.gateway.take(10)] == [b"frame"]


def test_a_publication_on_anothers_topic_is_acknowledged_and_dropped(broker: Broker):
    client = Client(broker)
    client.login()
    client.publish(topics.up(8), b"frame")
    client.publish(topics.down(7), b"frame")
    assert len(client.got()) == 2 and len(broker.gateway) == 0 and not client.shut


@pytest.mark.parametrize("wanted", ["pw/1/8/down", "pw/1/+/down", "#", "pw/1/7/up"])
def test_a_subscription_elsewhere_is_refused(broker: Broker, wanted: str):
    client = Client(broker)
    client.login()
    assert client.subscribe(wanted) == packets.SUBACK_FAILED
    assert broker.publish(topics.down(8), b"reply") == 0
    assert client.got() == []


def test_a_reply_reaches_the_terminal_that_subscribed(broker: Broker):
    client = Client(broker)
    client.login()
    assert client.subscribe(topics.down(7)) == 1
    assert broker.publish(topics.down(7), b"reply") == 1
    (packet,) = client.got()
    assert packets.read_publication(packet.flags, packet.body).body == b"reply"


def test_what_the_gateway_did_not_acknowledge_comes_back_marked_and_first(broker: Broker):
    client = Client(broker)
    client.login()
    for number in (1, 2, 3):
        client.publish(topics.up(7), bytes((number,)), packet_id=number)
    first, second = broker.gateway.take(2)
    broker.gateway.acknowledge(first.number)
    broker.gateway.gone()
    again = broker.gateway.take(10)
    assert [(each.body, each.duplicate) for each in again] == [(b"\2", True), (b"\3", False)]
    assert again[0].number == second.number


def test_a_broken_connection_publishes_its_will_and_a_farewell_does_not(broker: Broker):
    topic = topics.state(7)
    client = Client(broker)
    client.login(will=Will(topic, b"\0", 1, True))
    client.publish(topic, b"\1", retain=True)
    client.connection.receive(packets.packet(packets.DISCONNECT, 0, b""))
    assert broker.retained[topic] == b"\1"
    client = Client(broker)
    client.login(will=Will(topic, b"\0", 1, True))
    client.connection.broken()
    assert broker.retained[topic] == b"\0"


def test_a_second_connection_of_the_same_terminal_ends_the_first(broker: Broker):
    first, second = Client(broker), Client(broker)
    first.login()
    assert second.login() == packets.ACCEPTED
    assert first.shut and not second.shut
    second.subscribe(topics.down(7))
    assert broker.publish(topics.down(7), b"reply") == 1


@pytest.mark.parametrize("part", [b"\x30\x05\0\x01tab", b"\xc0\x00", b"\x00\x00", b"\xff" * 8])
def test_a_breach_of_the_protocol_closes_the_connection(broker: Broker, part: bytes):
    client = Client(broker)
    client.connection.receive(part)
    assert client.shut


def test_a_silent_client_may_stay_one_and_a_half_keepalives(broker: Broker):
    client = Client(broker)
    client.login(keepalive_s=20)
    assert client.connection.silence_s_max == 30
