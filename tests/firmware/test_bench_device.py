"""What a handset costs: that packets are counted as they are, and a limit is judged."""

import json
import socket
import struct

import pytest
from click.testing import CliRunner

from protocol import topics
from tests.firmware import bench_air, bench_device, heap_flows
from tests.firmware.bench_device import Part
from tests.firmware.heap_flows import Needed, Resident
from tests.firmware.replies import TERMINAL_ID, inquiry_frame, sale_frame
from tests.support import air
from tests.support.air import MSS, Exchange
from tests.support.system import missing

PORT = 8883


def packet(payload: int, source: int = 40000, target: int = PORT, options: int = 12) -> bytes:
    size = 20 + 20 + options + payload
    ip = struct.pack(">BBHIBBH8x", 0x45, 0, size, 0, 64, 6, 0)
    tcp = struct.pack(">HHIIBB6x", source, target, 0, 0, (20 + options) // 4 << 4, 0x18)
    return ip + tcp + bytes(options + payload)


def test_a_packet_counts_with_its_headers_in_its_direction():
    assert air.measured(packet(85), PORT) == Exchange(137, 0, 1, 0, 85, 12)
    assert air.measured(packet(0, PORT, 40000), PORT) == Exchange(0, 52, 0, 1, 0, 12)
    assert air.measured(packet(85, 40000, 80), PORT) is None


def test_what_the_loopback_carries_in_one_piece_counts_as_the_segments_of_a_modem():
    found = air.measured(packet(2 * MSS + 1, options=0), PORT)
    assert found is not None and (found.packets, found.total) == (3, 2 * MSS + 1 + 3 * 40)


def test_real_packets_of_one_port_are_seen_to_the_last_acknowledgement():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        try:
            packets = air.Packets(port)
        except PermissionError:
            missing("no raw sockets here: run as root")
            return
        with packets, socket.create_connection(("127.0.0.1", port)) as near:
            far, _ = listener.accept()
            found = packets.of(lambda: near.sendall(b"x" * 100))
            assert (found.payload, found.packets_up, found.packets_down) == (100, 1, 1)
            assert found.total == 100 + 2 * 40 + found.options
            far.close()


@pytest.mark.parametrize("data, size", [
    (b"\xc0\x00\xc0\x00", 2), (b"\x32\x80\x01" + bytes(128), 131), (b"\x32\x05abc", 0),
    (b"", 0), (b"\x32\x80", 0)])
def test_mqtt_packets_are_cut_where_they_end(data: bytes, size: int):
    assert air.first_packet(data) == data[:size]


def published(frame: bytes, topic: str = topics.up(TERMINAL_ID)) -> bytes:
    body = struct.pack(">H", len(topic)) + topic.encode() + b"\x00\x01" + frame
    head = bytes([0x32, len(body)]) if len(body) < 128 else bytes(
        [0x32, len(body) & 0x7F | 0x80, len(body) >> 7])
    return head + body


def test_each_exchange_is_named_by_what_begins_it():
    assert bench_air.begins(published(sale_frame())) == "sale"
    assert bench_air.begins(published(inquiry_frame())) == "other"
    assert bench_air.begins(published(b"online", topics.state(TERMINAL_ID))) == ""
    assert bench_air.begins(b"\xc0\x00") == "ping" and bench_air.begins(b"\x10\x00") == "login"
    assert bench_air.begins(b"\x40\x02\x00\x01") == ""


def test_a_month_is_its_pings_and_its_heartbeats():
    found = bench_air.Idle(Exchange(up=100), Exchange(up=400), 5, 240.0)
    assert bench_air.month_bytes(found, 60) == 57_600 * 100 + 720 * 400
    assert bench_air.month_bytes(found, 300) == 11_520 * 100 + 720 * 400


@pytest.mark.parametrize("heap_kb, said, reached", [
    (160, "160 KB (at most 160 KB): reached", True),
    (161, "161 KB (at most 160 KB): NOT reached", False),
    (None, "none of those tried KB (at most 160 KB): NOT reached", False)])
def test_the_largest_flow_is_judged(heap_kb: int | None, said: str, reached: bool):
    part = bench_device.of_heap(Resident(40960, 16384), [
        Needed("sale", 93, 10240, "a > b"), Needed("inquiry", heap_kb, 100, "c")])
    assert said in part.lines[-1] and part.reached is reached
    assert "50.0 KB" in part.lines[2]


@pytest.mark.parametrize("reached, code", [(True, 0), (None, 0), (False, 1)])
def test_the_exit_code_says_whether_all_was_reached(reached: bool | None, code: int,
                                                    monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench_device.handset_program, "micropython", lambda: "micropython")
    monkeypatch.setitem(bench_device.PARTS, "tap", lambda *_: Part(["x"], {"a": 1}, reached))
    ended = CliRunner().invoke(bench_device.main, ["--only", "tap", "--json"])
    assert ended.exit_code == code
    assert json.loads(ended.output) == {"tap": {"a": 1, "reached": reached}}


def test_packets_that_nobody_may_see_are_said_and_never_estimated(
        monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> Part:
        raise PermissionError("not permitted")

    monkeypatch.setattr(bench_device.handset_program, "micropython", lambda: "micropython")
    monkeypatch.setitem(bench_device.PARTS, "air", forbidden)
    ended = CliRunner().invoke(bench_device.main, ["--only", "air"])
    assert ended.exit_code == 1 and "air: not measured" in ended.output


class OneThatDied:
    """A handset whose panel has died, and which has its state no more."""

    said = ({"event": "died", "task": "panel"},)
    noise = ()
    asked = 0

    def do(self, what: str) -> dict[str, str]:
        self.asked += 1
        return {"state": "fault"}

    def story(self) -> str:
        return "its story"


def test_what_a_dead_handset_will_not_come_to_is_not_waited_for():
    handset = OneThatDied()
    with pytest.raises(AssertionError, match="its story"):
        heap_flows._reaches(handset, "home")  # type: ignore[arg-type]
    assert handset.asked == 1


class OneThatNeeds:
    """A till on which a story ends well from so many KB on; a lucky run does with less."""

    def __init__(self, heap_kb: int, lucky_kb: int) -> None:
        self._heap_kb, self._lucky_kb = heap_kb, lucky_kb

    def comes_through(self, command: object, steps: object, heap_kb: int, runs: int) -> bool:
        return heap_kb >= (self._lucky_kb if runs == 1 else self._heap_kb)


@pytest.mark.parametrize("heap_kb, lucky_kb, found", [
    (93, 93, 93), (95, 92, 95), (500, 500, None), (64, 60, 65)])
def test_the_smallest_heap_is_found_and_no_lucky_run_counts(heap_kb: int, lucky_kb: int,
                                                            found: int | None):
    till = OneThatNeeds(heap_kb, lucky_kb)
    for about in (0, 60, 66, 93, 120, 191):
        assert heap_flows.needed(till, [], (), about) == found  # type: ignore[arg-type]
