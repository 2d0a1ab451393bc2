"""A flash partition in a file, for the unix board: same calls as esp32.Partition, same manners.

Law: a program only clears bits; an erase sets 4,096 bytes to 0xFF; `sync` reaches the disk as far
as the interpreter can. An empty file is an erased partition, made whole by the first write to it.
A file that has something and another size than its partition is not counted but refused: what is
left of a shorter one is not taken for the whole, nor is the beginning of somebody else's.
"""

import os
import sys

from firmware.outbox_format import OutboxUnreadable

BLOCK_SIZE = 4096
CUT_EXIT_CODE = 9
_ERASED = b"\xff" * 256


class FlashFile:
    """`blocks` blocks of 4,096 bytes in the file at `path`, made when it is not there."""

    def __init__(self, path, blocks):
        self.blocks = blocks
        self.operations = 0
        self._cut_at = None
        self._power_off = _exit
        try:
            self._file = open(path, "r+b")
        except OSError:
            open(path, "wb").close()
            self._file = open(path, "r+b")
        self._size = self._file.seek(0, 2)

    def readblocks(self, block, buffer, offset=0):
        start = self._place(block, offset, len(buffer))
        view = memoryview(buffer)
        present = max(0, min(len(buffer), self._size - start))
        if present:
            self._file.seek(start)
            if self._file.readinto(view[:present]) != present:
                raise OSError(5, "short read of the flash file")
        for at in range(present, len(buffer)):
            view[at] = 0xFF

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        start = self._place(block, offset, len(data))
        old = bytearray(len(data))
        self.readblocks(block, old, offset)
        for at in range(len(data)):
            old[at] &= data[at]
        self._write(start, old, len(data) // 2)

    def ioctl(self, operation, argument):
        if operation == 3:
            self._file.flush()
            if hasattr(os, "fsync"):  # MicroPython's flush is one
                os.fsync(self._file.fileno())
        elif operation == 4:
            self._check_size()
            return self.blocks
        elif operation == 5:
            return BLOCK_SIZE
        elif operation == 6:
            self._write(self._place(argument, 0, BLOCK_SIZE), None, BLOCK_SIZE // 2)
        return 0

    def cut_after(self, operations, power_off=None):
        """Power goes in the middle of the program or erase that follows `operations` others.

        Then `power_off` is called; by default the process ends at once.
        """
        self._cut_at = self.operations + operations + 1
        self._power_off = power_off or _exit

    def _check_size(self):
        if self._size not in (0, self.blocks * BLOCK_SIZE):
            raise OutboxUnreadable("wrong_size", "the outbox has %d bytes (%d blocks of %d), its "
                                   "settings say %d blocks; restore the one or the other"
                                   % (self._size, self._size // BLOCK_SIZE, BLOCK_SIZE,
                                      self.blocks))

    def close(self):
        self._file.close()

    def _place(self, block, offset, size):
        if not (0 <= block < self.blocks and 0 <= offset and offset + size <= BLOCK_SIZE):
            raise ValueError("no such place in the flash: block %d, offset %d" % (block, offset))
        return block * BLOCK_SIZE + offset

    def _write(self, start, data, half):
        self.operations += 1
        cut = self.operations == self._cut_at
        if not self._size:
            self._fill(0, self.blocks * BLOCK_SIZE)
        if data is None:
            self._fill(start, half if cut else BLOCK_SIZE)
        else:
            self._put(start, data[:half] if cut else data)
        if cut:
            self.ioctl(3, 0)
            self._power_off()

    # erased cells, in pieces: a handset's heap has no 4 KB in one piece to spare
    def _fill(self, start, size):
        while size > 0:
            self._put(start, _ERASED[:size])
            start += len(_ERASED)
            size -= len(_ERASED)

    def _put(self, start, data):
        self._file.seek(start)
        self._file.write(data)
        self._size = max(self._size, start + len(data))


def _exit():
    getattr(os, "_exit", sys.exit)(CUT_EXIT_CODE)
