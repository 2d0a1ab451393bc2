"""A terminal by a stranger: written from protocol/README.md and protocol/pointwire.cddl alone.

Its libraries are other people's. It takes what `pointwire terminal keys ID --json` prints and does
a day in small over MQTT and over HTTP: heartbeat, inquiry, sale, the sale's bytes again by every
way, inquiry. It checks what the contract promises about a reply, raises BrokenContract where that
does not hold, and returns what it saw. Left out: voids, PINs, key rotation, TLS. By hand:

    pointwire terminal keys ID --json | python tests/e2e/stranger_terminal.py DIRECTORY
"""

import hashlib
import hmac
import json
import os
import queue
import random
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cbor2
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

UP, DOWN = 1, 2
UP_SIZE_MAX, DOWN_SIZE_MAX = 1024, 1400
SALE, INQUIRY, HEARTBEAT = 1, 5, 10
TAP = 2
APPROVED = 0
FINAL = {0, *range(10, 17), 20, *range(30, 43), 50, 51, 52, 60, 62, 63}
PROTECTED = b"\xa1\x01\x05"
ANSWER_S = 10
TRIES = 3
U32 = 2**32 - 1
POINTS = 2**53 - 1
V311, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5
# optional reply keys it reads, with the range of a number or the size of a text
READ = {6: ("points", -POINTS, POINTS), 7: ("balance", -POINTS, POINTS),
        8: ("stored_value", -POINTS, POINTS), 9: ("tier", 0, 24), 10: ("member", 0, 24),
        11: ("receipt", 1, U32), 13: ("amount_minor", 0, POINTS), 15: ("line", 0, 48),
        20: ("highest_trace", 0, U32)}
TEXTS = (9, 10, 15)

Reply = dict[int, Any]


class NotAnswered(Exception):
    """No reply, or none that may be believed; the entry stays, the same bytes go out again."""


class BrokenContract(Exception):
    """The gateway did what the documents say it does not."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenContract(what)


def whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def fits(key: int, value: object) -> bool:
    """Whether an optional key holds what the CDDL allows; one that does not counts as absent."""
    _, low, high = READ[key]
    if key in TEXTS:
        return isinstance(value, str) and low <= len(value.encode()) <= high
    return whole(value, low, high)


def mac(key: bytes, direction: int, terminal_id: int, payload: bytes) -> bytes:
    aad = b"pw1" + bytes([direction]) + terminal_id.to_bytes(4, "big")
    structure = cbor2.dumps(["MAC0", PROTECTED, aad, payload])
    return hmac.new(key, structure, hashlib.sha256).digest()


def wrapped(kid: bytes, payload: bytes, tag: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(17, [PROTECTED, {4: kid}, payload, tag]))


class Identity:
    """Which terminal this is: seals requests, opens replies."""

    def __init__(self, terminal_id: int, epoch: int, key: bytes):
        self.terminal_id = terminal_id
        self.kid = terminal_id.to_bytes(4, "big") + bytes([epoch])
        self.key = key

    def seal(self, request: dict[int, Any]) -> bytes:
        payload = cbor2.dumps(request, canonical=True)
        frame = wrapped(self.kid, payload, mac(self.key, UP, self.terminal_id, payload))
        assert len(frame) <= UP_SIZE_MAX
        return frame

    def open(self, request: dict[int, Any], sent: bytes, frame: bytes) -> Reply | None:
        """The reply's map, or None for what counts as not come."""
        if len(frame) > DOWN_SIZE_MAX:
            return None
        try:
            _, _, payload, tag = cbor2.loads(frame).value
        except (cbor2.CBORDecodeError, AttributeError, TypeError, ValueError):
            return None
        if not isinstance(payload, bytes) or not isinstance(tag, bytes):
            return None
        if wrapped(self.kid, payload, tag) != frame:
            return None
        if not hmac.compare_digest(tag, mac(self.key, DOWN, self.terminal_id, payload)):
            return None
        reply = cbor2.loads(payload)
        must(cbor2.dumps(reply, canonical=True) == payload, "a reply is not deterministic CBOR")
        asked = [128 + request[0], request[1], request[2], hashlib.sha256(sent).digest()[:8]]
        if [reply.get(key) for key in range(4)] != asked:
            return None
        return reply if whole(reply.get(4), 0, 255) and whole(reply.get(5), 0, U32) else None


