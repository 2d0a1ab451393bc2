"""What a handset costs on the air over TLS, beside JSON over MQTT and JSON over HTTPS.

Part of tests/firmware/bench_device.py. Law: one broker, one certificate and one TLS
version for all; real packets are counted (tests/support/air.py). Ours is the staged handset
program on MicroPython, whose connection is carried into TLS record by record. The others say what
its own sale and its reply said, field by field and with a MAC, as compact JSON; JSON over MQTT
with the same client, user and topics, JSON over HTTPS with the fewest headers that HTTP/1.1 needs.
"""

import json
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware.settings import settings
from protocol import cbor, frames, keys, messages, topics
from protocol.limits import FRAME_DOWN_SIZE_MAX, FRAME_UP_SIZE_MAX
from tests.firmware.replies import CARD, KEY, TERMINAL_ID
from tests.firmware.shop import PASSWORD, USER, Shop
from tests.support.air import (
    HOST,
    Certificate,
    Exchange,
    Packets,
    Tls,
    certificate,
    client,
    secured,
)
from tests.support.handset_process import Handset, provision
from tests.support.mosquitto import Mosquitto, free_port

JOURNAL = 1592605928
SALES = 3
KEEPALIVE_S = 60
KEEPALIVE_LONG_S = 300       # the longest that most operators' NAT lets live
PING_SHARE = 0.75            # firmware/uplink.py asks after so much of it
MONTH_S = 30 * 24 * 3600
HEARTBEATS = MONTH_S // 3600
OURS, JSON_MQTT, JSON_HTTPS, JSON_NEW = (
    "Pointwire", "JSON over MQTT", "JSON over HTTPS, connection kept",
    "JSON over HTTPS, a connection each")
TYPES = {messages.SALE: "sale", messages.HEARTBEAT: "heartbeat"}


class Row(NamedTuple):
    """One way of saying a sale: its message and its reply in bytes, and what went over the air."""

    way: str
    tls: str
    message: int
    reply: int
    sale: Exchange
    connect: Exchange


class Idle(NamedTuple):
    """What was counted of an idle connection."""

    ping: Exchange
    heartbeat: Exchange
    pings: int
    seconds: float


@contextmanager
def broker(folder: Path, valid: tuple[int, int] = (-1, 365)
           ) -> Iterator[tuple[int, int, Certificate]]:
    """(port of TLS, plain port for the gateway, certificate) of a Mosquitto; `valid`: air.py."""
    made, port = certificate(folder, valid), free_port()
    with Mosquitto(folder, f"listener {port} 127.0.0.1", f"certfile {made.chain}",
                   f"keyfile {made.key}", "set_tcp_nodelay true") as mosquitto:
        yield port, mosquitto.port, made


@contextmanager
def gateway(port: int, answer: Callable[[bytes], bytes | None]) -> Iterator[None]:
    """Answers what comes up, on the broker's plain port."""
    ready = threading.Event()
    joined = paho.Client(CallbackAPIVersion.VERSION2, client_id="gateway")
    joined.on_connect = lambda each, *_: each.subscribe(topics.UP_FILTER, qos=1)
    joined.on_subscribe = lambda *_: ready.set()

    def heard(each: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        reply = answer(bytes(message.payload))
        if reply is not None:
            each.publish(topics.down(TERMINAL_ID), reply, qos=1)

    joined.on_message = heard
    joined.connect("127.0.0.1", port)
    joined.loop_start()
    assert ready.wait(20)
    try:
        yield
    finally:
        joined.disconnect()
        joined.loop_stop()


def begins(packet: bytes) -> str:
    """What exchange an MQTT packet of the handset begins."""
    kind = packet[0] & 0xF0
    if kind == 0xC0:
        return "ping"
    if kind == 0x10:
        return "login"
    at = 2 if packet[1] < 0x80 else 3
    size = int.from_bytes(packet[at:at + 2])
    topic = packet[at + 2:at + 2 + size].decode(errors="replace")
    if kind != 0x30 or topic != topics.up(TERMINAL_ID):
        return ""
    frame = packet[at + 4 + size:]
    content = cbor.decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)
    return TYPES.get(content[0], "other")


class Ours(NamedTuple):
    """What the handset's own messages cost; `frame` and `reply` are those of the last sale."""

    exchanges: list[tuple[str, Exchange]]
    frame: bytes
    reply: bytes
    seconds: float

    def of(self, name: str) -> list[Exchange]:
        return [exchange for each, exchange in self.exchanges if each == name]


def handset(folder: Path, command: Sequence[str], tls: str, sales: int = SALES,
            idle_s: float = 0, keepalive_s: int = KEEPALIVE_S) -> Ours:
    """A handset that connects, makes its sales and is idle for so long."""
    shop, said = Shop(), {}

    def answer(frame: bytes) -> bytes | None:
        reply = shop.answer(frame)
        if begins_sale(frame):
            said["frame"], said["reply"] = frame, reply
        return reply

    with (broker(folder) as (port, plain, made), Packets(port) as air, gateway(plain, answer),
          Tls(air, client(made, tls), port, begins) as carried):
        home = provision(folder / "handset", settings(
            TERMINAL_ID, 1, KEY, "127.0.0.1", carried.port, USER, PASSWORD,
            keepalive_s=keepalive_s, outbox_blocks=16, language="en"), JOURNAL)
        with Handset(home, command) as till:
            till.event("clock")
            for trace in range(1, sales + 1):
                till.sale("1250", CARD)
                till.event("settled", trace=trace)
                air.settled()
            began = time.monotonic()
            time.sleep(idle_s)
            ended = carried.exchanges()
            assert till.do("status")["up"], till.story()
            return Ours(ended, said.get("frame", b""), said.get("reply", b""),
                        time.monotonic() - began)


