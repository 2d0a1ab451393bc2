"""The outbox as its caller sees it: taps in, answers in, nothing lost, nothing given twice."""

from firmware.outbox import Outbox, OutboxFull, OutboxUnreadable, format_outbox
from simulator.flash import NorFlash
from tests.firmware.outbox_life import Dice, Life
from tests.firmware.portable import raises

JOURNAL = 77
SALE = bytes(range(93))


def outbox(blocks=8):
    device = NorFlash(blocks, Dice(1))
    format_outbox(device, JOURNAL)
    return mounted(device), device


def mounted(device):
    made = Outbox(device)
    made.mount()
    return made


def fill(box, size=93, reserve=False):
    """Append until it is refused; how many were taken."""
    count = 0
    try:
        while True:
            box.append(box.next_trace, bytes([box.next_trace & 255]) * size, reserve=reserve)
            count += 1
    except OutboxFull:
        return count


def test_a_fresh_outbox_is_empty_and_starts_at_trace_1():
    box, _ = outbox()
    assert (box.journal, box.next_trace, box.unsettled, box.last()) == (JOURNAL, 1, 0, None)
    assert list(box.records()) == list(box.pending()) == []


def test_a_tap_is_there_after_the_power_went():
    box, device = outbox()
    box.append(1, SALE)
    box = mounted(device.reborn())
    assert list(box.pending()) == [(JOURNAL, 1)]
    assert box.frame(JOURNAL, 1) == SALE
    assert box.next_trace == 2


def test_a_tap_is_synced_before_append_returns():
    box, device = outbox()
    syncs = device.syncs
    box.append(1, SALE)
    assert device.syncs > syncs and not device._unsynced


def test_a_settled_tap_does_not_wait_and_keeps_its_answer():
    box, device = outbox()
    box.append(1, SALE)
    assert box.settle(JOURNAL, 1, 0, -15, 4000000000)
    for each in (box, mounted(device.copy())):
        assert each.unsettled == 0 and not each.waits(JOURNAL, 1)
        assert [record.settled for record in each.records()] == [(0, -15, 4000000000)]


def test_an_answer_without_points_and_receipt_stays_without():
    box, _ = outbox()
    box.append(1, SALE)
    box.settle(JOURNAL, 1, 12)
    assert box.last().settled == (12, None, None)


def test_settling_what_does_not_wait_changes_nothing():
    box, device = outbox()
    box.append(1, SALE)
    box.settle(JOURNAL, 1, 0, 1, 1)
    programs = device.programs
    assert not box.settle(JOURNAL, 1, 0, 1, 1) and not box.settle(JOURNAL, 2, 0, 1, 1)
    assert device.programs == programs


def test_a_frame_can_be_read_into_a_buffer():
    box, _ = outbox()
    box.append(1, SALE)
    buffer = bytearray(200)
    assert box.frame(JOURNAL, 1, buffer) == SALE and buffer[:93] == SALE
    raises(KeyError, box.frame, JOURNAL, 2)


def test_a_wrong_trace_or_size_is_refused_before_anything_is_written():
    box, device = outbox()
    programs = device.programs
    raises(ValueError, box.append, 2, SALE)
    raises(ValueError, box.append, 0, SALE)
    raises(ValueError, box.append, 1, b"")
    raises(ValueError, box.append, 1, bytes(1025))
    assert device.programs == programs


def test_pending_comes_oldest_first_and_may_be_settled_on_the_way():
    box, _ = outbox()
    for trace in range(1, 300, 1):
        if trace % 50 == 0:
            box.raise_trace(box.next_trace + 200)
        box.append(box.next_trace, b"x")
    seen = []
    for key in box.pending():
        seen.append(key)
        if len(seen) % 2:
            box.settle(key[0], key[1], 0)
    assert len(seen) == 299 and seen == sorted(seen)
    assert list(box.pending()) == seen[1::2]
    assert box.following(seen[2]) == seen[3]


def test_raised_traces_stay_raised_after_a_reboot():
    box, device = outbox()
    box.append(1, SALE)
    box.raise_trace(41)
    box.raise_trace(7)
    assert box.next_trace == 42
    assert mounted(device.reborn()).next_trace == 42


def test_a_trace_is_not_given_again_after_the_ring_has_lapped_and_everything_is_settled():
    box, device = outbox()
    for trace in range(1, 400):
        box.append(trace, SALE)
        box.settle(JOURNAL, trace, 0, 1, 1)
    box = mounted(device.reborn())
    assert (box.next_trace, box.unsettled) == (400, 0)


def test_two_journals_live_side_by_side():
    box, device = outbox()
    box.append(1, b"old one")
    box.append(2, b"old two")
    box.new_journal(5)
    assert box.next_trace == 1
    box.append(1, b"new one")
    for each in (box, mounted(device.copy())):
        assert (each.journal, each.next_trace) == (5, 2)
        assert list(each.pending()) == [(JOURNAL, 1), (JOURNAL, 2), (5, 1)]
        assert each.frame(JOURNAL, 1) == b"old one" and each.frame(5, 1) == b"new one"
        assert each.last().frame == b"new one"
    box.settle(JOURNAL, 1, 62)
    assert box.waits(5, 1) and not box.waits(JOURNAL, 1)


