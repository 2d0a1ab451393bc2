"""The outbox's portable tests and a slice of its power cuts, on the interpreter that ships."""

import re

from tests.support.micropython import run

MODULES = ("test_outbox", "test_outbox_bitmap", "test_outbox_format", "test_outbox_mount",
           "test_outbox_ring", "test_outbox_search", "test_board_flash_file")

CUTS = """
from tests.firmware.outbox_life import cut_everywhere, cut_twice, storm
cuts = cut_everywhere(2, 40, ("mixed",)) + cut_twice(3, 40, "mixed", 11)
storm(1, 25)
print("cuts", cuts)
"""

HEAP = """
from firmware.board.flash_file import FlashFile
from firmware.outbox import Outbox, OutboxFull, format_outbox
from tests.firmware.outbox_life import Dice
from simulator.flash import NorFlash
import gc
device = NorFlash(336, Dice(1))
format_outbox(device, 7)
box = Outbox(device)
box.mount()
while box.room(99):
    box.append(box.next_trace, bytes(99))
device = device.reborn()
box = None
gc.collect()
before = gc.mem_alloc()
box = Outbox(device)
box.mount()
gc.collect()
print("held", box.unsettled, gc.mem_alloc() - before)
"""

JOURNALS = """
from firmware.outbox import Outbox, format_outbox
from firmware.outbox_kept import older_journals
from tests.firmware.portable import RamFlash
import gc
device = RamFlash(32)
format_outbox(device, 7)
box = Outbox(device)
box.mount()
for journal in range(8, 508):
    box.new_journal(journal)
    box.append(1, bytes(30))
    box.settle(journal, 1, 0)
older_journals(box, 1)
gc.collect()
ballast = None
while gc.mem_free() > 8192:
    for _ in range(gc.mem_free() // 512):
        ballast = ballast, bytearray(64)
    gc.collect()
print("told", older_journals(box, 500))
"""


def test_the_portable_tests_pass():
    names = ["tests.firmware." + name for name in MODULES]
    said = run(f"from tests.firmware.portable import run_all\nrun_all({names!r})", heap="16M")
    count = re.search(r"ran (\d+)", said)
    assert count and int(count[1]) > 60


def test_a_cut_at_every_operation_of_a_life_loses_nothing():
    said = run(CUTS, heap="32M", timeout_s=120)
    count = re.search(r"cuts (\d+)", said)
    assert count and int(count[1]) > 200


def test_a_full_outbox_holds_ten_thousand_taps_in_little_memory():
    """The objects of a 64-bit build, work buffer of 1,088 bytes included."""
    held = re.search(r"held (\d+) (\d+)", run(HEAP, heap="16M"))
    assert held and int(held[1]) >= 10000 and int(held[2]) < 5 * 1024


def test_hundreds_of_older_journals_are_told_one_by_one_in_little_memory():
    assert "told (500, (506, 1, 1))" in run(JOURNALS, heap="1M")
