"""The life of the connection, in virtual time, against streams that fail as networks do."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from firmware import faults, keys_held, mqtt, mqtt_codec, uplink
from firmware.errors import FirmwareError
from firmware.keys_held import KeysHeld
from firmware.link import WINDOW
from firmware.outbox import OutboxUnreadable
from firmware.uplink import (
    CONNECT_MS_MAX,
    DRAIN_MS_MAX,
    EAGER_MS,
    LIVED_MS,
    REFUSED_MS,
    RETRY_MS,
    RETRY_MS_MAX,
    Uplink,
)
from protocol import topics
from simulator.loop import US, VirtualLoop
from simulator.stream import Reader, Writer
from tests.firmware import shop
from tests.firmware.test_mqtt import CONNACK, SUBACK, message, puback

IDLE_MS = 20000
PIERS: list["Pier"] = []
REFUSED_LOGIN = b"\x20\x02\x00\x05"


class Far:
    """The far end of one connection: what it was sent, and the bytes it says."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.closed = False
        self.reader = Reader()
        self.writer = Writer(self.sent.extend, self._shut)

    def _shut(self) -> None:
        self.closed = True

    def say(self, *parts: bytes) -> None:
        for part in parts:
            self.reader.feed(part)


class Pier:
    """An Uplink in virtual time; stands in for board, link and dispatch. `net` makes streams."""

    def __init__(self, net: Callable[["Pier"], Coroutine[Any, Any, Far]] | None = None) -> None:
        PIERS.append(self)
        self.loop = VirtualLoop()
        self.tries: list[int] = []
        self.ends: list[Far] = []
        self.told: list[tuple[Any, ...]] = []
        self.heard: list[Any] = []
        self.progress: list[int] = []
        self.failures: list[Exception] = []
        self.ready = True
        self.to_send: list[bytes] = []
        self.link = self
        self.places = WINDOW
        self.unanswered = False
        self.keys = KeysHeld(shop.settings_for(1883), None)
        self._net = net or Pier.far
        self.uplink = Uplink(self, shop.settings_for(1883), self, self.now, IDLE_MS,
                             lambda: self.progress.append(self.now()),
                             lambda *said: self.told.append(said), self.failures.append)
        self.task = self.loop.create_task(self.uplink.run())
        self.wait_ms(0)

    # what Uplink asks of a board
    def random(self, size: int) -> bytes:
        return bytes(size)

    async def connect(self, host: str, port: int) -> tuple[Reader, Writer]:
        self.tries.append(self.now())
        end = await self._net(self)
        return end.reader, end.writer

    # what it asks of dispatch and its link
    def connected(self, now: int) -> None:
        self.heard.append("connected")

    def lost(self) -> None:
        self.heard.append("lost")

    def tend(self, now: int) -> None:
        pass

    def pump(self, now: int, publish: Callable[[bytes], int]) -> None:
        while self.to_send:
            publish(self.to_send.pop(0))

    def due(self, now: int) -> int:
        return 1000000

    def received(self, frame: bytes, now: int) -> bool:
        self.heard.append(bytes(frame))
        return frame == b"false"

    def announce(self) -> None:
        self.heard.append("announce")

    def acked(self, packet_id: int, now: int) -> None:
        self.heard.append(("acked", packet_id))

    def free(self) -> int:
        return self.places

    # the test's hands
    async def far(self) -> Far:
        self.ends.append(Far())
        return self.ends[-1]

    def now(self) -> int:
        return self.loop.now_us // 1000

    def wait_ms(self, ms: int) -> None:
        self.loop.run_until_us(self.loop.now_us + ms * US // 1000)

    def up(self) -> Far:
        """Bring the connection up as a broker would."""
        far = self.ends[-1]
        far.say(CONNACK)
        self.wait_ms(0)
        far.say(SUBACK)
        self.wait_ms(0)
        # its retained state, one byte behind the packet id
        far.say(puback(int.from_bytes(far.sent[-3:-1], "big")))
        self.wait_ms(0)
        assert self.uplink.up() and self.heard.pop()[0] == "acked"
        far.sent.clear()
        return far


@pytest.fixture(autouse=True)
def ended():
    yield
    while PIERS:
        PIERS.pop().loop.close()


async def _refused(pier: Pier) -> Far:
    raise OSError(111, "connection refused")


async def _hangs(pier: Pier) -> Far:
    await asyncio.sleep(10 ** 6)
    raise AssertionError


def test_it_is_tried_again_for_ever_doubling_to_half_a_minute():
    pier = Pier(_refused)
    pier.wait_ms(600000)
    waits = [after - before for before, after in zip(pier.tries, pier.tries[1:], strict=False)]
    assert waits[:6] == [RETRY_MS << n for n in range(5)] + [RETRY_MS_MAX]
    assert set(waits[5:]) == {RETRY_MS_MAX}
    assert {each[0] for each in pier.told} == {"no_link"}
    assert "refused" in pier.told[0][1]


def test_jitter_only_shortens_a_wait_and_by_a_quarter_at_most():
    pier = Pier(_refused)
    pier.random = lambda size: b"\xff" * size  # type: ignore[method-assign]
    pier.wait_ms(600000)
    waits = [after - before for before, after in zip(pier.tries, pier.tries[1:], strict=False)]
    assert all(RETRY_MS_MAX * 3 // 4 <= wait < RETRY_MS_MAX for wait in waits[7:])


def test_a_connection_that_is_never_made_is_given_up_and_tried_again():
    pier = Pier(_hangs)
    pier.wait_ms(CONNECT_MS_MAX + RETRY_MS)
    assert len(pier.tries) == 2 and pier.told == [("no_link", "TimeoutError")]


def test_a_login_that_is_refused_waits_half_a_minute_before_it_asks_again():
    pier = Pier()
    pier.ends[0].say(REFUSED_LOGIN)
    pier.wait_ms(REFUSED_MS - 1)
    assert len(pier.tries) == 1 and pier.ends[0].closed
    assert pier.told == [("no_link", "the broker refuses this terminal (return code 5)")]
    pier.wait_ms(1)
    assert len(pier.tries) == 2


def test_a_broker_that_never_answers_the_login_is_dropped():
    pier = Pier()
    pier.wait_ms(10000 + RETRY_MS)
    assert pier.ends[0].closed and "CONNACK" in pier.told[0][1] and len(pier.tries) == 2


def test_once_up_it_says_so_and_sends_what_is_given_to_it():
    pier = Pier()
    far = pier.up()
    assert pier.told == [("link", True, "")] and pier.heard == ["connected"]
    pier.to_send.append(b"a frame")
    pier.uplink.kick()
    pier.wait_ms(0)
    assert topics.up(shop.TERMINAL_ID).encode() + b"\x00\x03a frame" in far.sent
    far.say(puback(3))
    pier.wait_ms(0)
    assert ("acked", 3) in pier.heard


def test_a_frame_in_pieces_is_heard_once_whole_and_announced_after_it():
    pier = Pier()
    far = pier.up()
    packet = bytearray()
    mqtt_codec.put_publish(packet, topics.down(shop.TERMINAL_ID), 9, b"reply")
    for at in range(len(packet)):
        far.say(bytes(packet[at:at + 1]))
        pier.wait_ms(1)
    assert pier.heard == ["connected", b"reply", "announce"]
    assert puback(9) in far.sent


def test_what_comes_on_another_topic_is_not_a_reply():
    pier = Pier()
    pier.up().say(message(9, b"reply"))
    pier.wait_ms(0)
    assert pier.heard == ["connected"] and pier.uplink.up()


def test_a_closed_stream_is_told_and_made_again():
    pier = Pier()
    far = pier.up()
    far.reader.end()
    pier.wait_ms(0)
    assert pier.told[-1] == ("link", False, "the broker closed the connection")
    assert far.closed and pier.heard[-1] == "lost" and not pier.uplink.up()
    pier.wait_ms(RETRY_MS)
    assert len(pier.tries) == 2
    pier.up()


def test_a_broken_stream_and_bytes_that_are_no_mqtt_end_only_the_connection():
    for harm in (lambda far: far.reader.fail(OSError(104, "reset")),
                 lambda far: far.writer.fail(OSError(32, "broken pipe")),
                 lambda far: far.say(b"HTTP/1.1 400 Bad Request\r\n" * 4),
                 lambda far: far.say(b"\xff" * 64)):
        pier = Pier()
        far = pier.up()
        harm(far)
        pier.to_send.append(b"a frame")
        pier.uplink.kick()
        pier.wait_ms(RETRY_MS)
        assert pier.told[-1][:2] == ("link", False) and pier.told[-1][2]
        assert far.closed and len(pier.tries) == 2 and not pier.task.done()


def test_a_link_that_takes_no_more_bytes_is_dropped():
    pier = Pier()
    far = pier.up()

    async def stuck() -> None:
        await asyncio.sleep(10 ** 6)

    far.writer.drain = stuck  # type: ignore[method-assign]
    pier.to_send.append(b"a frame")
    pier.uplink.kick()
    pier.wait_ms(DRAIN_MS_MAX)
    assert pier.told[-1][:2] == ("link", False) and far.closed


def test_a_half_open_link_is_found_by_its_own_deadline():
    pier = Pier()
    far = pier.up()
    pier.wait_ms(45000)
    assert far.sent.endswith(b"\xc0\x00") and pier.uplink.up()
    pier.wait_ms(10001)
    assert pier.told[-1][:2] == ("link", False) and "PINGRESP" in pier.told[-1][2]


def test_a_connection_that_lived_starts_the_waits_anew_and_one_that_did_not_goes_on():
    for lived_ms, wait_ms in ((LIVED_MS, RETRY_MS), (LIVED_MS - 1, 4 * RETRY_MS)):
        pier = Pier()
        for _ in range(2):
            pier.ends[-1].reader.end()
            pier.wait_ms(2 * RETRY_MS)
        far = pier.up()
        up_ms = pier.now()
        pier.wait_ms(lived_ms)
        far.reader.end()
        pier.wait_ms(wait_ms - 1)
        before = len(pier.tries)
        pier.wait_ms(1)
        assert len(pier.tries) == before + 1, (lived_ms, up_ms, pier.tries)


def test_dropping_it_closes_the_stream_with_its_reason():
    pier = Pier()
    far = pier.up()
    pier.uplink.drop("the radio is off")
    pier.wait_ms(0)
    assert pier.told[-1] == ("link", False, "the radio is off") and far.closed


def test_progress_is_shown_in_every_wait():
    for net in (Pier.far, _refused, _hangs):
        pier = Pier(net)
        if pier.ends:
            pier.up().say(b"")
        for _ in range(20):
            pier.wait_ms(30000)
            if pier.ends and not pier.ends[-1].closed and pier.uplink.up():
                pier.ends[-1].say(b"\xd0\x00")
        shown = [0, *pier.progress, pier.now()]
        quiet = max(after - before for before, after in zip(shown, shown[1:], strict=False))
        assert quiet <= CONNECT_MS_MAX, net


def test_a_fault_of_the_program_is_not_taken_for_one_of_the_network():
    pier = Pier()
    pier.up()

    def wrong(frame: bytes, now: int) -> None:
        raise FirmwareError("a bug")

    pier.received = wrong  # type: ignore[method-assign]
    packet = bytearray()
    mqtt_codec.put_publish(packet, topics.down(shop.TERMINAL_ID), 9, b"reply")
    pier.ends[0].say(bytes(packet))
    pier.wait_ms(0)
    # it ends; the supervisor says it and starts it again
    assert pier.task.done() and isinstance(pier.task.exception(), FirmwareError)
    assert pier.ends[0].closed


# -- a fault of the outbox is none of the link ---------------------------------------------------

EIO = OSError(5, "EIO")
DAMAGED = OutboxUnreadable("corrupt", "a record cannot be read")


def raising(error: Exception) -> Callable[..., Any]:
    def fails(*arguments: Any) -> Any:
        raise error

    return fails


def a_reply(pier: Pier) -> bytes:
    """A reply, as the broker would hand it on."""
    packet = bytearray()
    mqtt_codec.put_publish(packet, topics.down(shop.TERMINAL_ID), 9, b"reply")
    return bytes(packet)


@pytest.mark.parametrize("error", [EIO, DAMAGED])
@pytest.mark.parametrize("where", ["tend", "pump", "received"])
def test_what_the_outbox_raises_goes_to_who_keeps_it_and_the_link_stays(
        where: str, error: Exception):
    pier = Pier()
    far = pier.up()
    setattr(pier, where, raising(error))
    far.say(a_reply(pier))
    pier.wait_ms(0)
    assert pier.failures and set(pier.failures) == {error}
    assert pier.uplink.up() and named(pier) is None and not pier.task.done()
    assert pier.told == [("link", True, "")] and not far.closed


def test_nothing_is_sent_or_heard_while_the_outbox_cannot_be_read():
    pier = Pier()
    far = pier.up()
    pier.ready = False
    for each in ("tend", "pump", "due", "received"):
        setattr(pier, each, raising(EIO))
    far.say(a_reply(pier))
    pier.wait_ms(45000)
    assert pier.uplink.up() and not pier.failures and far.sent.endswith(b"\xc0\x00")


def test_cancelling_it_closes_the_stream():
    pier = Pier()
    far = pier.up()
    pier.task.cancel()
    pier.wait_ms(1)
    assert pier.task.cancelled() and far.closed and not pier.uplink.up()


@pytest.mark.parametrize("where", ["login", "open"])
def test_memory_that_runs_out_before_the_first_byte_leaves_no_stream_open(
        where: str, monkeypatch: pytest.MonkeyPatch):
    if where == "login":
        monkeypatch.setattr(uplink, "login", raising(MemoryError()))
    else:
        monkeypatch.setattr(mqtt.Connection, "open", raising(MemoryError()))
    pier = Pier()
    # it ends; the supervisor starts it again
    assert isinstance(pier.task.exception(), MemoryError) and pier.ends[0].closed


def test_a_screen_that_finds_no_memory_when_the_link_goes_leaves_no_stream_open():
    pier = Pier()
    far = pier.up()
    pier.lost = raising(MemoryError())  # type: ignore[method-assign]
    pier.uplink.drop("the radio is off")
    pier.wait_ms(0)
    assert isinstance(pier.task.exception(), MemoryError)
    assert far.closed and not pier.uplink.up()


# -- each way to fail us has a name ------------------------------------------------------------


def named(pier: Pier) -> str | None:
    return faults.name(pier.uplink.fault)


def test_nothing_was_wrong_yet():
    pier = Pier()
    pier.up()
    assert named(pier) is None


def test_networks_without_a_way_to_the_broker_are_named():
    for error, name in ((OSError(101, "network is unreachable"), "no_network"),
                        (OSError(111, "refused"), "unreachable"), (OSError(-2), "unreachable"),
                        (ValueError("certificate"), "untrusted")):
        async def fails(pier: Pier, error: Exception = error) -> Far:
            raise error

        pier = Pier(fails)
        assert named(pier) == name
    pier = Pier(_hangs)
    pier.wait_ms(CONNECT_MS_MAX)
    assert named(pier) == "slow"


def test_a_way_that_breaks_off_while_connecting_is_not_taken_for_one_that_is_not_there():
    for error, name in ((OSError(111, "refused"), "unreachable"), (OSError(32, "pipe"), "closed"),
                        (OSError(104, "reset"), "closed"), (OSError(101, "down"), "no_network")):
        pier = Pier()
        pier.ends[0].reader.fail(error)
        pier.wait_ms(0)
        assert named(pier) == name
    pier = Pier()
    pier.ends[0].reader.fail(ConnectionResetError("Connection lost"))  # as CPython's streams do
    pier.wait_ms(0)
    assert named(pier) == "closed"


def test_a_server_is_refused_by_its_proof_only_until_it_is_up():
    for error in (ValueError("certificate"), OSError(-29184, "MBEDTLS_ERR_SSL_INVALID_RECORD"),
                  OSError(-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")):
        pier = Pier()  # MicroPython shakes hands at the first write, when the stream is open
        pier.ends[0].reader.fail(error)
        pier.wait_ms(0)
        assert named(pier) == "untrusted" and pier.ends[0].closed
        pier = Pier()
        pier.up().reader.fail(error)
        pier.wait_ms(0)
        assert named(pier) == "closed"


class Newlib:
    """The numbers of the C library on an ESP32, where 113 means another thing than here."""

    ECONNRESET, ECONNABORTED, ETIMEDOUT, EHOSTUNREACH, ENOTCONN = 104, 113, 116, 118, 128


@pytest.mark.parametrize(("number", "connecting", "streaming"), [
    (Newlib.EHOSTUNREACH, "no_network", "no_network"), (Newlib.ECONNABORTED, "closed", "closed"),
    (Newlib.ECONNRESET, "closed", "closed"), (Newlib.ENOTCONN, "closed", "closed"),
    (Newlib.ETIMEDOUT, "slow", "slow"), (111, "unreachable", "unreachable")])
def test_a_fault_is_named_by_the_numbers_of_its_port(
        number: int, connecting: str, streaming: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uplink, "errno", Newlib)

    async def fails(pier: Pier) -> Far:
        raise OSError(number, "as the port says it")

    assert named(Pier(fails)) == connecting
    pier = Pier()
    pier.ends[0].reader.fail(OSError(number, "as the port says it"))
    pier.wait_ms(0)
    assert named(pier) == streaming


def test_a_broker_that_accepts_and_says_nothing_is_silent():
    for said in (b"", CONNACK):
        pier = Pier()
        pier.ends[0].say(said)
        pier.wait_ms(10000)
        assert named(pier) == "silent" and pier.ends[0].closed


def test_a_broker_that_acknowledges_nothing_is_named_and_asked_less_and_less():
    pier = Pier()
    for _ in range(12):
        far = pier.ends[-1]
        far.say(CONNACK)
        pier.wait_ms(0)
        far.say(SUBACK)
        pier.wait_ms(0)
        assert pier.uplink.up()
        pier.wait_ms(10000)
        assert named(pier) == "unacked" and not pier.uplink.up()
        while pier.ends[-1] is far:
            pier.wait_ms(100)
    waits = [after - before for before, after in zip(pier.tries, pier.tries[1:], strict=False)]
    assert waits[0] == 10000 + RETRY_MS and waits[-1] == 10000 + RETRY_MS_MAX
    assert waits == sorted(waits)


def test_a_broker_that_hangs_up_after_every_packet_is_named_and_asked_less_and_less():
    pier = Pier()
    for said in ((), (CONNACK,), (CONNACK, SUBACK)) * 4:
        far = pier.ends[-1]
        for part in said:
            far.say(part)
            pier.wait_ms(0)
        far.reader.end()
        pier.wait_ms(0)
        assert named(pier) == "closed" and far.closed
        while pier.ends[-1] is far:
            pier.wait_ms(100)
    for _ in range(4):  # what it acknowledged before it hung up does not shorten the wait
        far = pier.up()
        far.reader.end()
        pier.wait_ms(0)
        assert named(pier) == "closed" and far.closed
        while pier.ends[-1] is far:
            pier.wait_ms(100)
        assert named(pier) == "closed"
    assert pier.tries[-1] - pier.tries[-2] == RETRY_MS_MAX


def test_what_is_no_mqtt_is_named():
    for said in (b"HTTP/1.1 400 Bad Request\r\n" * 4, b"\xff" * 64, b"\x30\xff\xff\xff\x7f"):
        pier = Pier()
        pier.up().say(said)
        pier.wait_ms(0)
        assert named(pier) == "garbled"


def test_a_dead_link_a_broken_one_and_one_that_takes_nothing_are_named():
    pier = Pier()
    pier.up()
    pier.wait_ms(55001)
    assert named(pier) == "dead"
    pier = Pier()
    pier.up().reader.fail(OSError(104, "reset"))
    pier.wait_ms(0)
    assert named(pier) == "closed"
    pier = Pier()
    far = pier.up()

    async def stuck() -> None:
        await asyncio.sleep(10 ** 6)

    far.writer.drain = stuck  # type: ignore[method-assign]
    pier.to_send.append(b"a frame")
    pier.uplink.kick()
    pier.wait_ms(DRAIN_MS_MAX)
    assert named(pier) == "slow"


def test_a_refused_login_and_a_barred_topic_are_named():
    pier = Pier()
    pier.ends[0].say(REFUSED_LOGIN)
    pier.wait_ms(0)
    assert named(pier) == "refused"
    pier = Pier()
    pier.ends[0].say(CONNACK)
    pier.wait_ms(0)
    pier.ends[0].say(SUBACK[:-1] + b"\x80")
    pier.wait_ms(0)
    assert named(pier) == "unreadable"


def test_a_false_reply_is_named_and_the_connection_stays():
    pier = Pier()
    far = pier.up()
    packet = bytearray()
    mqtt_codec.put_publish(packet, topics.down(shop.TERMINAL_ID), 9, b"false")
    far.say(bytes(packet))
    pier.wait_ms(0)
    assert named(pier) == "false_reply" and pier.uplink.up()


def test_a_gateway_that_answers_nothing_is_named_and_the_connection_stays():
    pier = Pier()
    pier.up()
    pier.unanswered = True
    pier.uplink.kick()
    pier.wait_ms(0)
    assert named(pier) == "unanswered" and pier.uplink.up() and not pier.unanswered


def test_a_fault_stays_named_when_the_next_connection_works():
    pier = Pier()
    pier.up().reader.end()
    pier.wait_ms(RETRY_MS)
    pier.up()
    assert named(pier) == "closed"


def test_an_old_login_is_tried_at_once_when_the_new_one_is_refused():
    pier = Pier()
    pier.keys = KeysHeld(keys_held.with_keys(shop.settings_for(1883), 2, bytes(32), "42-2", "p",
                                             ((1, shop.KEY),)), None)
    pier.ends[0].reader.end()
    pier.wait_ms(RETRY_MS)
    used = []
    for _ in range(4):
        far = pier.ends[-1]
        used.append(shop.USER.encode() in far.sent)
        far.say(REFUSED_LOGIN)
        while pier.ends[-1] is far:
            pier.wait_ms(100)
    assert used == [False, True, False, True]
    waits = [after - before for before, after in zip(pier.tries, pier.tries[1:], strict=False)]
    # half a minute only once both were refused
    assert waits[1] < REFUSED_MS <= waits[2]
    # and the newest first again once a connection was made
    pier.up().reader.end()
    pier.wait_ms(RETRY_MS_MAX)
    assert b"42-2" in pier.ends[-1].sent


def test_a_broker_that_is_starting_is_asked_again_soon_and_with_the_same_login():
    pier = Pier()
    pier.keys = KeysHeld(keys_held.with_keys(shop.settings_for(1883), 2, bytes(32), "42-2", "p",
                                             ((1, shop.KEY),)), None)
    pier.ends[0].reader.end()
    pier.wait_ms(RETRY_MS)
    pier.ends[-1].say(b"\x20\x02\x00\x03")
    pier.wait_ms(3 * RETRY_MS)
    assert len(pier.ends) == 3 and named(pier) == "closed"
    assert all(b"42-2" in far.sent for far in pier.ends[1:])


def test_a_link_on_which_somebody_waits_is_found_dead_sooner():
    pier = Pier()
    far = pier.up()
    pier.places = WINDOW - 1
    pier.uplink.kick()
    pier.wait_ms(EAGER_MS)
    assert far.sent.endswith(b"\xc0\x00") and pier.uplink.up()
    pier.wait_ms(10001)
    assert named(pier) == "dead"
