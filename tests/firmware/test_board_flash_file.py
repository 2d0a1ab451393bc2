"""A flash partition in a file behaves like one on a chip."""

import os

from firmware.board.flash_file import FlashFile
from firmware.outbox import Outbox, OutboxUnreadable, format_outbox
from tests.firmware.outbox_life import Dice
from tests.firmware.portable import raises


class Off(BaseException):
    """Stands for the end of the process."""


def power_off():
    raise Off()


def scratch():
    folder = "build" if "build" in os.listdir(".") else "."
    path = folder + "/test_flash_file.flash"
    try:
        os.remove(path)
    except OSError:
        pass
    return path


def with_file(check):
    path = scratch()
    try:
        check(path)
    finally:
        os.remove(path)


def test_a_new_file_reads_as_erased_flash_and_costs_nothing():
    def check(path):
        flash = FlashFile(path, 336)
        data = bytearray(64)
        flash.readblocks(335, data, 4032)
        assert data == b"\xff" * 64 and os.stat(path)[6] == 0
        assert (flash.ioctl(4, 0), flash.ioctl(5, 0)) == (336, 4096)
        flash.close()

    with_file(check)


def test_the_first_write_makes_the_partition_whole():
    def check(path):
        flash = FlashFile(path, 8)
        flash.writeblocks(2, b"kept", 32)
        assert os.stat(path)[6] == 8 * 4096
        flash.close()

    with_file(check)


def test_a_file_of_another_size_than_its_partition_says_both_and_is_left_as_it_is():
    def check(path):
        flash = FlashFile(path, 8)
        format_outbox(flash, 7)
        flash.close()
        with open(path, "rb") as file:
            whole = file.read()
        for size in (1, 4096, 7 * 4096, 8 * 4096 - 1, 8 * 4096 + 1, 16 * 4096):
            with open(path, "wb") as file:
                file.write((whole + whole)[:size])
            flash = FlashFile(path, 8)
            for use in ((Outbox(flash).mount,), (format_outbox, flash, 7)):
                error = raises(OutboxUnreadable, *use)
                assert error.reason == "wrong_size"
                assert f"({size // 4096} blocks of 4096)" in str(error)
                assert "settings say 8 blocks" in str(error)
            assert flash.operations == 0 and os.stat(path)[6] == size
            flash.close()

    with_file(check)


def test_a_file_cut_off_while_it_is_open_is_a_failing_device():
    def check(path):
        flash = FlashFile(path, 8)
        format_outbox(flash, 7)
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "wb") as file:
            file.write(whole[:6 * 4096 + 100])
        data = bytearray(64)
        flash.readblocks(0, data, 0)
        assert data == whole[:64]
        for block, offset in ((6, 64), (6, 4000), (7, 0)):
            raises(OSError, flash.readblocks, block, data, offset)
        assert raises(OSError, Outbox(flash).mount).errno == 5
        flash.close()

    with_file(check)


def test_programs_clear_bits_and_erases_set_them():
    def check(path):
        flash = FlashFile(path, 8)
        data = bytearray(4)
        flash.writeblocks(2, b"\x0f\xf0\xaa\xff", 100)
        flash.writeblocks(2, b"\xff\x3f\x0f\xff", 100)
        flash.readblocks(2, data, 100)
        assert data == b"\x0f\x30\x0a\xff"
        flash.writeblocks(3, b"next", 0)
        flash.ioctl(6, 2)
        flash.readblocks(2, data, 100)
        assert data == b"\xff" * 4
        flash.readblocks(3, data, 0)
        assert data == b"next"
        flash.writeblocks(3, b"over")
        flash.readblocks(3, data, 0)
        assert data == b"over"
        flash.close()

    with_file(check)


def test_what_was_written_is_there_for_the_next_process():
    def check(path):
        flash = FlashFile(path, 8)
        flash.writeblocks(5, b"kept", 32)
        flash.ioctl(3, 0)
        again, data = FlashFile(path, 8), bytearray(4)
        again.readblocks(5, data, 32)
        assert data == b"kept"
        again.readblocks(4, data, 32)
        assert data == b"\xff" * 4
        again.close()
        flash.close()

    with_file(check)


def test_a_place_outside_is_refused():
    def check(path):
        flash = FlashFile(path, 8)
        raises(ValueError, flash.readblocks, 8, bytearray(1), 0)
        raises(ValueError, flash.writeblocks, 0, b"ab", 4095)
        raises(ValueError, flash.ioctl, 6, -1)
        flash.close()

    with_file(check)


def test_an_outbox_in_a_file_survives_a_cut_at_each_operation():
    def check(path):
        dice = Dice(5)
        flash = FlashFile(path, 8)
        format_outbox(flash, 7)
        promised, cuts = {}, 0
        for operations in range(40):
            flash.close()
            flash = FlashFile(path, 8)
            flash.cut_after(operations, power_off)
            box = Outbox(flash)
            try:
                box.mount()
                assert set(box.pending()) >= set(promised)
                while True:
                    trace = box.next_trace
                    frame = b"%05d" % trace * (10 + dice.below(150))
                    box.append(trace, frame)
                    promised[(7, trace)] = frame
                    if len(promised) > 10:
                        key = min(promised)
                        frame = promised.pop(key)
                        box.settle(key[0], key[1], 0)
            except Off:
                cuts += 1
        flash.close()
        flash = FlashFile(path, 8)
        box = Outbox(flash)
        box.mount()
        for key, frame in promised.items():
            assert box.frame(*key) == frame
        assert cuts == 40
        flash.close()

    with_file(check)
