"""A terminal as the broker sees one, by somebody else's MQTT client: frames up, replies down.

`eventually` waits for what another thread or process does; it fails by a wide deadline only.
"""

import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from protocol import topics

WAIT_S = 60.0


def eventually(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"not within {WAIT_S} s: {what}"
        time.sleep(0.01)


class Terminal:
    """A client of the broker that publishes frames and keeps what comes down."""

    def __init__(self, port: int, terminal_id: int):
        self.down: list[bytes] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=str(terminal_id))
        ready: list[int] = []
        self.client.on_subscribe = lambda *_: ready.append(1)
        self.client.on_message = lambda _, __, message: self.down.append(
            bytes(message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(topics.down(terminal_id), qos=1)
        eventually(lambda: ready, "SUBACK")
        self.terminal_id = terminal_id

    def send(self, frame: bytes, topic: str | None = None, qos: int = 1, retain: bool = False):
        self.client.publish(topic or topics.up(self.terminal_id), frame, qos,
                            retain).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
