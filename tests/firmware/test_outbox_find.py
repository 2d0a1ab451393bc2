"""Rare questions to the outbox, each answered by one walk. Runs on both interpreters."""

from firmware.outbox import Outbox, format_outbox
from firmware.outbox_find import identity, tell_moves, void_of
from firmware.outbox_format import MOVED, write_tap
from tests.firmware.portable import RamFlash
from tests.firmware.replies import sale_frame, void_frame


def shelf():
    """Two sales, the void of the first, and the second moved to journal 9."""
    flash = RamFlash()
    format_outbox(flash, 7)
    outbox = mounted(flash)
    outbox.append(1, sale_frame(7, 1, 100))
    outbox.append(2, sale_frame(7, 2, 200))
    outbox.append(3, void_frame(7, 3, (7, 1)))
    outbox.new_journal(9)
    outbox.append(1, sale_frame(9, 1, 200), origin=(7, 2))
    return flash, outbox


def mounted(flash):
    outbox = Outbox(flash)
    outbox.mount()
    return outbox


def test_a_void_is_found_by_the_name_of_its_original():
    _, outbox = shelf()
    assert void_of(outbox, (7, 1)) == (7, 3)
    assert void_of(outbox, (7, 2)) is None and void_of(outbox, (9, 1)) is None


def test_another_void_that_waits_is_not_the_same_and_not_a_settled_one():
    _, outbox = shelf()
    assert void_of(outbox, (7, 1), (7, 3)) is None
    outbox.append(2, void_frame(9, 2, (7, 1)))
    assert void_of(outbox, (7, 1), (7, 3), True) == (9, 2)
    outbox.settle(9, 2, 0)
    assert void_of(outbox, (7, 1), (7, 3), True) is None
    assert void_of(outbox, (7, 1), (7, 3)) == (9, 2)


def test_what_moved_is_found_under_its_newest_name():
    _, outbox = shelf()
    outbox.new_journal(11)
    outbox.append(1, sale_frame(11, 1, 200), origin=(9, 1))
    assert identity(outbox, (7, 2)) == identity(outbox, (9, 1)) == (11, 1)
    assert identity(outbox, (7, 1)) == (7, 1)


def test_two_records_that_name_each_other_as_their_origin_end_the_search_all_the_same():
    """No program of ours writes them; one that did must not hold up every boot."""
    _, outbox = shelf()
    ring = outbox._ring
    ring.write(0, write_tap(ring.claim(), 11, 1, sale_frame(11, 1, 200), MOVED, (11, 2)))
    ring.write(0, write_tap(ring.claim(), 11, 2, sale_frame(11, 2, 200), MOVED, (11, 1)))
    assert identity(outbox, (11, 1)) in ((11, 1), (11, 2))


def test_a_mount_tells_of_what_moved_and_still_waits():
    flash, outbox = shelf()
    assert not outbox.found_moved
    found = mounted(flash)
    told = []
    tell_moves(found, lambda *said: told.append(said))
    assert found.found_moved and told == [("conflict", (7, 2), (9, 1))]
    found.settle(9, 1, 0)
    tell_moves(found, lambda *said: told.append(said))
    assert len(told) == 1
