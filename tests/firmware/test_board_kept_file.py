"""What is kept in a file: whole, or as it was before. Runs on both interpreters."""

import os

from firmware.board.kept_file import keep, kept
from tests.firmware.portable import raises

PATH = "/tmp/pointwire-kept-test"


def unlink():
    for name in (PATH, PATH + ".new"):
        try:
            os.remove(name) if hasattr(os, "remove") else os.unlink(name)
        except OSError:
            pass


def test_what_was_kept_last_is_found():
    unlink()
    assert kept(PATH) is None
    keep(PATH, b"one")
    keep(PATH, b"")
    assert kept(PATH) == b""
    keep(PATH, bytes(range(200)))
    assert kept(PATH) == bytes(range(200))
    assert raises(OSError, open, PATH + ".new")
    unlink()


def test_a_cut_at_any_byte_leaves_what_was_kept_before():
    unlink()
    keep(PATH, b"after")
    with open(PATH, "rb") as file:
        whole = file.read()
    keep(PATH, b"before")
    for size in range(len(whole) + 1):
        with open(PATH + ".new", "wb") as file:
            file.write(whole[:size])
        assert kept(PATH) == b"before"
    keep(PATH, b"after")
    assert kept(PATH) == b"after"
    unlink()


def test_what_is_torn_or_changed_is_not_there():
    unlink()
    keep(PATH, b"secret")
    with open(PATH, "rb") as file:
        whole = file.read()
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 4
        for damaged in (bytes(broken), whole[:place]):
            with open(PATH, "wb") as file:
                file.write(damaged)
            assert kept(PATH) is None
    unlink()


def test_what_cannot_be_written_leaves_what_was_kept():
    unlink()
    keep(PATH, b"before")
    os.mkdir(PATH + ".new")  # stands where the new file would be written
    assert raises(OSError, keep, PATH, b"after")
    os.rmdir(PATH + ".new")
    assert kept(PATH) == b"before"
    unlink()
