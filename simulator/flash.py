"""NOR flash with a power switch: the device on which the outbox is proven.

Law: it is at least as nasty as a real part.
- A program may only clear bits, and may not touch what an interrupted operation left behind;
  doing so raises FlashMisuse, because on hardware it would be a silent corruption.
- `writeblocks` without an offset erases first, as on ESP32.
- The operation at which power goes (`cut_at`) may have changed any subset of its bits. What it
  touched reads differently each time until the block is erased in full.
- So does everything written after the last sync: what was not synced was not promised.

Operations are programs and erases, counted from 1; `on_cut` is called when `cut_at` was met.
Blocks that were never programmed cost no memory. Runs on MicroPython too; `random` needs
`getrandbits` only.
"""

BLOCK_SIZE = 4096

# How an interrupted operation reads: drawn anew for each read, or the same mode every time.
MIXED = "mixed"
NOTHING = "nothing"
ALL = "all"
FIRST_HALF = "first half"
LAST_HALF = "last half"
BITS = "bits"
MODES = (MIXED, NOTHING, ALL, FIRST_HALF, LAST_HALF, BITS)


class PowerCut(BaseException):
    """The power is gone. Not an Exception: no firmware may catch it."""


class FlashMisuse(AssertionError):
    """The program did what NOR flash cannot do."""


class NorFlash:
    """A block device of `blocks` blocks as MicroPython knows them, all erased at first."""

    def __init__(self, blocks, random, torn=MIXED):
        self.blocks = blocks
        self.torn = torn
        self.operations = self.programs = self.erases = self.reads = self.syncs = 0
        self.cut_at: int | None = None
        self.on = True
        self.before_operation = None
        self.on_cut = None
        self.misreads = False
        self._random = random
        self._content = {}
        self._torn = {}
        self._unsynced = []

    # -- the block device --------------------------------------------------------------------

    def readblocks(self, block, buffer, offset=0):
        self._powered()
        self.reads += 1
        size = len(buffer)
        content = self._content.get(block)
        if content is None:
            buffer[:] = b"\xff" * size
        else:
            buffer[:] = memoryview(content)[offset:offset + size]
        for start, before in self._torn.get(block, ()):
            self._blur(buffer, offset, start, before)
        if self.misreads:  # a bad contact: one data line reads as 0
            buffer[:] = bytes(each & 0xFE for each in buffer)

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        data = bytes(data)
        cut = self._operation("program", block, offset, data)
        end = offset + len(data)
        if not data or end > BLOCK_SIZE or not 0 <= block < self.blocks:
            raise FlashMisuse(f"program of {len(data)} bytes at {offset} of block {block}")
        content = self._content.get(block)
        if content is None:
            content = self._content[block] = bytearray(b"\xff" * BLOCK_SIZE)
        before = bytes(content[offset:end])
        for start, torn in self._torn.get(block, ()):
            if offset < start + len(torn) and start < end:
                raise FlashMisuse(f"program over an interrupted operation in block {block}")
        if _and(before, data) != data:
            raise FlashMisuse(f"program sets a cleared bit in block {block} at {offset}")
        content[offset:end] = data
        self.programs += 1
        self._done(block, offset, before, cut)

    def ioctl(self, operation, argument):
        self._powered()
        if operation == 3:
            self.syncs += 1
            self._unsynced.clear()
        elif operation == 4:
            return self.blocks
        elif operation == 5:
            return BLOCK_SIZE
        elif operation == 6:
            self._erase(argument)
        return 0

    # -- the power switch --------------------------------------------------------------------

    def cut(self):
        """Power goes now, between two operations."""
        self.on = False
        for block, start, before in self._unsynced:
            self._tear(block, start, before)
        self._unsynced.clear()

    def power_on(self):
        """Power is back. A program of the boot before must not touch this device any more:
        hand the new one `reborn()`."""
        self.on = True
        self.cut_at = None

    def reborn(self):
        """The same flash for the next boot; this object stays dead for the one before."""
        self.cut()
        return self.copy()

    def copy(self, random=None, torn=None):
        """A second device with the same content, powered, without a planned cut."""
        made = NorFlash(self.blocks, random or self._random, torn or self.torn)
        made.operations, made.programs, made.erases = self.operations, self.programs, self.erases
        made._content = {block: bytearray(data) for block, data in self._content.items()}
        made._torn = {block: list(spans) for block, spans in self._torn.items()}
        made._unsynced = list(self._unsynced)
        made.misreads = self.misreads
        return made

    # -- within ------------------------------------------------------------------------------

    def _powered(self):
        if not self.on:
            raise PowerCut()

    def _operation(self, kind, block, offset, data):
        self._powered()
        if self.before_operation is not None:
            self.before_operation(kind, block, offset, data)
        self.operations += 1
        return self.operations == self.cut_at

    def _erase(self, block):
        cut = self._operation("erase", block, 0, b"")
        if not 0 <= block < self.blocks:
            raise FlashMisuse(f"erase of block {block}")
        content = self._content.pop(block, None)
        before = bytes(content) if content is not None else None
        torn = self._torn.pop(block, None)
        self.erases += 1
        if before is None and not torn:
            self._powered_off_if(cut)
            return
        if torn and before is not None:
            before = bytearray(before)
            for start, old in torn:
                self._blur(before, 0, start, old)
            before = bytes(before)
        self._done(block, 0, before or b"\xff" * BLOCK_SIZE, cut)

    def _done(self, block, start, before, cut):
        self._unsynced.append((block, start, before))
        self._powered_off_if(cut)

    def _powered_off_if(self, cut):
        if cut:
            self.cut()
            if self.on_cut is not None:
                self.on_cut()
            raise PowerCut()

    def _tear(self, block, start, before):
        if block not in self._content:
            self._content[block] = bytearray(b"\xff" * BLOCK_SIZE)
        self._torn.setdefault(block, []).append((start, before))

    # Put what an interrupted operation may look like into a buffer read at `offset`.
    def _blur(self, buffer, offset, start, before):
        low, high = max(offset, start), min(offset + len(buffer), start + len(before))
        if low >= high:
            return
        mode = self.torn
        if mode == MIXED:
            mode = MODES[1 + self._random.getrandbits(8) % 5]
        half = start + len(before) // 2
        if mode == ALL:
            return
        if mode == FIRST_HALF:
            low = max(low, half)
        elif mode == LAST_HALF:
            high = min(high, half)
        for at in range(low, high):
            new, old = buffer[at - offset], before[at - start]
            if new != old:
                mask = self._random.getrandbits(8) if mode == BITS else 0
                buffer[at - offset] = (new & mask) | (old & ~mask & 0xFF)


def _and(first, second):
    size = len(first)
    return (int.from_bytes(first, "big") & int.from_bytes(second, "big")).to_bytes(size, "big")
