"""The worker's link to the broker: with queues.py the only module that knows the MQTT client.

Law:
- The network thread only queues. It waits for nothing and decides nothing.
- A message is acknowledged only by the worker, after its commit, in the order of arrival, and
  only while the connection that brought it still stands: after a reconnect its packet id may
  belong to another message. A message of an earlier connection is forgotten unacknowledged; the
  broker or the terminal brings the same bytes again.
- The network thread never dies in silence: whatever ends it stands in `failure`, and `check`
  raises it, so that the process ends with a clear line and a supervisor starts it again.
- No more replies are under way than the broker said it can hold (MQTT 5 Receive Maximum); those
  caught by a reconnect are sent again. A reply that is lost all the same is asked for again by
  the terminal, so none is kept on disk.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway import logs, metrics
from gateway.errors import GatewayError
from gateway.reply_flow import Outgoing, ReplyFlow
from gateway.settings import Mqtt
from protocol import topics
from protocol.limits import FRAME_UP_SIZE_MAX

log = logs.logger(__name__)

NOBODY = -1                    # the terminal of a topic that names none: no frame ever fits it
KEEPALIVE_S = 30
CONNECT_WAIT_S = 10
RECONNECT_DELAY_S_MIN = 1
RECONNECT_DELAY_S_MAX = 30
SUBSCRIBE_WAIT = timedelta(seconds=30)
SESSION_EXPIRY_S = 86_400      # MQTT 5: terminals send again anyway, so a day is plenty
REPLIES_IN_FLIGHT_MAX = 500
REPLIES_WAITING_MAX = 10_000
UNRELIABLE_QUEUED_MAX = 2_000  # QoS 0 has no flow control: more than this is dropped


class LinkError(GatewayError):
    """The broker cannot be used. Nothing unacknowledged is lost: it is delivered again."""

    code = "mqtt"


@dataclass(frozen=True)
class Message:
    """One received frame. `terminal_id` is the topic's; `packet_id` is valid in `generation`."""

    frame: bytes = field(repr=False)
    terminal_id: int
    received_at: datetime
    qos: int
    packet_id: int
    generation: int
    again: bool                # DUP: the broker has sent it before


class _Client(paho.Client):
    """paho's client whose network thread says what ended it."""

    ended: Callable[[Exception | None], None]

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False):
        try:
            result = super().loop_forever(timeout, retry_first_connection)
        except Exception as error:
            self.ended(error)
            return paho.MQTT_ERR_UNKNOWN
        self.ended(None)
        return result


AnyClient = TypeVar("AnyClient", bound=paho.Client)


def dressed(client: AnyClient, settings: Mqtt) -> AnyClient:
    """The client with what the broker asks for: login and TLS."""
    client.connect_timeout = CONNECT_WAIT_S
    if settings.user is not None:
        client.username_pw_set(settings.user, settings.password)
    if settings.tls:
        client.tls_set(ca_certs=settings.ca_file)
    return client


