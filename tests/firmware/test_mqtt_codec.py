"""MQTT packets as bytes, against the text of MQTT 3.1.1. Runs on both interpreters."""

from firmware import mqtt_codec as codec
from firmware.errors import MqttError
from tests.firmware.portable import raises


def publish(topic, packet_id, payload):
    out = bytearray()
    codec.put_publish(out, topic, packet_id, payload)
    return bytes(out)


def cut(cutter, data):
    """All packets that end within `data`."""
    cutter.feed(data)
    found = []
    while True:
        packet = cutter.next()
        if packet is None:
            return found
        found.append(packet)


def test_connect_is_clean_with_login_and_a_retained_will_at_qos_1():
    packet = codec.connect("42", "42-1", "secret", 60, "s", b"\x00")
    assert packet[:2] == b"\x10\x22"
    assert packet[2:9] == b"\x00\x04MQTT\x04"
    # user 80, password 40, will retain 20, will QoS 1 08, will 04, clean 02
    assert packet[9] == 0xEE
    assert packet[10:12] == b"\x00\x3c"
    assert packet[12:] == b"\x00\x0242\x00\x01s\x00\x01\x00\x00\x0442-1\x00\x06secret"


def test_publish_at_qos_1_carries_its_packet_id_and_at_qos_0_none():
    assert publish("ab", 258, b"xyz") == b"\x32\x09\x00\x02ab\x01\x02xyz"
    assert publish("ab", 0, b"xyz") == b"\x30\x07\x00\x02abxyz"


def test_lengths_of_128_and_more_take_two_bytes():
    packet = publish("t", 1, bytes(200))
    assert packet[:3] == b"\x32\xcd\x01"
    assert len(packet) == 3 + 205


def test_subscribe_asks_for_qos_1():
    out = bytearray()
    codec.put_subscribe(out, 1, "ab")
    assert out == b"\x82\x07\x00\x01\x00\x02ab\x01"


def test_packets_are_cut_however_the_stream_is_split():
    stream = publish("t", 1, b"one") + b"\x40\x02\x00\x07" + publish("t", 2, bytes(300))
    whole = cut(codec.Cutter(), stream)
    assert [first for first, _, _ in whole] == [0x32, 0x40, 0x32]
    for size in (1, 2, 3, 7, 100):
        cutter, pieces = codec.Cutter(), []
        for at in range(0, len(stream), size):
            pieces.extend(cut(cutter, stream[at:at + size]))
        assert pieces == whole, size


def test_a_packet_is_cut_when_it_is_asked_for_and_not_before():
    cutter = codec.Cutter()
    cutter.feed(b"\xd0\x00\x40\x02\x00\x07" + b"\x30\xff\xff\xff\x7f")
    assert cutter.next() == (codec.PINGRESP, b"", codec.WHOLE)
    assert cutter.next() == (codec.PUBACK, b"\x00\x07", codec.WHOLE)
    assert raises(MqttError, cutter.next)
    cutter.clear()
    assert cutter.next() is None


def test_a_published_message_gives_topic_id_and_payload():
    first, body, kept = cut(codec.Cutter(), publish("pw/1/42/down", 9, b"frame"))[0]
    assert kept == codec.WHOLE
    assert codec.read_publish(first, body) == (b"pw/1/42/down", 9, b"frame")


def test_a_message_too_large_for_the_buffer_still_shows_its_id_and_blocks_nothing():
    stream = publish("t", 77, bytes(5000)) + b"\x40\x02\x00\x07"
    cutter, pieces = codec.Cutter(), []
    for at in range(0, len(stream), 512):
        pieces.extend(cut(cutter, stream[at:at + 512]))
    assert [(first, kept) for first, _, kept in pieces] == [
        (0x32, codec.TOO_LARGE), (0x40, codec.WHOLE)]
    assert codec.read_publish(0x32, pieces[0][1])[1] == 77
    assert pieces[1][1] == b"\x00\x07"


def test_the_largest_reply_is_kept_whole_between_small_ones():
    stream = publish("pw/1/42/down", 1, b"small") + publish("pw/1/4294967295/down", 2, bytes(1400))
    stream += publish("t", 3, b"small")
    for size in (1, 100, 383, 384, 385, 512, 5000):
        cutter, pieces = codec.Cutter(), []
        for at in range(0, len(stream), size):
            pieces.extend(cut(cutter, stream[at:at + size]))
        assert [codec.read_publish(first, body)[1] for first, body, _ in pieces] == [1, 2, 3]
        assert all([kept == codec.WHOLE for _, _, kept in pieces])


def test_an_absurd_length_ends_the_connection():
    assert raises(MqttError, cut, codec.Cutter(), b"\x30\xff\xff\xff\x7f")
    assert raises(MqttError, cut, codec.Cutter(), b"\x30\xff\xff\xff\xff\x01")


def test_a_publish_cut_short_in_its_head_or_at_qos_2_ends_the_connection():
    assert raises(MqttError, codec.read_publish, 0x32, b"\x00\x05ab")
    assert raises(MqttError, codec.read_publish, 0x34, b"\x00\x01a\x00\x01x")


class Poor(codec.Cutter):
    """Has no memory for anything large."""

    def _grow(self, size):
        if size == codec.BUFFER_SIZE:
            raise MemoryError
        super()._grow(size)


def test_a_packet_for_which_there_is_no_memory_is_passed_over():
    stream = publish("t", 1, b"one") + publish("t", 2, bytes(1000)) + publish("t", 3, b"three")
    for size in (1, 7, 100, 384, 2000):
        cutter, pieces = Poor(), []
        for at in range(0, len(stream), size):
            pieces.extend(cut(cutter, stream[at:at + size]))
        assert [kept for _, _, kept in pieces] == [codec.WHOLE, codec.NO_MEMORY, codec.WHOLE]
        assert [codec.read_publish(first, body)[1] for first, body, _ in pieces] == [1, 2, 3]
        assert codec.read_publish(0x32, pieces[2][1])[2] == b"three"


def test_the_room_a_large_packet_took_is_given_back_with_the_connection():
    cutter = codec.Cutter()
    cut(cutter, publish("t", 2, bytes(1000)))
    assert len(cutter._buffer) == codec.BUFFER_SIZE
    cutter.clear()
    assert len(cutter._buffer) < 512
