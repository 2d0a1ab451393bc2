"""The printer driver at a printer that fails: what is on paper in the end, and what was said."""

import asyncio

from firmware.board.printer import (
    BIG,
    BUSY_MS_MAX,
    CENTER,
    PRINT_MS_MAX,
    RETRY_MS,
    WAITING_MAX,
    Printer,
    encode,
    line_bytes,
    trouble_of,
)
from simulator.printer_peer import PrinterPeer
from tests.firmware.virtual_time import now_ms, run

TROUBLES = ("paper_out", "cover_open", "error", "offline", "busy", "garbled", "no_answer")


class Letters:
    """A font with one letter."""

    gb = 0xBBFD
    fails = False

    def find(self, letter):
        if self.fails:
            raise OSError(5, "flash")
        return letter == "积"


def slip_lines(slip, copy):
    """Twelve lines and a mark."""
    if copy:
        yield CENTER, "COPY"
    yield CENTER | BIG, slip
    for number in range(10):
        yield 0, f"{slip} line {number}"
    yield 0, slip + " end"


def live(story, peer=None):
    """`story(printer, peer)` while both run; the peer is returned."""
    async def main():
        it = peer or PrinterPeer()
        printer = Printer(it.reader, it.writer, slip_lines, Letters())
        tasks = [asyncio.create_task(it.run()), asyncio.create_task(printer.run())]
        await story(printer, it)
        for task in tasks:
            task.cancel()
        return it

    return run(main())


def texts(paper):
    return [line.decode() for _, _, line in paper if line]


def whole(slip, copy):
    return [text for _, text in slip_lines(slip, copy)]


def test_a_slip_is_printed_as_it_was_laid_out():
    async def story(printer, peer):
        printer.print_slip("A")
        assert printer.waiting == 1 and peer.paper == []
        await asyncio.sleep_ms(5000)
        assert printer.state == "idle" and printer.waiting == 0

    peer = live(story)
    assert texts(peer.paper) == whole("A", False)
    assert peer.paper[0][:2] == [1, 0x11] and peer.paper[1][:2] == [0, 0]
    assert peer.unknown == [] and peer.lost_bytes == 0
    # and pushed out as far as the edge
    assert [line for _, _, line in peer.paper[-4:]] == [b""] * 4


def test_letters_are_ascii_or_two_bytes_of_the_font():
    assert encode("+12 积", Letters()) == b"+12 \xbb\xfd"
    assert encode("王é", Letters()) == encode("王é", None) == b"\xa1\xf5\xa1\xf5"
    broken = Letters()
    broken.fails = True
    assert encode("积9", broken) == b"\xa1\xf59"


def test_a_name_commands_nothing():
    assert encode("a\x1b@\x10\x04\x01\n\x7f\x00b", None) == b"a?@??????b"[:3] + b"?????" + b"?b"
    made = bytes(line_bytes(0, "\x1d!\x11", None))
    assert made == b"\x1ba\x00\x1d!\x00?!?\n"


def test_what_the_status_bytes_say():
    assert trouble_of(1, 0x12) is None and trouble_of(1, 0x16) is None
    assert trouble_of(1, 0x1A) == "offline"
    assert trouble_of(2, 0x12) is None and trouble_of(2, 0x1A) is None
    assert trouble_of(2, 0x16) == "cover_open"
    assert trouble_of(2, 0x32) == "paper_out" and trouble_of(2, 0x52) == "error"
    assert trouble_of(4, 0x1E) is None and trouble_of(4, 0x72) == "paper_out"


def test_each_trouble_is_named_before_anything_is_sent_and_waited_out():
    for name, broken in (("paper_out", ("paper_lines", 0)), ("cover_open", ("cover_open", True)),
                         ("error", ("error", True)), ("no_answer", ("dead", True)),
                         ("garbled", ("noise", True)), ("no_answer", ("mute", True))):
        async def story(printer, peer, name=name, broken=broken):
            attribute, value = broken
            good = getattr(peer, attribute)
            setattr(peer, attribute, value)
            printer.print_slip("A")
            await asyncio.sleep_ms(30000)
            assert printer.state == name and printer.waiting == 1, (name, printer.state)
            assert peer.paper == []
            setattr(peer, attribute, good or 1000000)
            if attribute != "paper_lines":
                setattr(peer, attribute, False)
            await asyncio.sleep_ms(20000)
            assert printer.state == "idle", name
            # it was not begun: no mark
            assert texts(peer.paper) == whole("A", False), name

        live(story)


