"""From a tap to its sealed frame on flash, beside json.dumps + HMAC of the same content.

`python -m tools.bench_tap` runs this same file on MicroPython (on CPython where the wheel does not
exist, and says so). Law: `Dispatch.journal` as a tap calls it (request, seal, append, sync) and
JSON with the same HMAC routine, in one process, round by round in turn; a figure is the median of
the rounds, which are shorter than a turn of the scheduler. Only ratios are judged: the median of
those of each round. The code is resident, as in a product image that has it frozen; loading cold
units is not in it. The flash is memory with a driver that does nothing besides, erases included.
Garbage is collected between the rounds, as the handset does it between taps, and counted apart.

JSON writes to no flash, and its HMAC makes the key's pads each time, twice as fast as
micropython-lib's does. Shown and not judged: JSON with pads that are kept, as the sealer keeps
its own; and both on a file with as many syncs, the tap on the unix board's flash file.
"""

import gc
import json
import os
import sys
import time
from hashlib import sha256

from firmware.board.flash_file import FlashFile
from firmware.clock import Clock
from firmware.dispatch import Dispatch
from firmware.outbox import Outbox, format_outbox
from firmware.settings import settings
from protocol import fields, keys

RATIO_MAX_PERCENT = 300
ROUNDS = 31
TAPS_PER_ROUND = 20
HEAP = "1M"
BLOCKS = 12
BLOCK_SIZE = 4096
_ERASED = b"\xff" * BLOCK_SIZE
AT = 1763712000
SIDES = ("tap to frame on flash", "json.dumps + HMAC", "the same with kept pads",
         "tap to flash file, synced", "JSON, HMAC to file, synced")

KEY = bytes(range(32))
TERMINAL_ID = 10000042
JOURNAL = 1592605928
CARD = (2, 6200001234567892)
AMOUNT_MINOR = 123456


class Memory:
    """A flash whose driver costs as little as one can."""

    def __init__(self, blocks):
        self._blocks = [bytearray(_ERASED) for _ in range(blocks)]

    def readblocks(self, block, buffer, offset=0):
        buffer[:] = memoryview(self._blocks[block])[offset:offset + len(buffer)]

    def writeblocks(self, block, data, offset=0):
        self._blocks[block][offset:offset + len(data)] = data

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self._blocks)
        if operation == 5:
            return BLOCK_SIZE
        if operation == 6:
            self._blocks[argument][:] = _ERASED
        return 0


class Board:
    """What a Dispatch asks of one."""

    boot_count = 1
    reset_cause = 1
    outbox_device = None

    def random(self, size):
        return os.urandom(size)

    def save_settings(self, made):
        pass


class Till:
    """A handset that was just switched on, and whose clock is set."""

    def __init__(self, device):
        format_outbox(device, JOURNAL)
        self.outbox = Outbox(device)
        self.outbox.mount()
        made = settings(TERMINAL_ID, 1, KEY, "broker", 8883, "user", "password")
        clock = Clock(1)
        clock.set(AT, 0)
        self._dispatch = Dispatch(Board(), made, self.outbox, clock, _nobody, _nobody)

    def tap(self):
        self._dispatch.journal(fields.SALE, 3600000, card=CARD, amount_minor=AMOUNT_MINOR)

    def settle(self):
        """All of them, as if answered."""
        for journal, trace in list(self.outbox.pending()):
            self.outbox.settle(journal, trace, 0, 12, trace)
            self.outbox.tidy()

    def newest(self):
        return self.outbox.frame(JOURNAL, self.outbox.last_trace)


def _nobody(*values):
    pass


def as_json():
    """What the frame says, as JSON, and its MAC."""
    text = _text()
    return text, keys.hmac_sha256(KEY, text)


def _text():
    content = {"terminal_id": TERMINAL_ID, "epoch": 1, "type": "sale", "journal": JOURNAL,
               "trace": 40000, "at": AT + 3600, "clock_age": 3600, "card": CARD,
               "amount_minor": AMOUNT_MINOR}
    return json.dumps(content).encode()


