"""Headers and records: what was written is read, and nothing else is."""

from firmware.outbox_format import (
    BUFFER_SLOTS,
    CANCEL,
    FRAME_SIZE_MAX,
    MOVED,
    NOTE,
    SETTLE,
    SLOT_SIZE,
    TAP,
    Header,
    Record,
    read_header,
    read_money,
    read_origin,
    read_outcome,
    set_source,
    slots_of,
    write_header,
    write_note,
    write_settle,
    write_tap,
)

HEADER = Header(1, 17, 124, 336, 900000, 5, 6, 0xFFFFFFFF, 0xFFFFFFFE, 100000)


def buffer():
    return bytearray(BUFFER_SLOTS * SLOT_SIZE)


def parsed(data):
    record = Record()
    record.parse(memoryview(data), 0, len(data))
    return record


def test_a_header_is_read_as_it_was_written():
    data = bytearray(SLOT_SIZE)
    write_header(data, HEADER)
    assert read_header(data) == HEADER


def test_no_single_flipped_bit_leaves_a_header_or_a_record_valid():
    header, tap, settle, note = bytearray(SLOT_SIZE), buffer(), buffer(), buffer()
    write_header(header, HEADER)
    size = 20 + 93
    write_tap(tap, 7, 8, bytes(range(93)))
    write_settle(settle, 7, 8, 0, -15, 99)
    write_note(note, 7, 8)
    for data, length in ((tap, size), (settle, 32), (note, 32)):
        assert parsed(data).kind
        for bit in range(length * 8):
            data[bit >> 3] ^= 1 << (bit & 7)
            assert not parsed(data).kind, bit
            data[bit >> 3] ^= 1 << (bit & 7)
    for bit in range(SLOT_SIZE * 8):
        header[bit >> 3] ^= 1 << (bit & 7)
        assert read_header(header) is None, bit
        header[bit >> 3] ^= 1 << (bit & 7)


def test_erased_and_zeroed_flash_hold_nothing():
    for byte in (0xFF, 0x00):
        data = bytearray(bytes([byte]) * (BUFFER_SLOTS * SLOT_SIZE))
        assert read_header(data[:SLOT_SIZE]) is None and not parsed(data).kind


def test_a_tap_is_padded_to_slots_with_erased_bytes():
    data = buffer()
    assert write_tap(data, 1, 2, bytes(99)) == slots_of(99) == 4
    assert data[20 + 99:128] == b"\xff" * 9
    record = parsed(data)
    assert (record.kind, record.slots, record.size, record.journal, record.trace, record.source) \
        == (TAP, 4, 99, 1, 2, 0)


def test_the_largest_frame_of_the_wire_takes_33_slots():
    data = buffer()
    assert write_tap(data, 1, 2, bytes(1024)) == 33
    assert parsed(data).size == 1024


def test_a_record_that_reaches_behind_what_was_read_is_not_certain():
    data = buffer()
    write_tap(data, 1, 2, bytes(200))
    record = Record()
    assert not record.parse(memoryview(data), 0, 64) and record.slots == 7 and not record.kind


def test_a_copy_names_its_source_and_keeps_its_frame():
    data = buffer()
    write_tap(data, 1, 2, b"frame")
    set_source(data, 0, parsed(data), 4242)
    record = parsed(data)
    assert (record.kind, record.source, record.trace) == (TAP, 4242, 2)
    assert data[20:25] == b"frame"


def test_a_moved_tap_names_what_it_stands_in_for_and_a_copy_of_it_does_too():
    data = buffer()
    frame = bytes(FRAME_SIZE_MAX)
    slots = write_tap(data, 1, 2, frame, MOVED | CANCEL, (0xFFFFFFFF, 41))
    assert slots == slots_of(FRAME_SIZE_MAX, MOVED) <= BUFFER_SLOTS
    set_source(data, 0, parsed(data), 4242)
    record = parsed(data)
    assert (record.kind, record.flags, record.size) == (TAP, MOVED | CANCEL, FRAME_SIZE_MAX)
    assert (record.source, record.slots) == (4242, slots)
    assert read_origin(data, 0, record.size) == (0xFFFFFFFF, 41)
    data[20 + FRAME_SIZE_MAX + 4] ^= 1
    assert parsed(data).kind == 0


def test_an_answer_keeps_the_difference_between_nothing_and_zero():
    data = buffer()
    for answer in ((0, 0, 0), (41, None, None), (255, -9007199254740991, None),
                   (0, 9007199254740991, 0xFFFFFFFF)):
        write_settle(data, 3, 4, *answer)
        record = parsed(data)
        assert (record.kind, record.journal, record.trace) == (SETTLE, 3, 4)
        assert read_outcome(data, 0) == answer and read_money(data, 0) is None


def test_an_answer_keeps_its_money_beside_the_receipt():
    data = buffer()
    for money_minor in (0, 1, 0xFFFFFFFF):
        write_settle(data, 3, 4, 0, -6, 0xFFFFFFFF, money_minor, 1)
        assert parsed(data).kind == SETTLE and data[3] == 1
        assert read_outcome(data, 0) == (0, -6, 0xFFFFFFFF)
        assert read_money(data, 0) == money_minor
    write_settle(data, 3, 4, 0, -6, 99, 1 << 32)
    assert read_outcome(data, 0) == (0, -6, 99) and read_money(data, 0) is None


def test_a_note_keeps_journal_and_last_trace():
    data = buffer()
    write_note(data, 0xFFFFFFFF, 0xFFFFFFFE)
    record = parsed(data)
    assert (record.kind, record.journal, record.trace) == (NOTE, 0xFFFFFFFF, 0xFFFFFFFE)