def test_last_is_the_newest_tap_even_when_old_ones_were_copied_behind_it():
    box, device = outbox()
    box.append(1, b"stays for ever")
    for trace in range(2, 150):
        box.append(trace, SALE)
        box.settle(JOURNAL, trace, 0, trace, trace)
    for each in (box, mounted(device.copy())):
        assert (each.last().trace, each.last().settled) == (149, (0, 149, 149))
        assert each.frame(JOURNAL, 1) == b"stays for ever"


def test_a_tap_that_moved_is_not_newer_than_it_was():
    box, device = outbox()
    for trace in (1, 2, 3):
        box.append(trace, b"tap %d" % trace)
    box.new_journal(5)
    box.append(1, b"tap 1 again", origin=(JOURNAL, 1))
    for each in (box, mounted(device.copy())):
        assert each.last().frame == b"tap 3"
    box.append(2, b"tap 3 again", origin=(JOURNAL, 3))
    for each in (box, mounted(device.copy())):
        assert each.last().frame == b"tap 3 again"
    box.append(3, b"tap 2 again", origin=(JOURNAL, 2))
    box.new_journal(6)
    box.append(1, b"tap 3 moved twice", origin=(5, 2))
    for each in (box, mounted(device.copy())):
        assert each.last().frame == b"tap 3 moved twice"
    box.append(2, b"tap 4")
    box.append(3, b"tap 2 moved twice", origin=(5, 3))
    for each in (box, mounted(device.copy())):
        assert each.last().frame == b"tap 4"


def test_full_means_refused_with_nothing_overwritten():
    box, device = outbox()
    count = fill(box)
    assert count > 31 * 3 and not box.room(93)
    box = mounted(device.reborn())
    assert box.unsettled == count and not box.room(93)
    for journal, trace in box.pending():
        assert box.frame(journal, trace) == bytes([trace & 255]) * 93


def test_a_full_outbox_still_takes_voids_and_every_answer_in_any_order():
    for seed in range(6):
        box, device = outbox(9)
        sizes = (93, 1024, 300, 993)
        while box.room(sizes[box.next_trace % 4]):
            box.append(box.next_trace, bytes(sizes[box.next_trace % 4]))
        assert fill(box, 82, reserve=True) >= 20
        box.raise_trace(box.next_trace + 3)
        dice, waiting = Dice(seed), list(box.pending())
        while waiting:
            key = waiting.pop(dice.below(len(waiting)))
            assert box.settle(key[0], key[1], 0, 1, 1)
            if not dice.below(20):
                device = device.reborn()
                box = mounted(device)
            assert box.unsettled == len(waiting)


def test_a_full_outbox_takes_taps_again_as_answers_come():
    box, _ = outbox()
    fill(box)
    for key in list(box.pending())[:40]:
        box.settle(key[0], key[1], 0, 1, 1)
    assert fill(box) >= 30


def test_one_tap_may_wait_for_ever_while_thousands_pass():
    box, device = outbox()
    box.append(1, b"held back")
    for trace in range(2, 2500):
        box.append(trace, SALE)
        box.settle(JOURNAL, trace, 0, 1, 1)
    box = mounted(device.reborn())
    assert list(box.pending()) == [(JOURNAL, 1)] and box.frame(JOURNAL, 1) == b"held back"


def test_settled_taps_stay_until_their_block_is_needed():
    box, _ = outbox(16)
    for trace in range(1, 280):
        box.append(trace, SALE)
        box.settle(JOURNAL, trace, 0, trace, trace)
    kept = list(box.records())
    assert len(kept) >= 250 and kept[-1].trace == 279
    assert [record.settled[1] for record in kept] == [record.trace for record in kept]


def test_tidying_erases_the_next_block_and_then_has_nothing_to_do():
    box, device = outbox()
    box.append(1, SALE)
    while box.tidy():
        pass
    erases = device.erases
    assert not box.tidy()
    for trace in range(2, 33):
        box.append(trace, SALE)
    assert device.erases == erases


