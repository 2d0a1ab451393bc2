"""What the outbox costs: programs, erases and microseconds per record, and the time of a mount.

`python -m tools.bench_outbox` runs this same file on MicroPython (on CPython where the wheel
does not exist, and says so), on the test flash with a partition of the product's size. The
operations are exact; the microseconds are those of this machine and this test flash, not of an
ESP32.
"""

import gc
import json
import sys
import time

from firmware.outbox import Outbox, format_outbox
from simulator.flash import NorFlash

BLOCKS = 336
FRAME = bytes(99)  # the largest sale: 128 bytes with its frame and padding
JOURNAL = 1


class Steps:
    """Counts operations and time from one step to the next; `rows` are what was found."""

    def __init__(self, device):
        self.rows = []
        self.begin(device)

    def begin(self, device):
        self.device = device
        self._before = (device.programs, device.erases, device.reads)
        self._began = time.time_ns()

    def end(self, name, count):
        took_us = (time.time_ns() - self._began) // 1000
        now = (self.device.programs, self.device.erases, self.device.reads)
        made = [(after - before) * 1000 // count for after, before in zip(now, self._before)]  # noqa: B905
        self.rows.append([name, count] + made + [took_us * 1000 // count])
        self.begin(self.device)


def measure(blocks=BLOCKS, online=2000):
    """Rows of [step, how often, then per 1,000 times: programs, erases, reads, microseconds]."""
    device = NorFlash(blocks, None)
    format_outbox(device, JOURNAL)
    box = Outbox(device)
    box.mount()
    steps = Steps(device)
    while box.room(len(FRAME)):
        box.append(box.next_trace, FRAME)
    full = box.unsettled
    steps.end("tap, offline until full", full)
    box = _mount_again(steps, "mount, full of unsettled taps")
    for journal, trace in box.pending():
        box.settle(journal, trace, 0, 5, trace)
    steps.end("answer, draining", full)
    for number in range(online):
        box.append(box.next_trace, FRAME)
        box.settle(JOURNAL, box.last_trace, 0, 5, number)
        box.tidy()
    steps.end("tap and answer, online", online)
    _mount_again(steps, "mount, full of settled taps")
    return steps.rows


def _mount_again(steps, name):
    gc.collect()
    steps.begin(steps.device.reborn())
    box = Outbox(steps.device)
    box.mount()
    steps.end(name, 1)
    return box


def report(runtime, rows):
    """The lines a person reads."""
    yield f"The outbox of {BLOCKS} blocks on {runtime}, frames of {len(FRAME)} bytes"
    yield f"{'':30} {'times':>7} {'programs':>9} {'erases':>8} {'reads':>9} {'us':>10}"
    for name, count, programs, erases, reads, took in rows:
        figures = f"{_thousandths(programs):>9} {_thousandths(erases):>8} {_thousandths(reads):>9}"
        yield f"{name:30} {count:7} {figures} {_thousandths(took):>10}"


def _thousandths(value):
    return f"{value // 1000}.{value % 1000:03}"


def run_on_micropython(binary, blocks=BLOCKS, online=2000):
    """(runtime, rows) from this file run by the binary."""
    from tools import bench_runner

    return bench_runner.run_on_micropython(__file__, binary, "16M", blocks, online)


def main():
    """Command line: print the table."""
    from tools import bench_runner

    bench_runner.show(run_on_micropython, measure, report)


if __name__ == "__main__":
    if sys.implementation.name == "micropython":
        print(json.dumps([sys.version, measure(int(sys.argv[1]), int(sys.argv[2]))]))
    else:
        main()