def test_paper_that_ends_in_the_middle_gives_a_whole_slip_with_the_mark():
    for keeps_buffer in (True, False):
        for lines in range(1, 13):
            async def story(printer, peer, lines=lines):
                printer.print_slip("A")
                await asyncio.sleep_ms(8000)
                assert printer.state == "paper_out", lines
                assert texts(peer.tear()) == whole("A", False)[:lines]
                peer.load_paper()
                await asyncio.sleep_ms(8000)
                assert printer.state == "idle"
                seen = texts(peer.paper)
                # what was in its buffer may come first; then the slip, whole, once
                assert seen[-13:] == whole("A", True), (lines, seen)
                assert seen.count("A end") <= 2

            peer = PrinterPeer(paper_lines=lines)
            peer.keeps_buffer = keeps_buffer
            live(story, peer)


def test_a_printer_that_loses_power_in_the_middle_prints_it_again():
    for after_ms in range(50, 1300, 90):
        async def story(printer, peer, after_ms=after_ms):
            printer.print_slip("A")
            await asyncio.sleep_ms(after_ms)
            if printer.state == "idle":
                return
            peer.power_off()
            await asyncio.sleep_ms(10000)
            assert printer.state == "no_answer"
            peer.tear()
            peer.power_on()
            await asyncio.sleep_ms(10000)
            assert printer.state == "idle"
            assert texts(peer.paper) == whole("A", True), after_ms

        live(story)


def test_no_tap_has_two_slips_without_the_mark():
    async def story(printer, peer):
        printer.print_slip("A")
        await asyncio.sleep_ms(5000)
        printer.print_slip(printer.last, True)
        await asyncio.sleep_ms(5000)
        printer.print_slip(printer.last, True)
        printer.print_slip(printer.last, True)
        await asyncio.sleep_ms(9000)

    seen = texts(live(story).paper)
    assert seen == whole("A", False) + whole("A", True) * 2


def test_there_is_nothing_to_reprint_before_the_first_and_no_second_while_it_waits():
    async def story(printer, peer):
        assert printer.last is None
        peer.cover_open = True
        printer.print_slip("A")
        printer.print_slip(printer.last, True)
        assert printer.last == "A" and printer.waiting == 1

    live(story)


def test_a_busy_printer_is_waited_for_and_loses_nothing():
    async def story(printer, peer):
        peer.busy = True
        printer.print_slip("A")
        await asyncio.sleep_ms(9000)
        assert printer.state == "busy"
        peer.busy = False
        await asyncio.sleep_ms(9000)
        assert printer.state == "idle"

    peer = live(story, PrinterPeer(buffer_size=120))
    assert texts(peer.paper) == whole("A", False)
    assert peer.lost_bytes == 0


def test_one_that_holds_the_line_is_named_busy():
    async def story(printer, peer):
        peer.held = True
        printer.print_slip("A")
        await asyncio.sleep_ms(BUSY_MS_MAX + 1000)
        assert printer.state == "busy"
        peer.held = False
        await asyncio.sleep_ms(BUSY_MS_MAX)
        assert printer.state == "idle" and texts(peer.paper)[-1] == "A end"

    live(story)


def test_one_that_does_not_know_the_confirmation_is_believed_after_a_while_and_then_at_once():
    async def story(printer, peer):
        peer.confirms = False
        printer.print_slip("A")
        await asyncio.sleep_ms(PRINT_MS_MAX + 3000)
        assert printer.state == "idle" and printer.unconfirmed == 1
        printer.print_slip("B")
        await asyncio.sleep_ms(6000)
        assert printer.state == "idle" and printer.unconfirmed == 2
        # long enough to see that the paper ends under the last line
        peer.paper_lines = 12
        printer.print_slip("C")
        await asyncio.sleep_ms(9000)
        assert printer.state == "paper_out"
        peer.load_paper()
        await asyncio.sleep_ms(9000)

    peer = live(story)
    seen = texts(peer.paper)
    assert seen[:36] == whole("A", False) + whole("B", False) + whole("C", False)
    assert seen[36:] == whole("C", True)


def test_the_paper_sensor_warns():
    async def story(printer, peer):
        peer.paper_low = True
        printer.print_slip("A")
        await asyncio.sleep_ms(5000)
        assert printer.paper_low and printer.state == "idle"
        peer.paper_low = False
        printer.print_slip("B")
        await asyncio.sleep_ms(5000)
        assert not printer.paper_low

    live(story)


def test_too_many_waiting_slips_drop_the_oldest_and_none_stops_the_next():
    async def story(printer, peer):
        peer.cover_open = True
        for slip in "ABCDEF":
            printer.print_slip(slip)
            await asyncio.sleep_ms(100)
        assert printer.waiting == WAITING_MAX and printer.dropped == 2
        peer.cover_open = False
        await asyncio.sleep_ms(30000)
        assert [text[0] for text in texts(peer.paper) if text.endswith("end")] == list("CDEF")
        peer.cover_open = True
        printer.print_slip("G")
        await asyncio.sleep_ms(3000)
        printer.drop()
        peer.cover_open = False
        peer.tear()
        await asyncio.sleep_ms(9000)
        assert printer.state == "idle" and peer.paper == []

    live(story)


