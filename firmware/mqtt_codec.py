"""MQTT 3.1.1 packets as bytes: what a client sends, and the cutting of what it receives.

Law: bytes in, packets out, no IO. A packet longer than the buffer, or than the memory there is, is
not kept, but its head is handed out, so that it can be acknowledged and never blocks what stands
behind it; which of the two it was is said with it. Packets are cut one at a time, when they are
asked for: however many a broker packs into one read, they cost the memory of one.
"""

from micropython import const

from firmware import faults
from firmware.errors import MqttError

# the largest packet kept: a reply frame of 1,400 bytes, its topic and the packet's own head
BUFFER_SIZE = const(1536)
# room for the replies of a day's work; the buffer grows with the first larger one
_USUAL_SIZE = const(384)
_LENGTH_MAX = const(65535)
# of a PUBLISH: its topic and its packet id stand within this
_HEAD_SIZE = const(64)

CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
SUBACK = const(0x90)
PINGRESP = const(0xD0)

PINGREQ = b"\xc0\x00"

# how much of a packet is handed out: all of it, or its head only, and why
WHOLE = const(0)
TOO_LARGE = const(1)
NO_MEMORY = const(2)


def _put_length(out, length):
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)


def _put_u16(out, number):
    out.append(number >> 8)
    out.append(number & 255)


def _put_text(out, text):
    data = text if isinstance(text, bytes) else text.encode()
    _put_u16(out, len(data))
    out.extend(data)


def connect(client_id, user, password, keepalive_s, will_topic, will):
    """Clean session; the will is retained at QoS 1."""
    body = bytearray(b"\x00\x04MQTT\x04\xee")
    _put_u16(body, keepalive_s)
    for text in (client_id, will_topic, will, user, password):
        _put_text(body, text)
    out = bytearray(b"\x10")
    _put_length(out, len(body))
    out.extend(body)
    return out


def put_publish(out, topic, packet_id, payload, retain=False):
    """Append a PUBLISH: QoS 1 with a packet id, QoS 0 with 0. DUP is never set."""
    out.append(PUBLISH | (2 if packet_id else 0) | (1 if retain else 0))
    topic_size = len(topic.encode())
    _put_length(out, 2 + topic_size + (2 if packet_id else 0) + len(payload))
    _put_text(out, topic)
    if packet_id:
        _put_u16(out, packet_id)
    out.extend(payload)


def put_subscribe(out, packet_id, topic):
    """Append a SUBSCRIBE for one topic at QoS 1."""
    out.append(0x82)
    _put_length(out, 5 + len(topic.encode()))
    _put_u16(out, packet_id)
    _put_text(out, topic)
    out.append(1)


def put_puback(out, packet_id):
    out.extend(b"\x40\x02")
    _put_u16(out, packet_id)


def u16(data, at):
    return data[at] << 8 | data[at + 1]


def read_publish(first, body):
    """(topic bytes, packet id or 0, payload) of a PUBLISH; the payload of a head is cut short."""
    qos = first >> 1 & 3
    if qos > 1 or len(body) < 2:
        raise MqttError("the broker sends what was not subscribed to (QoS %d)" % qos,
                        faults.GARBLED)
    start = 2 + u16(body, 0)
    end = start + 2 * qos
    if end > len(body):
        raise MqttError("a PUBLISH ends inside its own head", faults.GARBLED)
    return bytes(body[2:start]), (u16(body, start) if qos else 0), memoryview(body)[end:]


class Cutter:
    """Cuts a stream into packets: (first byte, body, WHOLE TOO_LARGE or NO_MEMORY).

    `feed` it what was read, then ask for the `next` packet until there is None.
    """

    def __init__(self):
        self._grow(_USUAL_SIZE)
        self.clear()

    def _grow(self, size):
        grown = bytearray(size)
        view = memoryview(grown)
        if size > _USUAL_SIZE:
            view[:self._fill] = self._view[:self._fill]
        self._buffer = grown
        self._view = view

    def clear(self):
        """Forget what has come in of an unfinished packet, and the room that a large one took."""
        if len(self._buffer) > _USUAL_SIZE:
            self._grow(_USUAL_SIZE)
        self._start = 0  # of what is not cut yet, in the buffer
        self._fill = 0
        self._skip = 0
        self._data = b""
        self._at = 0

    def feed(self, data):
        """Hand over what was read; all before it has been cut."""
        self._data = memoryview(data)
        self._at = 0

    def next(self):
        """The next packet that ends within what was fed, or whose rest is passed over; or None."""
        while True:
            packet = None if self._skip else self._cut()
            if packet or not self._take():
                return packet

    # bytes of the data into the buffer, or past; False when there are none
    def _take(self):
        left = len(self._data) - self._at
        if not left:
            self._data = b""
            self._at = 0
            return False
        if self._skip:
            taken = min(self._skip, left)
            self._skip -= taken
        else:
            self._to_front()
            taken = min(len(self._buffer) - self._fill, left)
            self._view[self._fill:self._fill + taken] = self._data[self._at:self._at + taken]
            self._fill += taken
        self._at += taken
        return True

    def _to_front(self):
        rest = self._fill - self._start
        if self._start and rest:
            kept = bytes(self._view[self._start:self._fill])
            self._view[:rest] = kept
        self._start = 0
        self._fill = rest

    # the packet that begins at `_start`, or None while it is not complete
    def _cut(self):
        start = self._start
        head, length = self._length(start)
        if not head:
            return None
        size = head + length
        if BUFFER_SIZE >= size > len(self._buffer):
            self._try_to_grow()
        if size > len(self._buffer):
            return self._too_large(head, size)
        if start + size > self._fill:
            return None
        self._start = start + size
        return self._packet(start, start + head, start + size)

    # its head, once the buffer is full of it; the rest is passed over
    def _too_large(self, head, size):
        if self._fill - self._start < len(self._buffer):
            return None
        why = TOO_LARGE if size > BUFFER_SIZE else NO_MEMORY
        self._skip = size - self._fill
        self._start = self._fill
        return self._buffer[0], bytes(self._view[head:head + _HEAD_SIZE]), why

    # without memory for it a packet is acknowledged and passed over
    def _packet(self, start, body, end):
        try:
            return self._buffer[start], bytes(self._view[body:end]), WHOLE
        except MemoryError:
            head = bytes(self._view[body:min(end, body + _HEAD_SIZE)])
            return self._buffer[start], head, NO_MEMORY

    def _try_to_grow(self):
        try:
            self._grow(BUFFER_SIZE)
        except MemoryError:
            pass

    # (bytes of the fixed head, remaining length), head 0 while it is not complete
    def _length(self, start):
        length = shift = 0
        at = start + 1
        while at < self._fill:
            byte = self._buffer[at]
            length |= (byte & 127) << shift
            shift += 7
            at += 1
            if byte < 128:
                if length > _LENGTH_MAX:
                    raise MqttError("a packet of %d bytes: not for a handset" % length,
                                    faults.GARBLED)
                return at - start, length
            if shift > 21:
                raise MqttError("a packet length of more than 4 bytes", faults.GARBLED)
        return 0, 0
