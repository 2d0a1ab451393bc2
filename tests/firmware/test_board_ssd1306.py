"""The display driver against a chip at byte level: what is seen is what was asked for."""

import asyncio

from firmware.board.ssd1306 import (
    REFRESH_MS,
    RETRY_MS,
    OverI2c,
    OverSpi,
    Ssd1306,
    free_bus,
)
from simulator.ssd1306_chip import Ssd1306Chip
from tests.firmware.virtual_time import run


def picture(seed):
    drawn = bytearray(1024)
    for place in range(1024):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        drawn[place] = seed >> 16 & 0xFF
    return drawn


def live(story, chip=None, display=None):
    """Run the driver's task while `story(display, chip)` happens; both are returned."""
    chip = chip or Ssd1306Chip()

    async def main():
        shown = display or Ssd1306(OverI2c(chip), lambda: free_bus(chip.scl, chip.sda))
        task = asyncio.create_task(shown.run())
        await story(shown, chip)
        task.cancel()
        return shown, chip

    return run(main())


def test_a_picture_is_seen_as_it_was_drawn_and_no_snow_before_it():
    drawn = picture(1)

    async def story(display, chip):
        display.show(drawn)
        await asyncio.sleep_ms(100)
        assert display.fault is None

    _, chip = live(story)
    assert chip.visible() == drawn
    assert chip.flashes == 0 and chip.unknown == []


def test_only_changed_pages_go_over_the_bus_one_at_a_time():
    drawn = picture(1)

    async def story(display, chip):
        display.show(drawn)
        await asyncio.sleep_ms(100)
        del chip.transfers[:]
        display.show(drawn)
        await asyncio.sleep_ms(100)
        assert chip.transfers == []
        drawn[5 * 128 + 7] ^= 1
        display.show(drawn)
        await asyncio.sleep_ms(100)
        # an address and a page, each with its control byte
        assert chip.transfers == [4, 129]
        assert chip.visible() == drawn

    live(story)


def test_show_returns_at_once_and_others_work_between_pages():
    turns = []

    async def story(display, chip):
        async def other():
            for _ in range(50):
                turns.append(len(chip.transfers))
                await asyncio.sleep_ms(0)

        display.show(picture(1))
        assert chip.transfers == []
        await other()
        assert chip.visible() == picture(1)

    live(story)
    # never more than a page and its address between two turns of another task
    assert max(turns[at + 1] - turns[at] for at in range(49)) <= 2


def test_the_buffer_may_be_drawn_on_again_while_pages_go_out():
    drawn = picture(1)
    wanted = bytes(drawn)

    async def story(display, chip):
        display.show(drawn)
        for place in range(1024):
            drawn[place] = 0x55
        await asyncio.sleep_ms(100)
        assert chip.visible() == wanted
        display.show(drawn)
        for _ in range(4):
            await asyncio.sleep_ms(0)
        display.show(bytearray(wanted))
        await asyncio.sleep_ms(100)

    _, chip = live(story)
    assert chip.visible() == wanted


def test_brightness_and_sleep():
    async def story(display, chip):
        seen = []
        for level in (0, 1, 2, 3):
            display.brightness(level)
            await asyncio.sleep_ms(50)
            seen.append(chip.contrast)
        assert seen == sorted(set(seen))
        display.power(False)
        await asyncio.sleep_ms(50)
        assert chip.visible() is None and not chip.pump
        # it stays dark when everything is sent anew
        await asyncio.sleep_ms(REFRESH_MS + 100)
        assert chip.visible() is None
        display.show(picture(2))
        display.power(True)
        await asyncio.sleep_ms(50)
        assert chip.visible() == picture(2) and chip.flashes == 0

    live(story)


def test_a_display_that_is_not_there_is_named_and_comes_when_it_comes():
    chip = Ssd1306Chip()
    chip.power_off()

    async def story(display, chip):
        display.show(picture(1))
        await asyncio.sleep_ms(3500)
        assert display.fault == "absent" and len(chip.transfers) == 0
        chip.power_on()
        await asyncio.sleep_ms(RETRY_MS + 100)
        assert display.fault is None and chip.visible() == picture(1)

    live(story, chip)


def test_power_lost_and_back_unnoticed_heals_by_itself():
    async def story(display, chip):
        display.show(picture(1))
        await asyncio.sleep_ms(100)
        chip.power_off()
        chip.power_on()
        assert chip.visible() is None
        await asyncio.sleep_ms(REFRESH_MS + 100)
        assert chip.visible() == picture(1) and chip.flashes == 0

    live(story)


