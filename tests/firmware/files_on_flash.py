"""Stories of the files' partition, told on MicroPython by test_board_files.py."""

import os

import vfs

from firmware.board import files
from tests.firmware.portable import RamFlash


class Partitions:
    """What `esp32.Partition` is to files.py."""

    TYPE_DATA = 1

    def __init__(self, **found):
        self.found = found

    def find(self, kind, label):
        assert kind == self.TYPE_DATA
        return [self.found[label]] if label in self.found else []


def fresh():
    """A flash as a factory leaves it: files formatted, an outbox that nobody may touch."""
    flash = Partitions(vfs=RamFlash(32), outbox=RamFlash(8))
    vfs.umount("/")
    vfs.VfsLfs2.mkfs(flash.found["vfs"])
    return flash


def unmount():
    os.chdir("/")
    vfs.umount("/")


def put(name, data):
    with open(name, "wb") as file:
        file.write(data)


def damage(flash):
    """Both superblocks."""
    for block in (0, 1):
        flash.found["vfs"]._cells[block * 4096:block * 4096 + 64] = bytes(64)


def cells(flash):
    return {label: bytes(flash.found[label]._cells) for label in flash.found}


def sound_files_are_mounted():
    flash = fresh()
    assert files.mount(vfs, flash) == files.fault() == ""
    put("/settings", b"mine")
    unmount()
    assert files.mount(vfs, flash) == ""
    with open("/settings", "rb") as file:
        assert file.read() == b"mine"


def damaged_files_are_named_and_left_as_they_are():
    flash = fresh()
    damage(flash)
    before = cells(flash)
    said = files.mount(vfs, flash)
    assert "cannot be read" in said and "outbox are safe" in said and said == files.fault()
    assert cells(flash) == before


def blank_files_are_named_and_left_as_they_are():
    flash = Partitions(vfs=RamFlash(32))
    vfs.umount("/")
    assert "cannot be read" in files.mount(vfs, flash)
    assert cells(flash) == {"vfs": b"\xff" * (32 * 4096)}


def a_missing_partition_is_named():
    vfs.umount("/")
    assert "no partition vfs" in files.mount(vfs, Partitions())


def a_technician_makes_new_files_and_the_outbox_stays():
    flash = fresh()
    damage(flash)
    outbox = bytes(flash.found["outbox"]._cells)
    files.mount(vfs, flash)
    files.make(vfs, flash)
    assert files.fault() == "" and bytes(flash.found["outbox"]._cells) == outbox
    put("/settings", b"new")
    unmount()
    assert files.mount(vfs, flash) == ""


def files_that_can_be_read_are_not_formatted():
    flash = fresh()
    files.mount(vfs, flash)
    put("/settings", b"mine")
    before = cells(flash)
    try:
        files.make(vfs, flash)
    except OSError as error:
        assert "can be read" in str(error)
    else:
        raise AssertionError("formatted")
    assert cells(flash) == before
