"""Brokers that misbehave, each on a real port in a thread of its own. Not portable.

A behaviour is a function (socket, packets): `packets` yields each packet that the handset sends;
when the function returns, the connection is closed.
"""

import socket
import threading
from collections.abc import Callable, Iterator

from firmware import mqtt_codec as codec
from protocol import topics
from tests.firmware.shop import TERMINAL_ID

Behaviour = Callable[[socket.socket, Iterator[bytes]], None]
CONNECT, SUBSCRIBE = 0x10, 0x82
CONNACK = b"\x20\x02\x00\x00"


class BadBroker:
    """`with BadBroker(behaviour) as broker:` listens on `broker.port`."""

    def __init__(self, behaviour: Behaviour):
        self.connections = 0
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        try:
            self._behaviour(link, packets(link))
        except OSError:
            pass
        link.close()

    def __enter__(self) -> "BadBroker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for link in self._open:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def packets(link: socket.socket) -> Iterator[bytes]:
    """Each packet that comes in, until the far end closes."""
    buffer = b""
    while True:
        data = link.recv(4096)
        if not data:
            return
        buffer += data
        while len(buffer) >= 2:
            length, at = buffer[1] & 127, 2
            if buffer[1] & 128:
                if len(buffer) < 3:
                    break
                length, at = length | buffer[2] << 7, 3
            if len(buffer) < at + length:
                break
            yield buffer[:at + length]
            buffer = buffer[at + length:]


def _up(link: socket.socket, sent: Iterator[bytes]) -> None:
    """Let the handset in and subscribe, as a good broker would."""
    assert next(sent)[0] == CONNECT
    link.sendall(CONNACK)
    assert next(sent)[0] == SUBSCRIBE
    link.sendall(b"\x90\x03\x00\x01\x01")


def silent(link: socket.socket, sent: Iterator[bytes]) -> None:
    for _ in sent:
        pass


def unacked(link: socket.socket, sent: Iterator[bytes]) -> None:
    _up(link, sent)
    silent(link, sent)


def refusing(link: socket.socket, sent: Iterator[bytes]) -> None:
    next(sent)
    link.sendall(b"\x20\x02\x00\x05")
    silent(link, sent)


def barring(link: socket.socket, sent: Iterator[bytes]) -> None:
    next(sent)
    link.sendall(CONNACK)
    next(sent)
    link.sendall(b"\x90\x03\x00\x01\x80")
    silent(link, sent)


def hanging_up(link: socket.socket, sent: Iterator[bytes]) -> None:
    """After every packet: the first time after CONNECT, which it even answers."""
    next(sent)
    link.sendall(CONNACK)


def hanging_up_on_connect(link: socket.socket, sent: Iterator[bytes]) -> None:
    next(sent)


def hanging_up_on_subscribe(link: socket.socket, sent: Iterator[bytes]) -> None:
    hanging_up(link, sent)
    next(sent)


def hanging_up_once_up(link: socket.socket, sent: Iterator[bytes]) -> None:
    _up(link, sent)


def hanging_up_on_publish(link: socket.socket, sent: Iterator[bytes]) -> None:
    _up(link, sent)
    next(sent)


def hanging_up_on_puback(link: socket.socket, sent: Iterator[bytes]) -> None:
    """After each PUBLISH, which it acknowledges: only the handset's state ever gets through."""
    _up(link, sent)
    state = next(sent)
    topic_size = int.from_bytes(state[2:4], "big")
    link.sendall(b"\x40\x02" + state[4 + topic_size:6 + topic_size])


def garbling(link: socket.socket, sent: Iterator[bytes]) -> None:
    next(sent)
    link.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + b"<html>" * 40)
    silent(link, sent)


def huge(link: socket.socket, sent: Iterator[bytes]) -> None:
    _up(link, sent)
    link.sendall(b"\x30\xff\xff\xff\x7f" + bytes(4096))
    silent(link, sent)


def endless(link: socket.socket, sent: Iterator[bytes]) -> None:
    """Packets that it may send, one after the other, and never a word it was asked for."""
    _up(link, sent)
    packet = bytearray()
    codec.put_publish(packet, topics.down(TERMINAL_ID), 9, bytes(1500))
    while True:
        link.sendall(packet)


def flooding(packet: bytes) -> Behaviour:
    """Small packets as fast as they go, for as long as there are many to read at once."""
    def flood(link: socket.socket, sent: Iterator[bytes]) -> None:
        _up(link, sent)
        while True:
            link.sendall(packet * 500)
    return flood


pinging = flooding(b"\xd0\x00")  # answers to pings that nobody sent