def test_every_byte_at_which_it_stops_answering_is_survived():
    # until the first picture is seen 1,094 bytes go out: power lost, or one byte not acknowledged
    for at in list(range(0, 60)) + list(range(60, 1090, 37)) + [1091, 1092, 1093]:
        for how in ("cut_after", "nack_after"):
            async def story(display, chip, at=at, how=how):
                setattr(chip, how, at)
                display.show(picture(1))
                await asyncio.sleep_ms(100)
                assert display.fault == "absent", (at, how)
                if how == "cut_after":
                    chip.power_on()
                await asyncio.sleep_ms(RETRY_MS + 100)
                assert display.fault is None and chip.visible() == picture(1), (at, how)
                assert chip.flashes == 0 and chip.contrast == 0x8F, (at, how)

            live(story)


def test_a_bus_that_is_held_is_named_and_clocked_free():
    async def story(display, chip):
        display.show(picture(1))
        await asyncio.sleep_ms(100)
        chip.hold_bus()
        display.show(picture(2))
        await asyncio.sleep_ms(100)
        assert display.fault == "stuck" and chip.visible() == picture(1)
        await asyncio.sleep_ms(RETRY_MS)
        assert display.fault is None and chip.visible() == picture(2)

    live(story)


def test_a_bus_is_freed_by_at_most_nine_clocks_and_a_stop():
    for held in (0, 1, 8, 20):
        wires, clocks, stops = {"scl": 1, "sda": 1}, [], []

        class Wire:
            def __init__(self, name):
                self._name = name

            def value(self, level=None, wires=wires, clocks=clocks, stops=stops, held=held):
                if level is None:
                    return int(wires["sda"] and len(clocks) >= held)
                if self._name == "scl" and level and not wires["scl"] and not stops:
                    clocks.append(level)
                if self._name == "sda" and level and not wires["sda"] and wires["scl"]:
                    stops.append(len(clocks))  # SDA rises while SCL is high
                wires[self._name] = level
                return None

        free_bus(Wire("scl"), Wire("sda"))
        # the last rise of SCL belongs to the STOP
        assert stops == [min(max(held, 1), 9) + 1] and wires == {"scl": 1, "sda": 1}, held


def test_a_bus_that_stays_held_stalls_nobody():
    async def story(display, chip):
        display._recover = None
        chip.hold_bus()
        for number in range(20):
            display.show(picture(number))
            display.brightness(number % 4)
            await asyncio.sleep_ms(500)
            assert display.fault == "stuck"
        chip.held = False
        await asyncio.sleep_ms(RETRY_MS + 100)
        assert chip.visible() == picture(19)

    live(story)


def test_spi_shows_the_same():
    chip = Ssd1306Chip()

    async def story(display, chip):
        display.show(picture(3))
        await asyncio.sleep_ms(100)
        assert chip.cs.level == 1

    async def main():
        display = Ssd1306(OverSpi(chip.spi, chip.dc, chip.cs))
        task = asyncio.create_task(display.run())
        await story(display, chip)
        task.cancel()

    run(main())
    assert chip.visible() == picture(3) and chip.unknown == [] and chip.flashes == 0


def test_in_any_weather_it_has_a_name_and_then_the_picture():
    for seed in range(10):
        async def story(display, chip, seed=seed):
            draw = seed
            for _ in range(30):
                draw = (draw * 1103515245 + 12345) & 0x7FFFFFFF
                kind = draw >> 12 & 7
                if kind == 0:
                    chip.cut_after = draw >> 16 & 0x3FF
                elif kind == 1:
                    chip.nack_after = draw >> 16 & 0x3FF
                elif kind == 2:
                    chip.hold_bus()
                elif kind == 3:
                    chip.power_off()
                elif not chip.powered:
                    chip.power_on()
                display.show(picture(draw >> 20))
                display.brightness(draw & 3)
                display.power(bool(draw & 4))
                await asyncio.sleep_ms(draw >> 18 & 0x7FF)
                assert display.fault in (None, "absent", "stuck"), seed
            chip.cut_after = chip.nack_after = None
            if not chip.powered:
                chip.power_on()
            display.show(picture(seed))
            display.power(True)
            await asyncio.sleep_ms(REFRESH_MS + RETRY_MS + 100)
            assert display.fault is None and chip.visible() == picture(seed), seed
            assert chip.flashes == 0, seed

        live(story)