class Storage:
    """One directory, one file a frame; what `write` returned from survives loss of power."""

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.read("journal"):
            self.write("journal", str(1 + secrets.randbelow(U32)).encode())
        self.journal = int(self.read("journal"))
        self.boots = int(self.read("boots") or b"0") + 1
        self.write("boots", str(self.boots).encode())

    def read(self, name: str) -> bytes:
        path = self.directory / name
        return path.read_bytes() if path.exists() else b""

    def write(self, name: str, content: bytes) -> None:
        beside = self.directory / (name + ".new")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self.directory / name)
        listing = os.open(self.directory, os.O_RDONLY)
        os.fsync(listing)
        os.close(listing)

    def traces(self, kind: str = "frame") -> list[int]:
        return sorted(int(path.stem) for path in self.directory.glob(f"*.{kind}"))


class OverHttp:
    def __init__(self, keys: dict[str, Any]):
        self.url = keys["http_url"]

    def exchange(self, frame: bytes, opened) -> tuple[Reply, bytes]:
        """One send, one reply; `opened` gives the reply that may be believed, or None."""
        request = urllib.request.Request(self.url, data=frame, method="POST",
                                         headers={"Content-Type": "application/cose"})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            wait = error.headers.get("Retry-After")
            raise NotAnswered(f"HTTP {error.code}, Retry-After {wait}") from None
        except OSError as error:
            raise NotAnswered(f"HTTP: {error}") from None
        reply = opened(body)
        if reply is None:
            raise NotAnswered("HTTP 200 with a reply that is not ours")
        return reply, body

    def close(self) -> None:
        pass


class OverMqtt:
    def __init__(self, keys: dict[str, Any], version: MQTTProtocolVersion):
        root = f"pw/1/{keys['terminal_id']}/"
        self.up, self.down, self.state = root + "up", root + "down", root + "state"
        self.come: queue.Queue[bytes] = queue.Queue()
        self.ready: queue.Queue[str] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=str(keys["terminal_id"]), protocol=version,
            clean_session=None if version == V5 else True)
        self.client.username_pw_set(keys["mqtt_user"], keys["mqtt_password"])
        self.client.will_set(self.state, b"\x00", qos=1, retain=True)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = lambda _, __, message: self.come.put(bytes(message.payload))
        self.client.connect(keys["mqtt_host"], keys["mqtt_port"], keepalive=60)
        self.client.loop_start()
        try:
            refused = self.ready.get(timeout=ANSWER_S)
        except queue.Empty:
            refused = "no SUBACK"
        if refused:
            self.client.loop_stop()
            raise NotAnswered(f"MQTT: {refused}")
        self._publish(self.state, b"\x01", retain=True)

    def _connected(self, client, _data, _flags, code, _properties) -> None:
        if code.is_failure:
            self.ready.put(str(code))
        else:
            client.subscribe(self.down, qos=1)

    def _subscribed(self, _client, _data, _mid, codes, _properties) -> None:
        self.ready.put(str(codes[0]) if codes[0].is_failure else "")

    def _publish(self, topic: str, body: bytes, retain: bool = False) -> None:
        sent = self.client.publish(topic, body, qos=1, retain=retain)
        sent.wait_for_publish(ANSWER_S)
        if not sent.is_published():
            raise NotAnswered("no PUBACK")

    def exchange(self, frame: bytes, opened) -> tuple[Reply, bytes]:
        while not self.come.empty():
            self.come.get()
        self._publish(self.up, frame)
        until = time.monotonic() + ANSWER_S
        while True:
            try:
                body = self.come.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise NotAnswered("PUBACK, but no reply") from None
            reply = opened(body)
            if reply is not None:
                return reply, body

    def close(self) -> None:
        self._publish(self.state, b"\x00", retain=True)
        self.client.disconnect()
        self.client.loop_stop()


Way = OverHttp | OverMqtt


