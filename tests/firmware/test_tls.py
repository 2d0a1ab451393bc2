"""The ESP32 boards' way to open TLS, on MicroPython, against a real Mosquitto with a certificate.

The handset gets through to a server that proves itself by its one CA, under the name in its
settings and within its dates; any other is `untrusted`, nothing is told to it, and the tap that
was taken meanwhile posts once the server is the right one.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from firmware.settings import settings, write
from tests.firmware.bench_air import broker, gateway
from tests.firmware.replies import KEY, TERMINAL_ID
from tests.firmware.shop import CARD, PASSWORD, USER, Shop
from tests.support.air import HOST, certificate
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython


class House(NamedTuple):
    """A broker's TLS port, its authority in DER, and the gateway behind it."""

    port: int
    authority: bytes
    shop: Shop


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@contextmanager
def house(folder: Path, valid: tuple[int, int] = (-1, 365)) -> Iterator[House]:
    folder.mkdir()
    shop = Shop()
    with broker(folder, valid) as (port, plain, made), gateway(plain, shop.answer):
        yield House(port, der(made.authority), shop)


@pytest.fixture
def right(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "right") as made:
        yield made


def prepared(folder: Path, port: int, authority: bytes, host: str = HOST) -> Path:
    """The handset's folder for this server; an outbox that is there stays."""
    made = settings(TERMINAL_ID, 1, KEY, host, port, USER, PASSWORD, language="en",
                    outbox_blocks=16, others=(("apn", "cmnet"),))
    if folder.exists():
        write(str(folder / "settings"), made)
    else:
        provision(folder, made)
    (folder / "ca.der").write_bytes(authority)
    return folder


def switched_on(folder: Path) -> Handset:
    return Handset(folder, [need_micropython(), "-m", "tests.firmware.tls_handset"])


def refuses_and_posts_later(folder: Path, right: House, port: int, authority: bytes,
                            host: str = HOST) -> None:
    """A server that is not the one; the tap is safe all the while."""
    before = len(right.shop.posted)
    with switched_on(prepared(folder, port, authority, host)) as handset:
        handset.event("no_link")
        handset.sale("1250", CARD)
        status = handset.do("status")
        assert (status["up"], status["link_fault"], status["unsettled"]) == (
            False, "untrusted", 1), handset.story()
        assert not handset.noise, handset.story()
    assert len(right.shop.posted) == before
    with switched_on(prepared(folder, right.port, right.authority)) as handset:
        assert handset.event("settled", trace=1)["points"] == 12
        assert handset.do("status")["unsettled"] == 0


def test_a_server_that_proves_itself_is_sold_to(tmp_path: Path, right: House):
    folder = prepared(tmp_path / "handset", right.port, right.authority)
    with switched_on(folder) as handset:
        handset.event("link", up=True)
        handset.sale("1250", CARD)
        assert handset.event("settled", trace=1)["points"] == 12
        assert handset.do("status")["link_fault"] is None
        assert not handset.noise, handset.story()


def test_a_server_of_another_authority_is_not_trusted(tmp_path: Path, right: House):
    other = der(certificate(tmp_path).authority)
    refuses_and_posts_later(tmp_path / "handset", right, right.port, other)


def test_a_server_of_another_name_is_not_trusted(tmp_path: Path, right: House):
    refuses_and_posts_later(tmp_path / "handset", right, right.port, right.authority,
                            "other.example.com")


@pytest.mark.parametrize("valid", [(-30, -1), (1, 30)], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_dates_is_not_trusted(
        tmp_path: Path, right: House, valid: tuple[int, int]):
    with house(tmp_path / "broker", valid) as wrong:
        refuses_and_posts_later(tmp_path / "handset", right, wrong.port, wrong.authority)


def test_a_server_that_speaks_no_tls_is_not_trusted(tmp_path: Path, right: House):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answers() -> None:
            near, _ = listener.accept()
            with near:
                near.recv(1024)
                near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answers, daemon=True).start()
        refuses_and_posts_later(tmp_path / "handset", right, listener.getsockname()[1],
                                right.authority)
