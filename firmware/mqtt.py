"""One MQTT 3.1.1 connection as a state machine: bytes and `now` in, events and bytes out.

Law:
- nothing is published before SUBACK;
- every answer has a deadline of 10 s (CONNACK, SUBACK, PUBACK, PINGRESP): missed, the
  connection is dropped, because a half-open link looks just like a quiet one;
- a link that has been quiet for `ping_after_ms` is asked whether it is still there;
- a PINGRESP that nobody asked for is no MQTT, nor is anything else out of its place;
- a PUBACK settles nothing, it only starts the wait for the reply (link.py);
- packet ids run 1..65535 and wrap, passing over those still in use.

    CLOSED --open--> CONNECTING --CONNACK 0--> SUBSCRIBING --SUBACK--> UP

Every fault raises MqttError; the shell (uplink.py) then closes and connects again.
"""

from micropython import const

from firmware import faults
from firmware import mqtt_codec as codec
from firmware.errors import MqttError

CLOSED = const(0)
CONNECTING = const(1)
SUBSCRIBING = const(2)
UP = const(3)

ANSWER_MS_MAX = const(10000)
# acknowledgements that a broker lets lie: it sends and does not read
_OUT_SIZE_MAX = const(4096)
_STAGE = ("nothing", "CONNACK", "SUBACK", "PINGRESP")


class Connection:
    """Events from `receive`: ("up",), ("message", topic, payload), ("acked", packet id).

    `ping_after_ms`: how long it may be quiet; less while somebody waits for an answer.
    """

    def __init__(self, client_id, keepalive_s, reads, state_topic, online, offline):
        self._client_id = client_id
        self._keepalive_s = keepalive_s
        self._offline = offline
        self.ping_after_ms = 0
        self._reads = reads
        self._state_topic = state_topic
        self._online = online
        self._packet_id = 0
        self._cutter = codec.Cutter()
        self.stage = CLOSED
        self._clear()

    def _clear(self):
        self._out = bytearray()
        self._cutter.clear()
        self._unacked = []
        self._asked_ms = None
        self._sent_ms = 0

    def open(self, user, password, now):
        """Start on a fresh stream: everything of an earlier connection is forgotten."""
        self._clear()
        self._out = codec.connect(self._client_id, user, password, self._keepalive_s,
                                  self._state_topic, self._offline)
        self._asked_ms = self._sent_ms = now
        self.stage = CONNECTING

    def close(self):
        self._clear()
        self.stage = CLOSED

    def publish(self, topic, payload, now, retain=False):
        """Queue a QoS 1 PUBLISH and return its packet id."""
        if self.stage != UP:
            raise MqttError("publish before SUBACK", faults.SILENT)
        packet_id = self._new_id()
        self._unacked.append((packet_id, now))
        codec.put_publish(self._out, topic, packet_id, payload, retain)
        self._sent_ms = now
        return packet_id

    def take(self):
        """The bytes to write now; empty when there are none."""
        out, self._out = self._out, bytearray()
        return out

    def receive(self, data, now):
        """What the bytes from the broker mean, as a list of events."""
        events = []
        self._cutter.feed(data)
        while True:
            packet = self._cutter.next()
            if packet is None:
                return events
            first, body, kept = packet
            kind = first & 0xF0
            if kind == codec.PUBLISH:
                self._published(first, body, kept, events)
            elif kind == codec.PUBACK and len(body) == 2:
                self._acked(codec.u16(body, 0), events)
            elif kind == codec.CONNACK and len(body) == 2 and self.stage == CONNECTING:
                self._connected(body[1], now)
            elif kind == codec.SUBACK and len(body) == 3 and self.stage == SUBSCRIBING:
                self._subscribed(body[2], now, events)
            elif kind == codec.PINGRESP and self._pinged():
                self._asked_ms = None
            else:
                raise MqttError("unexpected packet 0x%02x from the broker" % first,
                                faults.GARBLED)

    def check(self, now):
        """Raise when an answer is overdue; queue a PINGREQ when nothing was sent for long."""
        if self._asked_ms is not None and now - self._asked_ms >= ANSWER_MS_MAX:
            raise MqttError("no %s within 10 s" % _STAGE[self.stage],
                            faults.DEAD if self.stage == UP else faults.SILENT)
        if self._unacked and now - self._unacked[0][1] >= ANSWER_MS_MAX:
            raise MqttError("no PUBACK within 10 s", faults.UNACKED)
        if self._pings() and now - self._sent_ms >= self.ping_after_ms:
            self._out.extend(codec.PINGREQ)
            self._asked_ms = self._sent_ms = now

    def due(self, now):
        """Milliseconds until `check` has something to do, or None."""
        times = []
        if self._asked_ms is not None:
            times.append(self._asked_ms + ANSWER_MS_MAX)
        if self._unacked:
            times.append(self._unacked[0][1] + ANSWER_MS_MAX)
        if self._pings():
            times.append(self._sent_ms + self.ping_after_ms)
        return max(min(times) - now, 0) if times else None

    def _pings(self):
        return self.stage == UP and self._asked_ms is None

    def _pinged(self):
        return self.stage == UP and self._asked_ms is not None

    def _new_id(self):
        while True:
            self._packet_id = self._packet_id % 65535 + 1
            if not any(packet_id == self._packet_id for packet_id, _ in self._unacked):
                return self._packet_id

    def _connected(self, code, now):
        if code:  # only 4 and 5 are about the login (MQTT 3.1.1, 3.2.2.3); 3: it is starting
            raise MqttError("the broker refuses this terminal (return code %d)" % code,
                            faults.REFUSED if code in (4, 5) else faults.CLOSED)
        codec.put_subscribe(self._out, self._new_id(), self._reads)
        self._asked_ms = self._sent_ms = now
        self.stage = SUBSCRIBING

    def _subscribed(self, granted, now, events):
        if granted & 0x80:
            raise MqttError("the broker does not let this terminal read its replies",
                            faults.UNREADABLE)
        self._asked_ms = None
        self.stage = UP
        self.publish(self._state_topic, self._online, now, True)
        events.append(("up",))

    def _published(self, first, body, kept, events):
        if self.stage < SUBSCRIBING:
            raise MqttError("a message before CONNACK", faults.GARBLED)
        topic, packet_id, payload = codec.read_publish(first, body)
        if packet_id:
            if len(self._out) > _OUT_SIZE_MAX:
                raise MqttError("the broker sends and does not read", faults.GARBLED)
            codec.put_puback(self._out, packet_id)
        # many of what nobody subscribed to would fit into one read
        if kept != codec.NO_MEMORY and topic == self._reads.encode():
            # what is larger than any reply is none, and nobody has all of it
            events.append(("message", topic, payload if kept == codec.WHOLE else b""))

    def _acked(self, packet_id, events):
        for place, (waiting, _) in enumerate(self._unacked):
            if waiting == packet_id:
                self._unacked.pop(place)
                events.append(("acked", packet_id))
                return