class Link:
    """Messages in, acknowledgements and replies out. One worker thread uses it.

    `now` gives the time of arrival; `receive_max` is what the broker may send unacknowledged.
    """

    def __init__(self, settings: Mqtt, now: Callable[[], datetime], receive_max: int):
        self._settings = settings
        self._now = now
        self._receive_max = min(receive_max, 65_535)
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._generation = 0
        self._generation_lock = threading.Lock()
        self._replies = ReplyFlow(REPLIES_IN_FLIGHT_MAX, REPLIES_WAITING_MAX)
        self._connected_at: datetime | None = None
        self._subscribed = False
        self._settled = threading.Event()        # subscribed for the first time, or failed
        self._stopping = False
        self.failure: LinkError | None = None
        self._client = self._made()

    def _made(self) -> _Client:
        version5 = self._settings.version == "5"
        client = _Client(
            CallbackAPIVersion.VERSION2, client_id=self._settings.client_id, manual_ack=True,
            protocol=paho.MQTTv5 if version5 else paho.MQTTv311,
            clean_session=None if version5 else False)
        client.ended = self._thread_ended
        client.max_inflight_messages_set(0)      # `_replies` counts instead
        client.reconnect_delay_set(RECONNECT_DELAY_S_MIN, RECONNECT_DELAY_S_MAX)
        dressed(client, self._settings)
        client.on_pre_connect = self._guarded(self._on_pre_connect)
        client.on_connect = self._guarded(self._on_connect)
        client.on_connect_fail = self._guarded(self._on_connect_fail)
        client.on_disconnect = self._guarded(self._on_disconnect)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        client.on_publish = self._guarded(self._on_publish)
        return client

    def start(self) -> None:
        """Connect and subscribe; raises LinkError when the broker cannot be used."""
        try:
            self._client.connect(self._settings.address.host, self._settings.address.port,
                                 KEEPALIVE_S, **self._session())
        except (OSError, ValueError) as error:
            raise LinkError(f"no MQTT broker at {self._settings.address}: {error}. Start the "
                            "broker, or correct POINTWIRE_MQTT_URL.") from None
        self._client.loop_start()
        if not self._settled.wait(CONNECT_WAIT_S):
            self._fail(f"{self._settings.address} did not answer as an MQTT broker within "
                       f"{CONNECT_WAIT_S} s. Check POINTWIRE_MQTT_URL and POINTWIRE_MQTT_VERSION.")
        if self.failure is not None:
            self.stop(0)
            raise self.failure

    def check(self) -> None:
        """Raise LinkError when the link has failed for good."""
        since = self._connected_at
        if since is not None and not self._subscribed and self._now() - since > SUBSCRIBE_WAIT:
            self._fail("the broker does not confirm the subscription. Start the worker again, "
                       "and look into the broker's log.")
        if self.failure is not None:
            raise self.failure

    def take(self, count_max: int, wait_s: float) -> list[Message]:
        """What has queued, oldest first, at most `count_max`; waits `wait_s` for a first one."""
        self._send_waiting()
        taken: list[Message] = []
        try:
            taken.append(self._inbox.get(timeout=wait_s))
            while len(taken) < count_max:
                taken.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        metrics.QUEUED.set(self._inbox.qsize())
        return [message for message in taken if self.fresh(message)]

    def fresh(self, message: Message) -> bool:
        """False: its connection is gone, and it comes again by itself."""
        return message.qos == 0 or message.generation == self._generation

    def acknowledge(self, message: Message) -> bool:
        """PUBACK; False when its connection is gone and nothing was sent."""
        if message.qos == 0:
            return True
        with self._generation_lock:
            if message.generation != self._generation or not self._client.is_connected():
                return False
            self._client.ack(message.packet_id, message.qos)
            return True

    def publish(self, topic: str, frame: bytes) -> None:
        """Send a reply at QoS 1, not retained, as soon as the broker can take it."""
        if not self._replies.offer(Outgoing(topic, frame)):
            metrics.DROPPED.labels("reply").inc()
        self._send_waiting()

    def stop(self, wait_s: float) -> None:
        """Let what is under way leave, at most `wait_s`, then disconnect; the session stays."""
        self._stopping = True
        pause = threading.Event()
        for _ in range(int(wait_s * 50)):
            self._send_waiting()
            if self._replies.empty and not self._client.want_write():
                break
            pause.wait(0.02)
        self._client.disconnect()
        self._client.loop_stop()

    def _session(self) -> dict[str, Any]:
        if self._settings.version != "5":
            return {}
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = self._receive_max
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        return {"clean_start": False, "properties": properties}

    def _fail(self, text: str) -> None:
        if self.failure is None:
            self.failure = LinkError(text)
        self._settled.set()

    def _next_generation(self) -> None:
        with self._generation_lock:
            self._generation += 1
        self._connected_at, self._subscribed = None, False
        metrics.CONNECTED.set(0)

    def _send_waiting(self) -> None:
        while self._client.is_connected():
            reply = self._replies.next()
            if reply is None:
                return
            self._client.publish(reply.topic, reply.frame, qos=1)

    # the rest runs on the network thread: queue, count, note; never wait
    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                metrics.unexpected("mqtt callback")
                self._fail(f"the MQTT callback {callback.__name__} failed: {error!r}. Nothing "
                           "unacknowledged is lost; start the worker again.")
        return guarded

    def _thread_ended(self, error: Exception | None) -> None:
        if not self._stopping:
            self._fail(f"the MQTT network thread ended: {error!r}. Nothing unacknowledged is "
                       "lost; start the worker again.")

    def _on_pre_connect(self, *_: Any) -> None:
        self._next_generation()
        self._replies.restart(Outgoing(message.topic, bytes(message.payload))
                              for message in self._client.drop_out_messages())

    def _on_connect(self, _: Any, __: Any, flags: paho.ConnectFlags, reason: ReasonCode,
                    properties: Properties) -> None:
        if reason.is_failure:
            text = (f"the broker at {self._settings.address} refused the connection: {reason}. "
                    "Check the user in POINTWIRE_MQTT_URL, POINTWIRE_MQTT_PASSWORD, "
                    "POINTWIRE_MQTT_VERSION and the broker's rules.")
            if self._settled.is_set():
                log.error("refused", why=text)   # it was accepted before: go on trying
            else:
                self._fail(text)
            return
        self._connected_at = self._now()
        allowed = getattr(properties, "ReceiveMaximum", REPLIES_IN_FLIGHT_MAX)
        self._replies.allowed = min(allowed, REPLIES_IN_FLIGHT_MAX)
        shared = self._settings.shared
        self._client.subscribe(topics.SHARED_UP_FILTER if shared else topics.UP_FILTER, qos=1)
        log.info("connected", broker=str(self._settings.address), resumed=flags.session_present)

    def _on_connect_fail(self, *_: Any) -> None:
        log.warning("the broker cannot be reached, trying again",
                    broker=str(self._settings.address))

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        self._next_generation()
        if not self._stopping:
            log.warning("the connection ended, connecting again", why=str(reason),
                        client_id=self._settings.client_id)

    def _on_subscribe(self, _: Any, __: Any, ___: Any, reasons: list[ReasonCode],
                      ____: Any) -> None:
        if any(reason.is_failure or reason.value < 1 for reason in reasons):
            self._fail("the broker refused the subscription at QoS 1: "
                       f"{', '.join(map(str, reasons))}. Allow the worker's user to read "
                       f"{topics.UP_FILTER} and to write pw/1/+/down.")
            return
        self._subscribed = True
        log.info("subscribed")
        metrics.CONNECTED.set(1)
        self._settled.set()
        self._send_waiting()

    def _on_message(self, _: Any, __: Any, message: paho.MQTTMessage) -> None:
        if message.qos == 0 and self._inbox.qsize() >= UNRELIABLE_QUEUED_MAX:
            metrics.DROPPED.labels("qos 0 frame").inc()
            return
        try:
            terminal_id = topics.terminal_of(message.topic)
        except UnicodeDecodeError:
            terminal_id = None
        # one byte more than allowed is enough to be found too long
        frame = bytes(message.payload[:FRAME_UP_SIZE_MAX + 1])
        self._inbox.put(Message(frame, terminal_id or NOBODY, self._now(), message.qos,
                                message.mid, self._generation, message.dup))

    def _on_publish(self, *_: Any) -> None:
        self._replies.confirmed()
        self._send_waiting()
