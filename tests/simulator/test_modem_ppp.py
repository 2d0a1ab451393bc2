"""Both ends of the stand-in for PPP: it connects, carries, ends, and fails as PPP does."""

import pytest

from simulator.modem_peer import Peer
from simulator.modem_ppp import CONNECTED, CONNECTING, INACTIVE, FakePpp, Frames, Network, frame


class Line:
    """A modem in data mode as a stream."""

    def __init__(self) -> None:
        self.ms = 0
        self.peer = Peer("SIM800", lambda: self.ms)
        self.network = Network(self.peer)
        self.peer.start()
        self.peer.in_data = True
        self.ppp = FakePpp(self, lambda: self.ms)

    def read(self, most: int) -> bytes | None:
        return self.peer.take(most) or None

    def write(self, data: bytes) -> None:
        self.peer.receive(data)

    def wait(self, duration_ms: int) -> None:
        for _ in range(duration_ms // 100):
            self.ms += 100
            self.ppp.poll()


def test_frames_carry_every_byte_in_any_pieces():
    content = bytes(range(256)) * 2
    data = b"noise" + frame(content) + frame(b"x")
    for size in (1, 2, 7, 1000):
        frames = Frames()
        found = [each for at in range(0, len(data), size)
                 for each in frames.feed(data[at:at + size])]
        assert found == [content, b"x"] and frames.stray == b"noise"


def test_it_connects_carries_and_ends():
    line = Line()
    line.ppp.connect()
    assert line.ppp.status() == CONNECTING and line.ppp.ifconfig()[0] == "0.0.0.0"
    with pytest.raises(OSError):
        line.ppp.connect()
    line.wait(100)
    assert line.ppp.isconnected() and line.ppp.ifconfig()[0] == "10.64.0.2"
    line.ppp.send(b"packet")
    line.wait(100)
    assert line.ppp.received == [b"echo packet"]
    line.ppp.disconnect()
    assert line.ppp.status() == CONNECTED  # not before the other end has agreed
    line.wait(100)
    assert line.ppp.status() == INACTIVE and not line.peer.in_data


def test_a_silent_network_ends_in_an_error_and_a_close_without_an_answer_in_six_seconds():
    line = Line()
    line.network.silent = True
    line.ppp.connect()
    line.wait(20000)
    assert line.ppp.status() == -9
    line.network.silent = False
    line.ppp.connect()
    line.wait(100)
    line.network.silent = True
    line.ppp.disconnect()
    line.wait(5800)
    assert line.ppp.isconnected()
    line.wait(500)
    assert line.ppp.status() == INACTIVE and not line.ppp.isconnected()


def test_a_refusal_and_an_end_that_never_comes():
    line = Line()
    line.network.login = (2, "user", "key")
    for security, user, key in ((0, "", ""), (0, "user", "key"), (2, "key", "user"),
                                (2, "user", "")):
        line.ppp.connect(security, user, key)
        line.wait(100)
        assert line.ppp.status() == -7
    line.ppp.connect(2, "user", "key")
    line.wait(100)
    line.ppp.stuck = True
    line.ppp.disconnect()
    line.wait(60000)
    assert line.ppp.status() == CONNECTED


def test_an_end_that_the_network_wants_is_an_error_and_the_call_stands():
    line = Line()
    line.ppp.connect()
    line.wait(100)
    line.network.hang_up()
    line.wait(100)
    assert line.ppp.status() == -6 and not line.ppp.isconnected() and line.peer.in_data
