"""The chip on the bus does what its datasheet says, by hand, without the driver."""

import random

from simulator.card_field import Card
from simulator.mfrc522_chip import Mfrc522Chip

UID = b"\x01\x02\x03\x04"


class Bench:
    def __init__(self, *cards):
        self.us = 0
        self.chip = Mfrc522Chip(lambda: self.us, random)
        self.chip.cards = list(cards)
        self.us += 5000

    def transfer(self, *data):
        into = bytearray(len(data))
        self.chip.select.value(0)
        self.chip.write_readinto(bytes(data), into)
        self.chip.select.value(1)
        return bytes(into[1:])

    def read(self, register):
        return self.transfer(0x80 | register << 1, 0)[0]

    def write(self, register, *data):
        self.transfer(register << 1, *data)

    def air(self, *data, bits=0):
        """A frame and its answer; (IRQ bits, FIFO)."""
        self.write(0x01, 0)
        self.write(0x04, 0x7F)
        self.write(0x0A, 0x80)
        self.write(0x09, *data)
        self.write(0x01, 0x0C)
        self.write(0x0D, 0x80 | bits)
        self.us += 30000
        flags = self.read(0x04)
        return flags, bytes([self.read(0x09) for _ in range(self.read(0x0A))])

    def set_up(self):
        self.write(0x2A, 0x80)
        self.write(0x2B, 169)
        self.write(0x2D, 80)
        self.write(0x0E, 0)
        self.write(0x14, 0x83)
        self.us += 5000


def test_a_read_answers_one_byte_later_and_several_addresses_may_follow():
    bench = Bench()
    assert bench.transfer(0xEE, 0xEE, 0xA8, 0x00) == b"\x92\x92\x80"
    assert bench.read(0x26) == 0x48 and bench.read(0x36) == 0x40


def test_without_select_nothing_is_heard():
    bench = Bench()
    bench.chip.write(b"\x28\x83")
    assert bench.read(0x14) == 0x80


def test_the_fifo_holds_64_bytes_in_their_order_and_overflows():
    bench = Bench()
    bench.write(0x09, *range(65))
    assert bench.read(0x0A) == 64 and bench.read(0x06) & 0x10
    assert bench.transfer(0x92, 0x92, 0x92, 0x00) == b"\x00\x01\x02" and bench.read(0x0A) == 61
    bench.write(0x0A, 0x80)
    assert bench.read(0x0A) == 0


def test_irq_bits_are_set_and_cleared_by_the_first_bit():
    bench = Bench()
    bench.write(0x04, 0xA1)
    assert bench.read(0x04) & 0x21 == 0x21
    bench.write(0x04, 0x01)
    assert bench.read(0x04) & 0x21 == 0x20


def test_a_request_is_answered_in_the_field_and_only_there():
    bench = Bench(Card(UID))
    bench.set_up()
    bench.write(0x14, 0x80)
    assert bench.air(0x26, bits=7) == (0x01, b"")
    bench.write(0x14, 0x83)
    bench.us += 4000
    assert bench.air(0x26, bits=7) == (0x01, b""), "cards need 5 ms of it"
    assert bench.air(0x26, bits=7) == (0x20, b"\x04\x00")


def test_without_its_timer_a_frame_nobody_answers_never_ends():
    bench = Bench()
    bench.set_up()
    bench.write(0x2A, 0x00)
    assert bench.air(0x26, bits=7) == (0x00, b"")


def test_answers_that_differ_collide_at_their_first_bit():
    bench = Bench(Card(UID), Card(b"\x01\x02\x13\x04"))
    bench.set_up()
    bench.air(0x26, bits=7)
    flags, data = bench.air(0x93, 0x20)
    # byte 2, bit 4: the 21st; what follows is cleared
    assert flags & 0x22 == 0x22 and data == b"\x01\x02\x03\x00\x00"
    assert bench.read(0x06) & 0x08 and bench.read(0x0E) == 21


def test_the_self_test_needs_an_empty_buffer_a_zero_and_its_enable_bits():
    bench = Bench()
    bench.write(0x0A, 0x80)
    bench.write(0x09, *bytes(25))
    bench.write(0x01, 0x01)
    bench.write(0x36, 0x09)
    bench.write(0x09, 0x00)
    bench.write(0x01, 0x03)
    assert bench.read(0x0A) == 1
    bench.us += 3000
    assert bench.read(0x0A) == 64
    assert [bench.read(0x09) for _ in range(4)] == [0x00, 0xEB, 0x66, 0xBA]


def test_a_reset_takes_its_time_and_undoes_what_was_set():
    bench = Bench()
    bench.set_up()
    bench.write(0x01, 0x0F)
    assert bench.read(0x01) & 0x10 and bench.read(0x2B) == 0 and not bench.chip.field_on
    bench.us += 2000
    assert not bench.read(0x01) & 0x10


def test_each_fault_is_seen_on_the_bus():
    bench = Bench(Card(UID))
    bench.set_up()
    bench.chip.reset_after = 2
    assert (bench.read(0x2B), bench.read(0x2B), bench.read(0x2B)) == (169, 169, 0)
    bench.set_up()
    bench.chip.stuck = True
    assert bench.air(0x26, bits=7) == (0x00, b"")
    bench.chip.stuck, bench.chip.hung = False, True
    bench.write(0x01, 0x0F)
    assert bench.air(0x26, bits=7) == (0x00, b"")
    bench.chip.power.value(0)
    assert bench.read(0x37) == 0xFF
    bench.chip.power.value(1)
    bench.set_up()
    assert bench.air(0x26, bits=7) == (0x20, b"\x04\x00")
    for bus, value in (("zeros", 0x00), ("ones", 0xFF)):
        bench.chip.bus = bus
        assert bench.read(0x37) == value
    bench.chip.bus = "garbage"
    assert len({bench.read(0x37) for _ in range(40)}) > 5
