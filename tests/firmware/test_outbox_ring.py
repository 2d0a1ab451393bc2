"""The ring of blocks: order, reading and writing, free blocks."""

from firmware.outbox import format_outbox
from firmware.outbox_format import (
    NOTE,
    RECORDS_END,
    SLOT_SIZE,
    SLOTS,
    OutboxUnreadable,
    read_header,
    write_note,
    write_tap,
)
from firmware.outbox_mount import find_head, make_sure
from firmware.outbox_ring import Ring
from simulator.flash import NorFlash
from tests.firmware.outbox_life import Dice
from tests.firmware.portable import raises


def mount(made):
    make_sure(made, *find_head(made))


def ring(blocks=8):
    device = NorFlash(blocks, Dice(1))
    format_outbox(device, 7)
    made = Ring(device)
    mount(made)
    return made


def put(made, trace, size=93):
    made.write(0, write_tap(made.claim(), 7, trace, bytes(size)))


def test_records_are_walked_in_the_order_in_which_they_were_written():
    made = ring()
    for trace in range(1, 60):
        if made.head_room < 4:
            made.open(7, trace - 1)
        put(made, trace)
    traces = [made.record.trace for _ in made.walk(made.tail, 1)]
    assert traces == list(range(1, 60))
    block, slot = made.head, 1
    assert [made.record.trace for _ in made.walk(block, slot)] == list(range(32, 60))


def test_a_record_longer_than_what_is_left_of_the_window_is_read_again_whole():
    made = ring()
    for trace, size in enumerate((1000, 900, 1024), 1):
        put(made, trace, size)
    assert [made.record.size for _ in made.walk(made.tail, 1)] == [1000, 900, 1024]


def test_free_blocks_are_those_outside_of_tail_and_head():
    made = ring()
    assert made.free == 7 and made.holds(0) and not made.holds(1)
    made.open(7, 0)
    made.open(7, 0)
    assert made.free == 5 and made.holds(2)
    made.advance_tail()
    assert made.free == 6 and not made.holds(0)


def test_the_ring_goes_round_and_never_over_its_own_tail():
    made = ring()
    for _ in range(7):
        made.open(7, 0)
    raises(OutboxUnreadable, made.open, 7, 0)
    made.advance_tail()
    raises(OutboxUnreadable, made.open, 7, 0)  # the header on flash still names the old tail


def test_an_erased_block_ahead_is_not_erased_twice():
    made = ring()
    assert made.erased_ahead
    erases = made.device.erases
    made.open(7, 0)
    assert made.device.erases == erases and not made.erased_ahead
    made.erase_ahead()
    assert made.erased_ahead


def test_a_block_counts_how_often_it_was_erased():
    made = ring()
    for _ in range(3):
        made.erase_ahead()
    made.open(7, 0)
    assert made.header(1).erases > 1


def filled(slots):
    made = ring()
    while made.end < slots:
        assert made.head_room or made.end == RECORDS_END
        made.write(0, write_note(made.claim(), 7, 1))
    assert not made.head_room
    return made


def test_a_short_record_takes_one_slot_and_fills_a_block_but_for_the_last_slot():
    made = filled(RECORDS_END)
    made.open(7, 1)
    kinds = [made.record.kind for _ in made.walk(made.tail, 1)]
    assert kinds == [NOTE] * 126


def test_the_last_slot_of_a_block_has_the_header_of_the_next_one():
    made = filled(RECORDS_END)
    programs = made.device.programs
    made.open(7, 1)
    assert made.device.programs - programs == 2
    twin = bytearray(SLOT_SIZE)
    made.device.readblocks(0, twin, RECORDS_END * SLOT_SIZE)
    assert read_header(twin) == made.header(1)


def test_a_block_that_an_older_program_filled_to_the_last_slot_is_read_and_followed():
    made = filled(SLOTS)
    mount(made)
    assert made.end == SLOTS and not made.head_room
    made.open(7, 1)
    mount(made)
    kinds = [made.record.kind for _ in made.walk(made.tail, 1)]
    assert kinds == [NOTE] * 127
