"""The test flash is strict where NOR flash is, and honest about interrupted operations."""

import random

import pytest

from simulator.flash import (
    ALL,
    BITS,
    BLOCK_SIZE,
    FIRST_HALF,
    LAST_HALF,
    MIXED,
    NOTHING,
    FlashMisuse,
    NorFlash,
    PowerCut,
)


def flash(torn: str = MIXED, seed: int = 1) -> NorFlash:
    return NorFlash(8, random.Random(seed), torn)


def read(device: NorFlash, block: int, offset: int, size: int) -> bytes:
    data = bytearray(size)
    device.readblocks(block, data, offset)
    return bytes(data)


def cut_program(device: NorFlash, data: bytes = bytes(64)) -> NorFlash:
    device.cut_at = device.operations + 1
    with pytest.raises(PowerCut):
        device.writeblocks(2, data, 32)
    return device.reborn()


def test_a_program_clears_bits_and_only_clears_them():
    device = flash()
    device.writeblocks(1, b"\xf0\xff", 10)
    device.writeblocks(1, b"\xc0\xff", 10)
    assert read(device, 1, 9, 4) == b"\xff\xc0\xff\xff"
    with pytest.raises(FlashMisuse):
        device.writeblocks(1, b"\xf0", 10)


def test_writing_without_an_offset_erases_first():
    device = flash()
    device.writeblocks(1, bytes(100), 2000)
    device.writeblocks(1, b"\x55")
    assert read(device, 1, 0, BLOCK_SIZE) == b"\x55" + b"\xff" * (BLOCK_SIZE - 1)
    assert (device.programs, device.erases, device.operations) == (2, 1, 3)


def test_a_program_outside_of_its_block_is_misuse():
    device = flash()
    for block, data, offset in ((8, b"x", 0), (1, b"xy", 4095), (1, b"", 0)):
        with pytest.raises(FlashMisuse):
            device.writeblocks(block, data, offset)


def test_erased_blocks_cost_no_memory():
    device = NorFlash(1_000_000, random.Random(1))
    device.writeblocks(999_999, b"x", 0)
    device.ioctl(6, 999_999)
    device.ioctl(6, 5)
    assert not device._content


@pytest.mark.parametrize(("torn", "expected"), [
    (NOTHING, b"\xff" * 64), (ALL, bytes(64)),
    (FIRST_HALF, bytes(32) + b"\xff" * 32), (LAST_HALF, b"\xff" * 32 + bytes(32)),
])
def test_an_interrupted_program_reads_as_its_mode_says(torn, expected):
    device = cut_program(flash(torn))
    assert read(device, 2, 32, 64) == expected
    assert read(device, 2, 0, 32) == b"\xff" * 32


@pytest.mark.parametrize("torn", [BITS, MIXED])
def test_an_interrupted_program_reads_differently_each_time_until_it_is_erased(torn):
    device = cut_program(flash(torn))
    seen = {read(device, 2, 32, 64) for _ in range(40)}
    assert len(seen) > 3
    device.ioctl(6, 2)
    assert {read(device, 2, 32, 64) for _ in range(10)} == {b"\xff" * 64}


def test_an_interrupted_erase_leaves_any_mixture_of_old_and_erased():
    device = flash(BITS)
    device.writeblocks(2, bytes(64), 32)
    device.ioctl(3, 0)
    device.cut_at = device.operations + 1
    with pytest.raises(PowerCut):
        device.ioctl(6, 2)
    device = device.reborn()
    seen = {read(device, 2, 32, 64) for _ in range(10)}
    assert len(seen) > 3 and read(device, 2, 96, 32) == b"\xff" * 32


def test_programming_over_an_interrupted_operation_is_misuse_until_the_block_is_erased():
    device = cut_program(flash(NOTHING))
    device.writeblocks(2, b"x", 96)
    with pytest.raises(FlashMisuse):
        device.writeblocks(2, b"x", 95)
    device.ioctl(6, 2)
    device.writeblocks(2, b"x", 95)


def test_what_was_not_synced_is_as_doubtful_as_what_was_interrupted():
    device = flash(NOTHING)
    device.writeblocks(1, b"synced", 0)
    device.ioctl(3, 0)
    device.writeblocks(1, b"not synced", 32)
    device = device.reborn()
    assert read(device, 1, 0, 6) == b"synced"
    assert read(device, 1, 32, 10) == b"\xff" * 10


def test_without_power_nothing_works():
    device = flash()
    device.cut()
    for call in (lambda: read(device, 1, 0, 1), lambda: device.writeblocks(1, b"x", 0),
                 lambda: device.ioctl(3, 0), lambda: device.ioctl(6, 1)):
        with pytest.raises(PowerCut):
            call()
    device.power_on()
    assert read(device, 1, 0, 1) == b"\xff"


def test_a_power_cut_is_not_an_exception_that_firmware_may_catch():
    assert not issubclass(PowerCut, Exception)


def test_the_same_seed_reads_the_same():
    first, second = (cut_program(flash(seed=9)) for _ in range(2))
    assert [read(first, 2, 32, 64) for _ in range(20)] == [
        read(second, 2, 32, 64) for _ in range(20)]


def test_a_copy_goes_its_own_way():
    device = flash()
    device.writeblocks(1, b"x", 0)
    other = device.copy()
    other.ioctl(6, 1)
    assert read(device, 1, 0, 1) == b"x" and read(other, 1, 0, 1) == b"\xff"
