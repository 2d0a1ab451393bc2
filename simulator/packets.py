"""MQTT 3.1.1 packets as bytes, the broker's side: what the in-memory broker reads and writes.

Pure. A packet that does not follow OASIS MQTT 3.1.1 raises `Malformed`; the broker then closes
the connection, as section 4.8 demands. Only what Pointwire's wire uses exists here: CONNECT,
PUBLISH with QoS 0 and 1, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT.
"""

from struct import pack
from typing import NamedTuple

from simulator.errors import SimulatorError

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

ACCEPTED, BAD_PROTOCOL, NOT_AUTHORISED = 0, 1, 5
SUBACK_FAILED = 0x80
PACKET_SIZE_MAX = 4096
LENGTH_BYTES_MAX = 4


class Malformed(SimulatorError):
    """The client broke MQTT 3.1.1."""

    code = "mqtt_malformed"


class Packet(NamedTuple):
    """`kind` 1..14, `flags` the low four bits of the first byte, `body` the rest."""

    kind: int
    flags: int
    body: bytes


class Will(NamedTuple):
    topic: str
    body: bytes
    qos: int
    retain: bool


class Login(NamedTuple):
    """A CONNECT packet."""

    client_id: str
    user: str | None
    password: bytes | None
    clean: bool
    keepalive_s: int
    will: Will | None
    protocol: int


class Publication(NamedTuple):
    """A PUBLISH packet; `packet_id` is 0 for QoS 0."""

    topic: str
    body: bytes
    qos: int
    retain: bool
    duplicate: bool
    packet_id: int


def split(held: bytearray) -> Packet | None:
    """Take the first whole packet out of `held`, or None while it is not complete."""
    size = 0
    for index in range(1, LENGTH_BYTES_MAX + 1):
        if len(held) <= index:
            return None
        size |= (held[index] & 127) << 7 * (index - 1)
        if held[index] < 128:
            break
    else:
        raise Malformed("remaining length has more than four bytes")
    if size > PACKET_SIZE_MAX:
        raise Malformed(f"a packet of {size} bytes is larger than {PACKET_SIZE_MAX}")
    end = index + 1 + size
    if len(held) < end:
        return None
    packet = Packet(held[0] >> 4, held[0] & 15, bytes(held[index + 1 : end]))
    del held[:end]
    return packet


class _Fields:
    """Reads length-prefixed fields off a body."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def take(self, size: int) -> bytes:
        part = self.body[self.at : self.at + size]
        if len(part) < size:
            raise Malformed("a field is cut off")
        self.at += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        try:
            return self.block().decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("a text is not UTF-8") from None

    def rest(self) -> bytes:
        return self.take(len(self.body) - self.at)


def read_login(body: bytes) -> Login:
    fields = _Fields(body)
    if fields.text() != "MQTT":
        raise Malformed("CONNECT does not name MQTT")
    protocol, flags, keepalive_s = fields.number(1), fields.number(1), fields.number(2)
    if flags & 1:
        raise Malformed("CONNECT has the reserved flag set")
    client_id = fields.text()
    will = None
    if flags & 4:
        topic = fields.text()
        will = Will(topic, fields.block(), flags >> 3 & 3, bool(flags & 32))
    user = fields.text() if flags & 128 else None
    password = fields.block() if flags & 64 else None
    return Login(client_id, user, password, bool(flags & 2), keepalive_s, will, protocol)


def read_publication(flags: int, body: bytes) -> Publication:
    fields = _Fields(body)
    qos = flags >> 1 & 3
    if qos > 1:
        raise Malformed(f"QoS {qos} is not used here")
    topic = fields.text()
    packet_id = fields.number(2) if qos else 0
    if qos and not packet_id:
        raise Malformed("PUBLISH has packet id 0")
    return Publication(topic, fields.rest(), qos, bool(flags & 1), bool(flags & 8), packet_id)


def read_subscription(body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """(packet id, [(filter, QoS)])."""
    fields = _Fields(body)
    packet_id = fields.number(2)
    wanted = []
    while fields.at < len(body):
        wanted.append((fields.text(), fields.number(1)))
    if not wanted:
        raise Malformed("SUBSCRIBE names no filter")
    return packet_id, wanted


def read_unsubscription(body: bytes) -> tuple[int, list[str]]:
    fields = _Fields(body)
    packet_id = fields.number(2)
    filters = []
    while fields.at < len(body):
        filters.append(fields.text())
    return packet_id, filters


def read_packet_id(body: bytes) -> int:
    return _Fields(body).number(2)


def packet(kind: int, flags: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        length.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes((kind << 4 | flags,)) + bytes(length) + body


def connack(code: int, session_present: bool = False) -> bytes:
    return packet(CONNACK, 0, bytes((session_present, code)))


def publish(sent: Publication) -> bytes:
    topic = sent.topic.encode()
    packet_id = pack(">H", sent.packet_id) if sent.qos else b""
    flags = sent.duplicate << 3 | sent.qos << 1 | sent.retain
    return packet(PUBLISH, flags, pack(">H", len(topic)) + topic + packet_id + sent.body)


def puback(packet_id: int) -> bytes:
    return packet(PUBACK, 0, pack(">H", packet_id))


def suback(packet_id: int, granted: list[int]) -> bytes:
    return packet(SUBACK, 0, pack(">H", packet_id) + bytes(granted))


def unsuback(packet_id: int) -> bytes:
    return packet(UNSUBACK, 0, pack(">H", packet_id))


def pingresp() -> bytes:
    return packet(PINGRESP, 0, b"")


def matches(topic: str, wanted: str) -> bool:
    """Does a topic filter with + and # match a topic (section 4.7)?"""
    have, want = topic.split("/"), wanted.split("/")
    for index, level in enumerate(want):
        if level == "#":
            return True
        if index >= len(have) or level not in ("+", have[index]):
            return False
    return len(have) == len(want)
