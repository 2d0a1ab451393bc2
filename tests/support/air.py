"""Bytes on the air: the real packets of one port on the loopback, and TLS for a handset.

`Packets(port)` sees each IP packet of the connections to that port as the kernel sends it (a raw
socket: root or CAP_NET_RAW). What a larger link carries in one piece is counted as the segments of
MSS bytes that a modem would send. Counted: IP and TCP headers with their options (Linux's
timestamps are 12 bytes a packet, which lwIP does without), acknowledgements, TLS records. Not
counted: PPP and radio.

`Exchange` is a sum from one silence to the next, so that whatever belongs to a message, up to the
last acknowledgement, is in it.
"""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MSS = 1360
SILENCE_S = 0.25
WAIT_S = 20.0
HOST = "broker.example.com"
VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
_IPV4, _TCP = 0x0800, 6


class Exchange(NamedTuple):
    """Bytes and packets up to the server and down from it, and what of the bytes is payload of
    TCP, and options of TCP."""

    up: int = 0
    down: int = 0
    packets_up: int = 0
    packets_down: int = 0
    payload: int = 0
    options: int = 0

    @property
    def total(self) -> int:
        return self.up + self.down

    @property
    def packets(self) -> int:
        return self.packets_up + self.packets_down

    def __add__(self, other: "Exchange") -> "Exchange":  # type: ignore[override]
        return Exchange(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def __sub__(self, other: "Exchange") -> "Exchange":
        return Exchange(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


def measured(packet: bytes, port: int) -> Exchange | None:
    """What one IPv4 packet adds, or None where it is none to or from the port."""
    header = (packet[0] & 15) * 4
    if packet[9] != _TCP:
        return None
    size, = struct.unpack_from(">H", packet, 2)
    source, target = struct.unpack_from(">HH", packet, header)
    if port not in (source, target):
        return None
    tcp = (packet[header + 12] >> 4) * 4
    payload = size - header - tcp
    segments = max(1, -(-payload // MSS))
    total, options = payload + segments * (header + tcp), segments * (tcp - 20)
    if target == port:
        return Exchange(total, 0, segments, 0, payload, options)
    return Exchange(0, total, 0, segments, payload, options)


class Packets:
    """`with Packets(port) as air:`; `total` grows with each packet. PermissionError: see above."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.bind(("lo", _IPV4))
        self._socket.settimeout(0.2)
        self._port = port
        self._end = False
        self._last = time.monotonic()
        self.total = Exchange()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end:
            try:
                packet, address = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            arrives = address[2] == socket.PACKET_HOST  # each is there twice
            found = measured(packet, self._port) if arrives else None
            if found:
                self.total += found
                self._last = time.monotonic()

    def settled(self) -> Exchange:
        """`total`, once nothing came for a while."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() - self._last < SILENCE_S:
            assert time.monotonic() < deadline, "the line never fell silent"
            time.sleep(0.02)
        return self.total

    def of(self, act: Callable[[], Any]) -> Exchange:
        """What an act costs, from silence to silence."""
        before = self.settled()
        act()
        self._last = time.monotonic()
        return self.settled() - before

    def __enter__(self) -> "Packets":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end = True
        self._thread.join(WAIT_S)
        self._socket.close()


class Certificate(NamedTuple):
    """Files of a server for HOST, signed by an authority of its own (P-256, as a handset's)."""

    chain: Path
    key: Path
    authority: Path


def certificate(folder: Path, valid: tuple[int, int] = (-1, 365)) -> Certificate:
    """`valid`: from which day to which the server's own holds, counted from today."""
    made = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    signer, subject = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.now(UTC)

    def signed(name: str, key: Any, days: tuple[int, int], *, authority: bool) -> bytes:
        issued = (x509.CertificateBuilder()
                  .subject_name(_name(name)).issuer_name(_name("Pointwire"))
                  .public_key(key.public_key()).serial_number(x509.random_serial_number())
                  .not_valid_before(now + timedelta(days=days[0]))
                  .not_valid_after(now + timedelta(days=days[1]))
                  .add_extension(x509.BasicConstraints(authority, None), critical=True)
                  .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]),
                                 critical=False))
        return issued.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    made.authority.write_bytes(signed("Pointwire", signer, (-400, 400), authority=True))
    made.chain.write_bytes(signed(HOST, subject, valid, authority=False))
    made.key.write_bytes(subject.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def client(made: Certificate, version: str) -> ssl.SSLContext:
    """A client that believes this authority alone and speaks this version alone."""
    context = ssl.create_default_context(cafile=str(made.authority))
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def secured(context: ssl.SSLContext, port: int) -> ssl.SSLSocket:
    """A connection to the server, made and proven."""
    plain = socket.create_connection(("127.0.0.1", port), WAIT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname=HOST)


class Tls:
    """TLS for a handset whose board has none: takes its plain connection and carries it.

    Each MQTT packet goes out in a record of its own, and what begins an exchange waits until the
    line is silent: `exchanges` is a list of (name, Exchange), `name_of(packet)` names what begins
    one, and "" nothing does.
    """

    def __init__(self, air: Packets, context: ssl.SSLContext, port: int,
                 name_of: Callable[[bytes], str]) -> None:
        self._air, self._context, self._to = air, context, port
        self._name_of = name_of
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._exchanges: list[tuple[str, Exchange]] = []
        self._began: tuple[str, Exchange] | None = None
        self._open: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._begin("TCP and TLS")
                far = secured(self._context, self._to)
                self._open += [near, far]
                self._carry(near, far)
            except OSError:
                if self._listener.fileno() < 0:
                    return

    # one thread for both ways: a TLS connection may not be read and written at once
    def _carry(self, near: socket.socket, far: ssl.SSLSocket) -> None:
        kept = b""
        while True:
            ready, _, _ = select.select((near, far), (), ())
            if far in ready:
                data = far.recv(16384)
                near.sendall(data)
                if not data:
                    break
            if near in ready:
                data = near.recv(4096)
                if not data:
                    break
                kept += data
                while packet := first_packet(kept):
                    kept = kept[len(packet):]
                    name = self._name_of(packet)
                    if name:
                        self._begin(name)
                    far.sendall(packet)
        near.close()
        far.close()

    def _begin(self, name: str) -> None:
        now = self._air.settled()
        if self._began:
            self._exchanges.append((self._began[0], now - self._began[1]))
        self._began = name, now

    def exchanges(self) -> list[tuple[str, Exchange]]:
        """Those so far, the last one once the line is silent."""
        assert self._began
        return [*self._exchanges, (self._began[0], self._air.settled() - self._began[1])]

    def __enter__(self) -> "Tls":
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            each.close()


def first_packet(data: bytes) -> bytes:
    """The MQTT packet that the bytes begin with, or b"" where it is not whole."""
    size, shift = 0, 0
    for place in range(1, min(len(data), 5)):
        size |= (data[place] & 0x7F) << shift
        shift += 7
        if data[place] < 0x80:
            return data[:place + 1 + size] if len(data) > place + size else b""
    return b""