_INNER, _OUTER = keys.pads(KEY)


def as_json_with_pads():
    """The same, the key's pads made beforehand."""
    text = _text()
    inner = sha256(_INNER)
    inner.update(text)
    outer = sha256(_OUTER)
    outer.update(inner.digest())
    return text, outer.digest()


def measure(rounds=ROUNDS, taps_per_round=TAPS_PER_ROUND):
    """[bytes of a frame, heap bytes of a tap and of JSON (None on CPython), rows of (name,
    nanoseconds per tap), what a tap costs in percent of JSON without and with kept pads]."""
    paths = [f"bench-{os.urandom(4).hex()}.{name}" for name in ("flash", "json")]
    tills = Till(Memory(BLOCKS)), Till(FlashFile(paths[0], BLOCKS))
    with open(paths[1], "ab") as file:

        def as_line():
            text, mac = as_json()
            file.write(text + mac)
            file.flush()
            if hasattr(os, "fsync"):  # MicroPython's flush is one
                os.fsync(file.fileno())

        makers = tills[0].tap, as_json, as_json_with_pads, tills[1].tap, as_line
        spent = [[] for _ in makers]
        for _ in range(rounds):
            for place, make in enumerate(makers):
                spent[place].append(_round_ns(make, taps_per_round))
            for till in tills:
                till.settle()
        heap = [_heap(make, taps_per_round) for make in (tills[0].tap, as_json)]
    for path in paths:
        os.remove(path)
    return [len(tills[0].newest()), heap,
            [(name, sorted(took)[rounds // 2] // taps_per_round)
             for name, took in zip(SIDES, spent)],  # noqa: B905
            [_percent(spent[0], spent[place]) for place in (1, 2)]]


def _percent(took, yardstick):
    return sorted([100 * a // b for a, b in zip(took, yardstick)])[len(took) // 2]  # noqa: B905


def _round_ns(make, times):
    gc.collect()
    began = time.time_ns()
    for _ in range(times):
        make()
    return time.time_ns() - began


def _heap(make, times):
    allocated = getattr(gc, "mem_alloc", None)
    if allocated is None:
        return None
    gc.collect()
    before = allocated()
    for _ in range(times):
        make()
    return (allocated() - before) // times


def ratio_percent(rows):
    """What a tap costs, in percent of json.dumps + HMAC."""
    return rows[3][0]


def reached(rows):
    return ratio_percent(rows) <= RATIO_MAX_PERCENT


def report(runtime, rows):
    """The lines a person reads."""
    yield f"A sale of {rows[0]} bytes on {runtime}"
    for place, (name, took_ns) in enumerate(rows[2]):
        heap = f"  {rows[1][place]:5} bytes of heap" if place < 2 and rows[1][place] else ""
        yield f"{name:26} {took_ns // 1000:5}.{took_ns % 1000 // 100} us{heap}"
    verdict = "reached" if reached(rows) else "NOT reached"
    yield (f"tap to frame on flash costs {times(ratio_percent(rows))} json.dumps + HMAC, which "
           f"writes to no flash (at most {times(RATIO_MAX_PERCENT)}): {verdict}; "
           f"{times(rows[3][1])} where JSON keeps the key's pads (not judged)")


def times(percent):
    """220 -> 2.20x"""
    return f"{percent // 100}.{percent % 100:02}x"


def run_on_micropython(binary, rounds=ROUNDS, taps_per_round=TAPS_PER_ROUND):
    """(runtime, rows) from this file run by the binary."""
    from tools import bench_runner

    return bench_runner.run_on_micropython(__file__, binary, HEAP, rounds, taps_per_round)


def main():
    """Command line: print the table; exit code 1 where the figure is missed."""
    from tools import bench_runner

    rows = bench_runner.show(run_on_micropython, measure, report)
    if rows is not None and not reached(rows):
        sys.exit(1)


if __name__ == "__main__":
    if sys.implementation.name == "micropython":
        print(json.dumps([sys.version, measure(int(sys.argv[1]), int(sys.argv[2]))]))
    else:
        main()
