"""A small MQTT 3.1.1 broker in memory: bytes in, bytes out, no clock and no socket.

The firmware's real client talks to it through a simulated radio. Law:
- Only known users get in, under the client id of their own terminal, with a will for their own
  `state` topic or none. Everyone else gets CONNACK 5.
- A terminal writes only its own `up` and `state` and reads only its own `down`; a publication
  elsewhere is acknowledged and dropped, a subscription elsewhere is refused, as brokers do.
- The gateway's session is persistent: what it has not acknowledged when it goes comes back with
  the DUP flag. Terminals have clean sessions: what they miss while away is gone.
- PUBACK to a terminal means only that the broker has the message. It is not the gateway's word.
- Several workers share one subscription: each publication goes to one of their sessions.
- It is honest by itself. `passing_up` and `passing_down` let the simulation drop, repeat, delay
  or alter a publication after its PUBACK; `restart`, `destroy` and `mute` do the rest.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from protocol import topics
from simulator import packets
from simulator.packets import Login, Malformed, Publication


class Credential(NamedTuple):
    """What a user name stands for."""

    terminal_id: int
    password: bytes


class Delivery(NamedTuple):
    """One message handed to the gateway; `number` is what it acknowledges."""

    number: int
    topic: str
    body: bytes
    duplicate: bool


Forward = Callable[[bytes], object]
Passing = Callable[[str, bytes, Forward], object]


def straight(topic: str, body: bytes, forward: Forward) -> object:
    """A publication passes once, now, as it is."""
    return forward(body)


class GatewaySession:
    """A worker's persistent subscription to every terminal's `up`; `alive`: it exists."""

    def __init__(self) -> None:
        self._queue: deque[Delivery] = deque()
        self._unacknowledged: dict[int, Delivery] = {}
        self._number = 0
        self.alive = True
        self.on_arrival: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._queue)

    def offer(self, topic: str, body: bytes) -> None:
        self._number += 1
        self._queue.append(Delivery(self._number, topic, body, False))
        self.on_arrival()

    def take(self, count_max: int) -> list[Delivery]:
        """The oldest deliveries; each stays the broker's until `acknowledge`."""
        taken = [self._queue.popleft() for _ in range(min(count_max, len(self._queue)))]
        self._unacknowledged.update((each.number, each) for each in taken)
        return taken

    def acknowledge(self, number: int) -> None:
        self._unacknowledged.pop(number, None)

    def gone(self) -> None:
        """The gateway lost its connection: what it held comes back first, marked DUP."""
        back = [each._replace(duplicate=True) for each in self._unacknowledged.values()]
        self._unacknowledged.clear()
        self._queue.extendleft(reversed(back))

    def destroy(self) -> int:
        """The session ends with all it held (another client with our id and a clean session);
        nothing is kept for the worker until it subscribes anew. Returns how many were lost."""
        lost = len(self._queue) + len(self._unacknowledged)
        self._queue.clear()
        self._unacknowledged.clear()
        self.alive = False
        return lost


class Broker:
    """`credentials` maps user name to `Credential`; the simulation may add to it at any time.

    `open`: it takes connections. `mute`: it takes them and then neither hears nor says anything.
    """

    def __init__(self, credentials: Mapping[str, Credential], workers: int = 1) -> None:
        self._credentials = credentials
        self._connections: dict[str, Connection] = {}
        self._turn = 0
        self.retained: dict[str, bytes] = {}
        self.sessions = [GatewaySession() for _ in range(workers)]
        self.open = True
        self.mute = False
        self.unheard = 0
        self.passing_up: Passing = straight
        self.passing_down: Passing = straight

    @property
    def gateway(self) -> GatewaySession:
        """The session of the first worker."""
        return self.sessions[0]

    def restart(self, queue_lost: bool) -> int:
        """Every connection ends and no will is published; without persistence sessions and what
        was retained are gone too. Returns how many queued messages were lost."""
        for connection in list(self._connections.values()):
            connection.close()
        if queue_lost:
            self.retained.clear()
            return sum(session.destroy() for session in self.sessions)
        for session in self.sessions:
            session.gone()
        return 0

    def accept(self, send: Callable[[bytes], None], shut: Callable[[], None]) -> "Connection":
        """A client has connected: `send` carries bytes to it, `shut` ends its connection."""
        return Connection(self, send, shut)

    def publish(self, topic: str, body: bytes) -> int:
        """The gateway's publication, QoS 1; returns how many terminals were there for it: a
        topic has at most one reader, the terminal whose id stands in it."""
        reader = self._connections.get(str(topics.terminal_of(topic)))
        self.passing_down(topic, body, lambda passed: self._deliver(topic, passed))
        return int(reader is not None and reader.reads(topic))

    def _deliver(self, topic: str, body: bytes) -> None:
        reader = self._connections.get(str(topics.terminal_of(topic)))
        if reader is not None:
            reader.deliver(topic, body)

    def admit(self, login: Login) -> int | None:
        """Terminal id behind a CONNECT, or None when it must stay out."""
        known = self._credentials.get(login.user or "")
        if known is None or login.password != known.password:
            return None
        if login.client_id != str(known.terminal_id):
            return None
        if login.will is not None and login.will.topic != topics.state(known.terminal_id):
            return None
        return known.terminal_id

    def joined(self, connection: "Connection") -> None:
        """A client id has one connection: an older one of the same id is closed."""
        older = self._connections.get(connection.client_id)
        self._connections[connection.client_id] = connection
        if older is not None:
            older.broken()

    def left(self, connection: "Connection") -> None:
        if self._connections.get(connection.client_id) is connection:
            del self._connections[connection.client_id]

    def route(self, terminal_id: int, topic: str, body: bytes, retain: bool) -> None:
        """A terminal's publication, or its will: only to its own topics."""
        if topic == topics.up(terminal_id):
            self.passing_up(topic, body, lambda passed: self._offer(topic, passed))
        elif topic == topics.state(terminal_id) and retain:
            self.retained[topic] = body

    def _offer(self, topic: str, body: bytes) -> None:
        """To the next worker whose session exists; without any, to nobody, as brokers do."""
        for _ in self.sessions:
            self._turn = (self._turn + 1) % len(self.sessions)
            session = self.sessions[self._turn]
            if session.alive:
                session.offer(topic, body)
                return
        self.unheard += 1