def test_one_that_was_begun_is_finished_however_many_come_behind_it():
    async def story(printer, peer):
        printer.print_slip("A")
        await asyncio.sleep_ms(300)
        peer.cover_open = True
        await asyncio.sleep_ms(100)
        for slip in "BCDEF":
            printer.print_slip(slip)
        assert printer.waiting == WAITING_MAX and printer.dropped == 2
        peer.cover_open = False
        await asyncio.sleep_ms(30000)
        assert [text[0] for text in texts(peer.paper) if text.endswith("end")][-4:] == list("ADEF")

    live(story)


def test_what_is_dropped_before_the_task_looks_prints_nothing_and_ends_nothing():
    async def story(printer, peer):
        await asyncio.sleep_ms(100)
        printer.print_slip("A")
        printer.drop()
        await asyncio.sleep_ms(1000)
        assert printer.state == "idle" and peer.asked == 0
        printer.print_slip("B")
        await asyncio.sleep_ms(5000)
        assert texts(peer.paper) == whole("B", False)

    live(story)


def test_a_late_answer_is_not_taken_for_the_next():
    async def story(printer, peer):
        peer.mute = True
        printer.print_slip("A")
        await asyncio.sleep_ms(1200)
        peer.mute = False
        # all is well, says an answer from before; the cover is open by now
        peer.cover_open = True
        peer.reader.feed(b"\x12\x12\x12")
        await asyncio.sleep_ms(5000)
        assert printer.state == "cover_open" and peer.paper == []

    live(story)


def test_a_stream_that_ended_is_named_and_does_not_spin():
    async def story(printer, peer):
        async def ended(size):
            peer.asked += 1
            return b""

        printer._reader.read = ended
        printer.print_slip("A")
        await asyncio.sleep_ms(10 * RETRY_MS)
        assert printer.state == "no_answer" and peer.asked < 30

    live(story)


def test_noise_without_an_end_is_not_listened_to_for_ever():
    # while it is told to pause and never to go on, and while nobody confirms the end
    for pause in (True, False):
        async def story(printer, peer, pause=pause):
            async def noise():
                while True:
                    peer.reader.feed(b"\xff")
                    await asyncio.sleep_ms(20)

            task = asyncio.create_task(noise())
            peer.confirms = pause
            if pause:
                peer.reader.feed(b"\x13")
            printer.print_slip("A")
            await asyncio.sleep_ms(60000)
            assert texts(peer.paper)[-1] == "A end" and printer.state == "idle", pause
            task.cancel()

        live(story)


def test_a_heap_that_has_no_room_for_a_slip_is_named_and_tried_again():
    async def story(printer, peer):
        layout = printer._lines

        def full(slip, copy):
            raise MemoryError

        printer._lines = full
        printer.print_slip("A")
        await asyncio.sleep_ms(3000)
        assert printer.state == "memory" and printer.waiting == 1
        printer._lines = layout
        await asyncio.sleep_ms(9000)
        assert printer.state == "idle" and texts(peer.paper) == whole("A", False)

    live(story)


def test_any_weather_ends_in_a_name_and_then_in_a_slip():
    for seed in range(12):
        async def story(printer, peer, seed=seed):
            draw = seed
            for _ in range(25):
                draw = (draw * 1103515245 + 12345) & 0x7FFFFFFF
                kind = draw >> 12 & 15
                peer.cover_open = kind == 1
                peer.error = kind == 2
                peer.busy = kind == 3
                peer.mute = kind == 4
                peer.noise = kind == 5
                peer.held = kind == 6
                if kind == 7:
                    peer.power_off()
                if kind == 8:
                    peer.paper_lines = 3
                if kind == 9:
                    peer.reader.feed(bytes((draw >> 8 & 0xFF, draw >> 16 & 0xFF, 0x13)))
                if kind > 11:
                    printer.print_slip(f"S{draw & 7}")
                await asyncio.sleep_ms(draw >> 16 & 0xFFF)
                assert printer.state in TROUBLES + ("idle", "printing"), seed
                peer.power_on()
                if kind < 8:
                    peer.load_paper()
            peer.cover_open = peer.error = peer.busy = peer.held = False
            peer.mute = peer.noise = False
            peer.load_paper()
            printer.print_slip("last")
            await asyncio.sleep_ms(120000)
            assert printer.state == "idle" and printer.waiting == 0, (seed, printer.state)
            seen = texts(peer.paper)
            assert seen[-12:] in (whole("last", False), whole("last", True)[-12:]), seed
            assert now_ms() < 3600000

        live(story, PrinterPeer(buffer_size=300))
