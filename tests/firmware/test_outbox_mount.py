"""Mounting: what is refused and why, and what a torn tail becomes."""

from firmware.outbox import Outbox, OutboxUnreadable, format_outbox
from firmware.outbox_format import Header, read_header, write_header
from simulator.flash import BITS, NOTHING, NorFlash, PowerCut
from tests.firmware.outbox_life import Dice
from tests.firmware.portable import raises

JOURNAL = 77


def made(blocks=8, taps=0, torn="mixed"):
    device = NorFlash(blocks, Dice(1), torn)
    format_outbox(device, JOURNAL)
    box = mounted(device)
    for trace in range(1, taps + 1):
        box.append(trace, b"%04d" % trace * 24)
    return box, device


def mounted(device):
    box = Outbox(device)
    box.mount()
    return box


def refused(device):
    before = device.operations
    reason = raises(OutboxUnreadable, Outbox(device).mount).reason
    assert device.operations == before, "a refused mount wrote to the flash"
    return reason


def headers(device):
    found = []
    for block in range(device.blocks):
        data = bytearray(32)
        device.readblocks(block, data, 0)
        found.append(read_header(data))
    return found


def change_header(device, sequence=None, erases=None):
    header = headers(device)[0]
    fields = list(header)
    fields[4] = header.sequence if sequence is None else sequence
    fields[9] = header.erases if erases is None else erases
    data = bytearray(32)
    write_header(data, Header(*fields))
    device._content[0][:32] = data


def test_a_torn_record_is_ignored_and_its_trace_used_again():
    box, device = made(taps=3, torn=BITS)
    device.cut_at = device.operations + 1
    raises(PowerCut, box.append, 4, b"torn" * 24)
    box = mounted(device.reborn())
    assert (box.unsettled, box.next_trace) == (3, 4)
    box.append(4, b"another one")
    assert mounted(box._ring.device.reborn()).frame(JOURNAL, 4) == b"another one"


def test_a_head_whose_header_was_torn_is_passed_over():
    box, device = made(taps=31, torn=NOTHING)
    box.tidy()
    device.cut_at = device.operations + 1
    raises(PowerCut, box.append, 32, bytes(93))
    box = mounted(device.reborn())
    assert (box.unsettled, box.next_trace) == (31, 32)


def test_a_mount_spends_no_block_however_often_it_happens():
    _, device = made(taps=40)
    for _ in range(50):
        device = device.reborn()
        box = mounted(device)
    assert box._ring.free == 6 and box.unsettled == 40


def test_a_mount_erases_three_blocks_and_programs_a_block_twice():
    _, device = made(taps=31)
    device = device.reborn()
    erases, programs = device.erases, device.programs
    mounted(device)
    assert device.erases - erases == 3 and device.programs - programs <= 12


def test_the_relocated_head_is_the_mount_record():
    _, device = made(taps=5)
    before = headers(device)[0]
    device = device.reborn()
    mounted(device)
    after = headers(device)[0]
    assert after.sequence > before.sequence and after.copied_end == 1 + 5 * 4
    assert all(header is None for header in headers(device)[1:])


def test_blank_flash_is_refused_as_blank():
    assert refused(NorFlash(8, Dice(1))) == "blank"


def test_noise_is_refused_as_corrupt():
    device = NorFlash(8, Dice(1))
    for block in range(8):
        device.writeblocks(block, bytes(range(256)), 0)
    assert refused(device) == "corrupt"


def test_a_partition_of_another_size_is_refused():
    _, device = made(taps=3)
    device.blocks = 9
    assert refused(device) == "wrong_size"
    device.blocks = 7
    assert refused(device) == "wrong_size"
    said = str(raises(OutboxUnreadable, Outbox(device).mount))
    assert "has 7 blocks of 4096 bytes" in said and "at least 8" in said
    device.blocks = 8
    assert mounted(device).unsettled == 3


def test_a_newer_format_is_refused():
    _, device = made(taps=3)
    data = bytearray(32)
    write_header(data, Header(2, 0, 125, 8, 99999, 1, 0, JOURNAL, 3, 1))
    device.writeblocks(1, data, None)
    assert refused(device) == "newer_version"


def test_a_ring_with_a_block_missing_is_refused_and_comes_back_when_the_block_does():
    box, device = made(taps=100)
    whole = device.copy()
    device.ioctl(6, 1)
    assert refused(device) == "corrupt"
    assert mounted(whole).unsettled == box.unsettled == 100


def test_damage_in_the_middle_of_the_head_is_not_taken_for_a_torn_tail():
    _, device = made(taps=20)
    device._content[0][32 * 9 + 25] ^= 4
    assert refused(device) == "corrupt"


def test_damage_in_a_closed_block_is_named_before_anything_is_written():
    _, device = made(taps=100)
    device._content[1][32 * 9 + 25] ^= 4
    assert refused(device) == "corrupt"


def test_a_sequence_that_no_ring_reaches_is_damage_and_does_not_hinder_a_format():
    _, device = made(taps=3)
    change_header(device, sequence=0xFFFFFFFF)
    assert refused(device) == "corrupt"
    format_outbox(device, JOURNAL + 1)
    assert mounted(device).journal == JOURNAL + 1


def test_a_block_that_counts_no_more_erases_is_used_all_the_same():
    _, device = made(taps=3)
    change_header(device, erases=0xFFFFFFFF)
    assert mounted(device).unsettled == mounted(device.reborn()).unsettled == 3


def test_a_head_that_lost_its_header_is_not_passed_over_with_taps_in_it():
    _, device = made(taps=40)
    device._content[1][20] ^= 4
    assert refused(device) == "corrupt"