class Failing(NorFlash):
    """A device whose next programs fail half way, as a driver reports it."""

    failing = 0

    def writeblocks(self, block, data, offset=None):
        if self.failing:
            self.failing -= 1
            NorFlash.writeblocks(self, block, data[:len(data) // 2], offset)
            raise OSError(5, "program failed")
        NorFlash.writeblocks(self, block, data, offset)


def assert_untouched_until_mounted(box, device):
    """What a change that broke off has left behind nobody knows."""
    operations = device.operations
    for change in (lambda: box.append(box.next_trace, SALE), lambda: box.settle(JOURNAL, 1, 0),
                   lambda: box.raise_trace(9), lambda: box.new_journal(9), box.seen, box.tidy):
        assert box.doubtful
        raises(OSError, change)
    assert device.operations == operations
    box.mount()
    assert not box.doubtful


def test_after_a_failed_program_the_tap_is_not_there_and_the_next_goes_elsewhere():
    device = Failing(8, Dice(1))
    format_outbox(device, JOURNAL)
    box = mounted(device)
    box.append(1, SALE)
    device.failing = 1
    raises(OSError, box.append, 2, SALE)
    assert_untouched_until_mounted(box, device)
    assert box.unsettled == 1 and box.next_trace == 2
    box.append(2, b"again")
    device.failing = 1
    raises(OSError, box.settle, JOURNAL, 1, 0)
    assert_untouched_until_mounted(box, device)
    assert box.waits(JOURNAL, 1)
    box.settle(JOURNAL, 1, 0)
    box = mounted(device)
    assert list(box.pending()) == [(JOURNAL, 2)] and box.frame(JOURNAL, 2) == b"again"


def test_nothing_is_formatted_by_itself():
    blank = NorFlash(8, Dice(1))
    assert raises(OutboxUnreadable, Outbox(blank).mount).reason == "blank"
    assert blank.operations == 0


def test_a_journal_id_of_zero_or_too_large_is_refused():
    box, device = outbox()
    for journal in (0, -1, 1 << 32):
        raises(ValueError, box.new_journal, journal)
        raises(ValueError, format_outbox, device, journal)
    assert mounted(device).journal == JOURNAL


def test_formatting_again_forgets_everything():
    box, device = outbox()
    fill(box)
    format_outbox(device, 5)
    box = mounted(device)
    assert (box.journal, box.next_trace, box.unsettled) == (5, 1, 0)
    assert list(box.records()) == []


def test_a_long_life_without_faults_agrees_with_the_model():
    for seed in (1, 2):
        life = Life(seed, blocks=9, sizes=(93, 99, 93, 200))
        for step in range(600):
            life.step()
            if step % 100 == 0:
                life.model.check(life.outbox)
        assert life.taps > 150


def test_after_a_reboot_new_taps_stand_behind_a_straggler_of_an_older_journal():
    box, device = outbox(10)
    box.append(1, SALE)  # never settled, hence copied to the head as the ring goes round
    box.new_journal(JOURNAL + 1)
    for number in range(330):
        trace = box.next_trace
        box.append(trace, SALE)
        box.settle(JOURNAL + 1, trace, 0, 12, trace)
        if number > 150 and number % 10 == 0:
            booted = mounted(device.copy().reborn())
            trace = booted.next_trace
            booted.append(trace, SALE)
            assert booted.following((JOURNAL, 1)) == (JOURNAL + 1, trace), number


def test_a_full_outbox_moves_every_tap_though_voids_took_all_they_may():
    """A flash that was put back: each tap is a conflict, and must move before it can post."""
    for size, one_by_one in ((60, True), (99, True), (99, False), (310, True), (310, False)):
        box, device = outbox()
        fill(box, size)
        fill(box, 80, reserve=True)
        waiting = list(box.pending())
        box.new_journal(9)
        rounds = 0
        while waiting:
            rounds += 1
            assert rounds < 200, (size, one_by_one, len(waiting))
            moved = move(box, waiting, size, one_by_one)
            for trace in moved:
                assert box.settle(9, trace, 0, 1, 1)
            waiting = [key for key in waiting if box.waits(*key)]
        assert box.unsettled == mounted(device).unsettled == 0


def test_of_the_last_block_voids_leave_a_quarter_for_answers_and_moves():
    box, _ = outbox()
    fill(box)
    fill(box, 80, reserve=True)
    assert box._ring.free == 3 and 32 <= box._ring.head_room < 32 + 4


def move(box, waiting, size, one_by_one):
    """The new traces of those that found room, all of them or the first."""
    moved = []
    for key in waiting:
        try:
            box.append(box.next_trace, bytes(size), True, origin=key, spare=128)
        except OutboxFull:
            continue
        moved.append(box.last_trace)
        if one_by_one:
            break
    return moved


def test_a_mount_finds_what_did_not_post_behind_the_newest_acknowledgement():
    box, device = outbox()
    answers = ((0, None), (12, None), (41, None), (63, 9), (40, None), (38, None), (62, None))
    for trace, (code, receipt) in enumerate(answers, 1):
        box.append(trace, SALE)
        box.settle(JOURNAL, trace, code, None, receipt)
    assert mounted(device.copy()).alert == (2, 3, 41)
    box.append(8, SALE)
    box.settle(JOURNAL, 8, 63)
    box.append(9, SALE)
    box.settle(JOURNAL, 9, 37, quiet=True)
    assert mounted(device.copy()).alert == (3, 8, 63)
    box.seen()
    assert mounted(device.copy()).alert is None
    box.append(10, SALE)
    box.settle(JOURNAL, 10, 20)
    again = mounted(device.copy())
    assert again.alert == (1, 10, 20) and (again.journal, again.next_trace) == (JOURNAL, 11)
