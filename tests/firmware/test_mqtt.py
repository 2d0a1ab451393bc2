"""One MQTT connection as a state machine. Runs on both interpreters."""

from firmware import faults
from firmware import mqtt_codec as codec
from firmware.errors import MqttError
from firmware.mqtt import ANSWER_MS_MAX, SUBSCRIBING, UP, Connection
from tests.firmware.portable import raises

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x01"


def make():
    connection = Connection("42", 60, "down", "state", b"\x01", b"\x00")
    connection.open("42-1", "secret", 0)
    connection.ping_after_ms = 45000
    return connection


def up(now=0):
    """A connection that is up, its retained state acknowledged."""
    connection = make()
    connection.take()
    connection.receive(CONNACK, now)
    connection.receive(b"\x90\x03" + connection.take()[2:4] + b"\x01", now)
    connection.take()
    connection.receive(puback(2), now)
    return connection


def puback(packet_id):
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def message(packet_id, payload):
    out = bytearray()
    codec.put_publish(out, "down", packet_id, payload)
    return bytes(out)


def test_it_subscribes_and_waits_for_suback_before_the_first_publish():
    connection = make()
    assert connection.take()[0] == 0x10
    assert raises(MqttError, connection.publish, "up", b"frame", 0)
    assert connection.receive(CONNACK, 0) == []
    assert connection.stage == SUBSCRIBING
    assert connection.take()[0] == 0x82
    assert raises(MqttError, connection.publish, "up", b"frame", 0)
    assert connection.receive(SUBACK, 0) == [("up",)]
    assert connection.stage == UP


def test_once_up_it_says_so_on_its_retained_state_topic():
    connection = make()
    connection.receive(CONNACK, 0)
    connection.take()
    connection.receive(SUBACK, 0)
    assert connection.take() == b"\x33\x0a\x00\x05state\x00\x02\x01"


def test_a_refused_login_is_told_apart():
    connection = make()
    error = raises(MqttError, connection.receive, b"\x20\x02\x00\x05", 0)
    assert "return code 5" in error.args[0] and error.args[1] == faults.REFUSED


def test_only_a_refused_login_is_called_so():
    for code, fault in ((1, faults.CLOSED), (2, faults.CLOSED), (3, faults.CLOSED),
                        (4, faults.REFUSED), (5, faults.REFUSED), (255, faults.CLOSED)):
        error = raises(MqttError, make().receive, bytes((0x20, 2, 0, code)), 0)
        assert error.args[1] == fault


def test_a_refused_subscription_ends_the_connection():
    connection = make()
    connection.receive(CONNACK, 0)
    assert raises(MqttError, connection.receive,
                  b"\x90\x03\x00\x01\x80", 0).args[1] == faults.UNREADABLE


def test_every_answer_has_a_deadline_of_ten_seconds():
    waiting_for_connack = make()
    waiting_for_suback = make()
    waiting_for_suback.receive(CONNACK, 0)
    waiting_for_puback = up()
    waiting_for_puback.publish("up", b"frame", 0)
    for connection, fault in ((waiting_for_connack, faults.SILENT),
                              (waiting_for_suback, faults.SILENT),
                              (waiting_for_puback, faults.UNACKED)):
        connection.check(ANSWER_MS_MAX - 1)
        assert connection.due(ANSWER_MS_MAX - 1) == 1
        assert raises(MqttError, connection.check, ANSWER_MS_MAX).args[1] == fault


def test_a_quiet_link_is_pinged_and_dropped_when_the_ping_stays_unanswered():
    connection = up()
    assert connection.due(0) == 45000
    connection.check(45000)
    assert connection.take() == codec.PINGREQ
    connection.receive(b"\xd0\x00", 46000)
    connection.check(60000)
    connection.check(90000)
    assert connection.take() == codec.PINGREQ
    assert raises(MqttError, connection.check, 100000).args[1] == faults.DEAD