class Connection:
    """One client's connection, from its first byte to its end."""

    def __init__(self, broker: Broker, send: Callable[[bytes], None],
                 shut: Callable[[], None]) -> None:
        self._broker = broker
        self._send = send
        self._shut = shut
        self._held = bytearray()
        self._login: Login | None = None
        self._terminal_id = 0
        self._filters: set[str] = set()
        self._packet_id = 0
        self.open = True

    @property
    def client_id(self) -> str:
        return self._login.client_id if self._login else ""

    @property
    def silence_s_max(self) -> float | None:
        """After so long without a packet the connection counts as broken; None: never."""
        if self._login is None or not self._login.keepalive_s:
            return None
        return self._login.keepalive_s * 1.5

    def receive(self, part: bytes) -> None:
        """Bytes from the client. A breach of the protocol closes the connection."""
        if self._broker.mute:
            return
        self._held += part
        try:
            while self.open:
                packet = packets.split(self._held)
                if packet is None:
                    return
                self._handle(packet)
        except Malformed:
            self.broken()

    def broken(self) -> None:
        """The connection ended without DISCONNECT: its will is published."""
        if self.open and self._login is not None and self._login.will is not None:
            will = self._login.will
            self._broker.route(self._terminal_id, will.topic, will.body, will.retain)
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._broker.left(self)
            self._shut()

    def reads(self, topic: str) -> bool:
        return self.open and any(packets.matches(topic, each) for each in self._filters)

    def deliver(self, topic: str, body: bytes) -> None:
        """Send to the client if it subscribed to `topic`."""
        if self.reads(topic) and not self._broker.mute:
            self._packet_id = self._packet_id % 65535 + 1
            sent = Publication(topic, body, 1, False, False, self._packet_id)
            self._send(packets.publish(sent))

    def _handle(self, packet: packets.Packet) -> None:
        if (self._login is None) != (packet.kind == packets.CONNECT):
            raise Malformed("CONNECT comes first and once")
        match packet.kind:
            case packets.CONNECT:
                self._connect(packets.read_login(packet.body))
            case packets.PUBLISH:
                self._publication(packets.read_publication(packet.flags, packet.body))
            case packets.PUBACK:
                packets.read_packet_id(packet.body)
            case packets.SUBSCRIBE:
                self._subscribe(*packets.read_subscription(packet.body))
            case packets.UNSUBSCRIBE:
                packet_id, filters = packets.read_unsubscription(packet.body)
                self._filters.difference_update(filters)
                self._send(packets.unsuback(packet_id))
            case packets.PINGREQ:
                self._send(packets.pingresp())
            case packets.DISCONNECT:
                self.close()
            case _:
                raise Malformed(f"a client does not send packet type {packet.kind}")

    def _connect(self, login: Login) -> None:
        if login.protocol != 4:
            self._send(packets.connack(packets.BAD_PROTOCOL))
            self.close()
            return
        terminal_id = self._broker.admit(login)
        if terminal_id is None:
            self._send(packets.connack(packets.NOT_AUTHORISED))
            self.close()
            return
        self._login, self._terminal_id = login, terminal_id
        self._broker.joined(self)
        self._send(packets.connack(packets.ACCEPTED))

    def _publication(self, sent: Publication) -> None:
        if "+" in sent.topic or "#" in sent.topic:
            raise Malformed("a publication names a wildcard")
        if sent.qos:
            self._send(packets.puback(sent.packet_id))
        self._broker.route(self._terminal_id, sent.topic, sent.body, sent.retain)

    def _subscribe(self, packet_id: int, wanted: list[tuple[str, int]]) -> None:
        granted = []
        for each, qos in wanted:
            allowed = each == topics.down(self._terminal_id)
            if allowed:
                self._filters.add(each)
            granted.append(min(qos, 1) if allowed else packets.SUBACK_FAILED)
        self._send(packets.suback(packet_id, granted))