class Terminal:
    def __init__(self, keys: dict[str, Any], directory: str | Path):
        key = bytes.fromhex(keys["key_hex"])
        self.identity = Identity(keys["terminal_id"], keys["epoch"], key)
        self.card = [TAP, int(keys["sample_card"])]
        self.storage = Storage(directory)
        self.started = time.monotonic()
        self.clock: tuple[int, float] | None = None    # the gateway's time, and ours then
        self.highest = 0

    def dated(self) -> dict[int, int]:
        if self.clock is None:
            return {18: int(time.monotonic() - self.started), 19: self.storage.boots}
        age = int(time.monotonic() - self.clock[1])
        return {3: self.clock[0] + age, 4: age}

    def send(self, way: Way, request: dict[int, Any], frame: bytes) -> tuple[Reply, bytes]:
        return way.exchange(frame, lambda come: self.identity.open(request, frame, come))

    def ask(self, way: Way, kind: int, fields: dict[int, Any]) -> tuple[Reply, float, float]:
        """What is not journaled: each try is a new message with a new nonce."""
        for tries in range(1, TRIES + 1):
            request = {0: kind, 1: self.storage.journal, 2: 0, 16: secrets.token_bytes(8),
                       **self.dated(), **fields}
            sent_at = time.monotonic()
            try:
                reply, _ = self.send(way, request, self.identity.seal(request))
                return reply, sent_at, time.monotonic()
            except NotAnswered:
                if tries == TRIES:
                    raise
        raise NotAnswered("never tried")

    def heartbeat(self, way: Way) -> Reply:
        traces = self.storage.traces()
        kept = [traces[0], traces[-1]] if traces else [0, 0]
        unsettled = len(traces) - len(self.storage.traces("reply"))
        report = {0: "stranger 1.0", 3: unsettled, 6: "CPython", 8: [self.storage.journal, *kept]}
        reply, sent_at, come_at = self.ask(way, HEARTBEAT, {14: report})
        if reply[4] == APPROVED and come_at - sent_at <= ANSWER_S:
            self.clock = (reply[5], come_at)
        if fits(20, reply.get(20)):
            self.highest = max(self.highest, reply[20])
        return reply

    def inquiry(self, way: Way) -> Reply:
        return self.ask(way, INQUIRY, {6: self.card})[0]

    def sale(self, way: Way, amount_minor: int) -> tuple[dict[int, Any], bytes, Reply, bytes]:
        """Stored first, then sent until it is answered."""
        trace = 1 + max(self.storage.traces()[-1:] + [self.highest])
        request = {0: SALE, 1: self.storage.journal, 2: trace, 6: self.card, 7: amount_minor,
                   **self.dated()}
        frame = self.identity.seal(request)
        self.storage.write(f"{trace}.frame", frame)
        reply, body = self.settle(way, request, frame)
        self.storage.write(f"{trace}.reply", body)
        return request, frame, reply, body

    def settle(self, way: Way, request: dict[int, Any], frame: bytes) -> tuple[Reply, bytes]:
        """Always the same bytes, until a final code comes."""
        for tries in range(1, TRIES + 1):
            try:
                reply, body = self.send(way, request, frame)
                must(reply[4] in FINAL, f"this small terminal cannot wait out {reply[4]}")
                return reply, body
            except NotAnswered:
                if tries == TRIES:
                    raise
                time.sleep(random.uniform(0.5, 1) * 2**tries)
        raise NotAnswered("never tried")


def shown(reply: Reply) -> dict[str, Any]:
    """A reply as a person would read it."""
    named = {"code": reply[4], "journal": reply[1], "trace": reply[2], "at": reply[5]}
    return named | {name: reply[key] for key, (name, _, _) in READ.items()
                    if key in reply and fits(key, reply[key])}


def day(terminal: Terminal, way: Way, ways: dict[str, Way], amount_minor: int) -> dict[str, Any]:
    """Heartbeat, inquiry, sale over `way`; its bytes again over all `ways`; inquiry."""
    heartbeat = terminal.heartbeat(way)
    before = terminal.inquiry(way)
    request, frame, sale, body = terminal.sale(way, amount_minor)
    for name, other in ways.items():
        again = terminal.settle(other, request, frame)[1]
        must(again == body, f"over {name} the same bytes got another reply")
    after = terminal.inquiry(way)
    return {"heartbeat": shown(heartbeat), "before": shown(before), "sale": shown(sale),
            "after": shown(after), "same_reply_over": sorted(ways),
            "frame_hex": frame.hex(), "reply_hex": body.hex()}


def run(keys: dict[str, Any], directory: str | Path, sales: dict[str, int],
        version: MQTTProtocolVersion = V311) -> dict[str, dict[str, Any]]:
    """`sales`: amount_minor of one sale for each way, "mqtt" or "http"; gives what each saw."""
    terminal = Terminal(keys, directory)
    ways: dict[str, Way] = {}
    try:
        for name in sales:
            ways[name] = OverMqtt(keys, version) if name == "mqtt" else OverHttp(keys)
        return {name: day(terminal, ways[name], ways, amount) for name, amount in sales.items()}
    finally:
        for way in ways.values():
            way.close()


if __name__ == "__main__":
    seen = run(json.load(sys.stdin), sys.argv[1], {"mqtt": 1250, "http": 4000})
    sys.stdout.write(json.dumps(seen, indent=1, ensure_ascii=False) + "\n")
