"""MQTT 3.1.1 bytes: read against what paho writes, and refused where the standard says so."""

import pytest

from simulator import packets
from simulator.packets import Malformed, Publication


@pytest.mark.parametrize("size", [0, 1, 127, 128, 2000])
def test_a_packet_arriving_byte_by_byte_is_found_once_it_is_whole(size: int):
    whole = packets.packet(packets.PUBLISH, 2, bytes(size))
    held = bytearray()
    for index, byte in enumerate(whole):
        assert packets.split(held) is None or index == len(whole)
        held.append(byte)
    assert packets.split(held) == (packets.PUBLISH, 2, bytes(size))
    assert held == b""


def test_a_publication_is_read_as_it_was_written():
    sent = Publication("pw/1/7/up", b"frame", 1, False, True, 300)
    packet = packets.split(bytearray(packets.publish(sent)))
    assert packet is not None
    assert packets.read_publication(packet.flags, packet.body) == sent


def test_a_connect_with_everything_in_it_is_read():
    body = bytes.fromhex("00044d51545404ee003c") + b"\0\x017" + b"\0\x01s\0\x01\0" + \
        b"\0\x037-1" + b"\0\x02pw"
    login = packets.read_login(body)
    assert (login.client_id, login.user, login.password) == ("7", "7-1", b"pw")
    assert login.keepalive_s == 60 and login.clean and login.protocol == 4
    assert login.will == ("s", b"\0", 1, True)


@pytest.mark.parametrize("body", [
    b"", b"\0\x04MQTX\x04\x02\0\x3c\0\0", b"\0\x04MQTT\x04\x03\0\x3c\0\0", b"\0\x04MQTT\x04\x02\0",
    b"\0\x04MQTT\x04\x02\0\x3c\0\x02\xff\xfe"])
def test_a_connect_that_breaks_the_standard_is_malformed(body: bytes):
    with pytest.raises(Malformed):
        packets.read_login(body)


@pytest.mark.parametrize("held", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\x7f"])
def test_a_length_out_of_bounds_is_malformed_before_the_body_comes(held: bytes):
    with pytest.raises(Malformed):
        packets.split(bytearray(held))


def test_qos_2_and_packet_id_0_are_malformed():
    with pytest.raises(Malformed):
        packets.read_publication(4, b"\0\x01t\0\x01")
    with pytest.raises(Malformed):
        packets.read_publication(2, b"\0\x01t\0\0")


@pytest.mark.parametrize(("topic", "wanted", "match"), [
    ("pw/1/7/up", "pw/1/+/up", True), ("pw/1/7/up", "pw/1/7/up", True),
    ("pw/1/7/up", "pw/#", True), ("pw/1/7/up", "pw/1/+", False),
    ("pw/1/7", "pw/1/7/up", False), ("pw/1/7/down", "pw/1/7/up", False)])
def test_topic_filters(topic: str, wanted: str, match: bool):
    assert packets.matches(topic, wanted) is match