def begins_sale(frame: bytes) -> bool:
    return cbor.decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)[0] == messages.SALE


def _plain(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else value


def as_json(payload: tuple, **head: Any) -> bytes:
    """The same fields as compact JSON with a MAC, in base64 what is bytes."""
    named: dict[str, Any] = payload._asdict()  # type: ignore[attr-defined]
    said = {**head, **{name: _plain(value) for name, value in named.items() if value is not None}}
    text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    mac = b64encode(keys.hmac_sha256(KEY, text)).decode()
    return text[:-1] + f',"mac":"{mac}"}}'.encode()


def said_in_json(ours: Ours) -> tuple[bytes, bytes]:
    """(message, reply) that say what the handset's last sale and its reply said."""
    asked = messages.read_request(cbor.decode(
        frames.split(ours.frame, FRAME_UP_SIZE_MAX).payload))
    got = messages.read_reply(frames.split(ours.reply, FRAME_DOWN_SIZE_MAX).payload)
    return as_json(asked, terminal_id=TERMINAL_ID, epoch=1), as_json(got)


def json_over_mqtt(folder: Path, tls: str, up: bytes, down: bytes) -> Row:
    heard, ready = threading.Semaphore(0), threading.Event()
    with (broker(folder) as (port, plain, made), Packets(port) as air,
          gateway(plain, lambda _: down)):
        terminal = paho.Client(CallbackAPIVersion.VERSION2, client_id=str(TERMINAL_ID))
        terminal.username_pw_set(USER, PASSWORD)
        terminal.will_set(topics.state(TERMINAL_ID), topics.OFFLINE, qos=1, retain=True)
        terminal.tls_set_context(_named(client(made, tls)))
        terminal.on_connect = lambda each, *_: each.subscribe(topics.down(TERMINAL_ID), qos=1)
        terminal.on_subscribe = lambda *_: ready.set()
        terminal.on_message = lambda *_: heard.release()

        def connect() -> None:
            terminal.connect("127.0.0.1", port, KEEPALIVE_S)
            terminal.loop_start()
            assert ready.wait(20)

        def sell() -> None:
            terminal.publish(topics.up(TERMINAL_ID), up, qos=1)
            assert heard.acquire(timeout=20)

        connected = air.of(connect)
        sold = [air.of(sell) for _ in range(SALES)][-1]
        terminal.disconnect()
        terminal.loop_stop()
    return Row(JSON_MQTT, tls, len(up), len(down), sold, connected)


def _named(context: ssl.SSLContext) -> ssl.SSLContext:
    """One that asks for the server's name, as paho connects by its address."""
    wrap = context.wrap_socket
    context.wrap_socket = lambda sock, **given: wrap(  # type: ignore[method-assign]
        sock, **{**given, "server_hostname": HOST})
    return context


@contextmanager
def https(made: Certificate, reply: bytes) -> Iterator[int]:
    """A server that answers each POST with the reply, in one write; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    listener = socket.create_server(("127.0.0.1", 0))
    head = ("HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(reply)}\r\n\r\n")

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with context.wrap_socket(plain, server_side=True) as each:
                    while each.recv(65536):
                        each.sendall(head.encode() + reply)
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def json_over_https(folder: Path, tls: str, up: bytes, down: bytes) -> Iterator[Row]:
    made = certificate(folder)
    request = (f"POST /v1/frames HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(up)}\r\n\r\n").encode() + up
    with https(made, down) as port, Packets(port) as air:
        open_: list[ssl.SSLSocket] = []

        def sell() -> None:
            open_[-1].sendall(request)
            assert open_[-1].recv(65536)

        def once() -> None:
            open_.append(secured(client(made, tls), port))
            sell()
            open_[-1].close()

        connected = air.of(lambda: open_.append(secured(client(made, tls), port)))
        sold = [air.of(sell) for _ in range(SALES)][-1]
        open_[-1].close()
        each = air.of(once)
    yield Row(JSON_HTTPS, tls, len(up), len(down), sold, connected)
    yield Row(JSON_NEW, tls, len(up), len(down), each, Exchange())


def compare(folder: Path, command: Sequence[str], tls: str) -> list[Row]:
    """All ways of saying one sale, ours first."""
    folders = [folder / name for name in ("ours", "mqtt", "https")]
    for each in folders:
        each.mkdir(parents=True)
    ours = handset(folders[0], command, tls)
    connect = ours.of("TCP and TLS")[0] + ours.of("login")[0]
    rows = [Row(OURS, tls, len(ours.frame), len(ours.reply), ours.of("sale")[-1], connect)]
    up, down = said_in_json(ours)
    rows.append(json_over_mqtt(folders[1], tls, up, down))
    rows += json_over_https(folders[2], tls, up, down)
    return rows


def idle(folder: Path, command: Sequence[str], tls: str, seconds: float,
         keepalive_s: int = KEEPALIVE_S) -> Idle:
    """An idle connection for so long: what a ping costs and a heartbeat."""
    folder.mkdir(parents=True)
    ours = handset(folder, command, tls, 0, seconds, keepalive_s)
    pings = ours.of("ping")
    assert pings, f"no ping in {seconds} s"
    return Idle(max(pings), ours.of("heartbeat")[0], len(pings), ours.seconds)


def month_bytes(found: Idle, keepalive_s: int) -> int:
    """30 days: a ping whenever it was quiet for three quarters of the keepalive, and a heartbeat
    an hour."""
    pings = int(MONTH_S / (keepalive_s * PING_SHARE))
    return pings * found.ping.total + HEARTBEATS * found.heartbeat.total