def test_an_answer_to_a_ping_that_nobody_sent_ends_the_connection():
    PINGRESP = b"\xd0\x00"
    assert raises(MqttError, up().receive, PINGRESP, 0).args[1] == faults.GARBLED
    connection = up()
    connection.check(45000)
    assert raises(MqttError, connection.receive, 2 * PINGRESP, 46000).args[1] == faults.GARBLED


def test_a_broker_that_sends_and_does_not_read_cannot_fill_the_memory():
    connection = up()
    flood = message(9, b"reply") * 100

    def until_dropped():
        for _ in range(100):
            connection.receive(flood, 0)

    assert raises(MqttError, until_dropped).args[1] == faults.GARBLED
    assert len(connection.take()) < 8192


def test_a_packet_that_never_ends_is_as_silent_as_no_packet():
    connection = up()
    connection.receive(b"\x30\xff\xff\x03\x00\x04down", 0)
    now, events = 0, []
    while now < 45000 + ANSWER_MS_MAX - 1:
        now += 1
        events.extend(connection.receive(b"x", now))
        connection.check(now)
    assert events == [("message", b"down", b"")]
    assert raises(MqttError, connection.check, now + 1).args[1] == faults.DEAD


def test_a_packet_longer_than_any_of_ours_ends_the_connection():
    for length in (b"\x80\x80\x04", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff\x01"):
        assert raises(MqttError, up().receive, b"\x30" + length, 0).args[1] == faults.GARBLED


def test_what_is_sent_puts_the_ping_off():
    connection = up()
    packet_id = connection.publish("up", b"frame", 30000)
    connection.receive(puback(packet_id), 30001)
    connection.take()
    connection.check(45000)
    assert connection.take() == b""


def test_a_puback_names_its_publish_once():
    connection = up()
    packet_id = connection.publish("up", b"frame", 0)
    assert connection.receive(puback(packet_id), 1) == [("acked", packet_id)]
    assert connection.receive(puback(packet_id), 2) == []
    connection.check(ANSWER_MS_MAX)


def test_a_message_is_handed_over_and_acknowledged():
    connection = up()
    assert connection.receive(message(513, b"reply"), 0) == [("message", b"down", b"reply")]
    assert connection.take() == puback(513)


def test_an_oversized_message_is_acknowledged_and_told_as_one_that_nobody_can_read():
    connection = up()
    stream = message(9, bytes(4000)) + message(10, b"next")
    events = []
    for at in range(0, len(stream), 512):
        events.extend(connection.receive(stream[at:at + 512], 0))
    assert events == [("message", b"down", b""), ("message", b"down", b"next")]
    assert connection.take() == puback(9) + puback(10)


def test_packet_ids_wrap_and_pass_over_those_in_use():
    connection = up()
    kept = connection.publish("up", b"", 0)
    seen = []
    for _ in range(65535):
        packet_id = connection.publish("up", b"", 0)
        connection.take()
        connection.receive(puback(packet_id), 0)
        seen.append(packet_id) if len(seen) < 4 or packet_id < 8 else None
    assert kept not in seen
    assert 1 in seen and 65536 not in seen and 0 not in seen


def test_a_new_connection_remembers_nothing_of_the_old_one():
    connection = up()
    connection.publish("up", b"frame", 0)
    connection.receive(message(1, b"x")[:3], 0)
    connection.close()
    connection.open("42-2", "secret", 100000)
    connection.check(100001)
    hello = connection.take()
    assert hello[0] == 0x10 and b"42-2" in hello
    assert connection.receive(CONNACK, 100002) == []


def test_packets_a_broker_may_not_send_end_the_connection():
    for packet in (b"\x10\x00", b"\x82\x00", b"\xc0\x00", b"\x20\x02\x00\x00"):
        assert raises(MqttError, up().receive, packet, 0)


def test_a_message_that_nobody_subscribed_to_is_acknowledged_and_not_handed_out():
    connection = up()
    out = bytearray()
    codec.put_publish(out, "another", 9, b"frame")
    assert connection.receive(bytes(out), 0) == [] and connection.take() == puback(9)
