"""The battery's percentage through days of use: steady, and honest about what it cannot read."""

import asyncio

from firmware.board.battery import (
    CRITICAL_PERCENT,
    CURVE,
    LOW_PERCENT,
    SAMPLES,
    Battery,
    Gauge,
    percent_of,
)
from simulator.battery_cell import BatteryCell
from tests.firmware.virtual_time import run

LEVELS = (None, "normal", "low", "critical")


def day(battery, cell, seconds, step_s=20):
    """What the gauge shows while time passes, without repetitions."""
    seen = []
    for _ in range(seconds // step_s):
        cell.live(step_s)
        battery.read()
        now = battery.gauge.percent, battery.gauge.level
        if not seen or seen[-1] != now:
            seen.append(now)
    return seen


def pair(charge_percent=100, pin=True, seed=1):
    cell = BatteryCell(1500, charge_percent, seed)
    battery = Battery(cell, 2000, cell.charger if pin else None)
    for _ in range(SAMPLES):
        battery.read()
    return battery, cell


def test_the_curve_rises_from_0_to_100_and_stays_inside():
    found = [percent_of(mv) for mv in range(2500, 4500)]
    assert found == sorted(found) and found[0] == 0 and found[-1] == 100
    assert all(percent_of(mv) == percent for mv, percent in CURVE)
    assert percent_of(3650) == 18 and percent_of(3399) == 0


def test_an_empty_handset_went_through_every_level_once_and_never_up():
    for seed in (1, 2, 3):
        for pin in (True, False):
            battery, cell = pair(100, pin, seed)
            cell.sends = True
            seen = day(battery, cell, 5 * 3600)
            percents = [percent for percent, _ in seen]
            assert percents == sorted(percents, reverse=True), (seed, pin)
            assert percents[0] > 90 and percents[-1] == 0
            levels = [level for _, level in seen]
            changes = [levels[at] for at in range(len(levels))
                       if at == 0 or levels[at] != levels[at - 1]]
            assert changes == ["normal", "low", "critical"], (seed, pin)
            assert not battery.gauge.charging


def test_a_charging_one_only_rises_and_unplugging_shows_no_leap():
    battery, cell = pair(3)
    assert battery.gauge.level == "critical"
    cell.plugged = True
    seen = day(battery, cell, 4 * 3600)
    percents = [percent for percent, _ in seen[1:]]
    assert percents == sorted(percents) and percents[-1] > 95 and battery.gauge.charging
    cell.plugged = False
    before = battery.gauge.percent
    day(battery, cell, 300)
    assert not battery.gauge.charging and before - battery.gauge.percent <= 10


def test_without_a_charger_pin_a_leap_of_voltage_says_so():
    battery, cell = pair(40, pin=False)
    assert not battery.gauge.charging
    # the end of a long load is no charger
    cell.sends = True
    day(battery, cell, 600)
    cell.sends = False
    day(battery, cell, 600)
    assert not battery.gauge.charging
    for mv in (3700,) * 9 + (3850,) * 9:
        battery.gauge.feed(mv)
    assert battery.gauge.charging
    for mv in (3900,) * 9 + (3820,) * 9:
        battery.gauge.feed(mv)
    assert not battery.gauge.charging
    for _ in range(9):
        battery.gauge.feed(4230)
    assert battery.gauge.charging


def test_another_cell_is_believed():
    battery, _ = pair(90)
    shown = battery.gauge.percent
    for _ in range(2 * SAMPLES):
        battery.gauge.feed(3650, False)
    assert battery.gauge.percent == 18 < shown
    for _ in range(2 * SAMPLES):
        battery.gauge.feed(4100, False)
    assert battery.gauge.percent == 91


def test_levels_come_back_only_five_points_above():
    gauge = Gauge()
    for percent, level in ((50, "normal"), (LOW_PERCENT, "low"), (LOW_PERCENT + 5, "low"),
                           (LOW_PERCENT + 6, "normal"), (CRITICAL_PERCENT, "critical"),
                           (CRITICAL_PERCENT + 5, "critical"), (CRITICAL_PERCENT + 6, "low"),
                           (CRITICAL_PERCENT, "critical"), (LOW_PERCENT + 6, "normal")):
        gauge.level = gauge._level(percent)
        assert gauge.level == level, percent


def test_no_cell_and_a_broken_converter_are_named():
    battery, cell = pair(50)
    cell.gone = True
    for _ in range(SAMPLES):
        battery.read()
    assert battery.gauge.fault == "absent" and battery.gauge.percent is None
    cell.gone = False
    cell.fails = True
    for _ in range(SAMPLES):
        battery.read()
    assert battery.gauge.fault == "unreadable" and battery.gauge.level is None
    cell.fails = False
    cell.stuck_uv = 3100000
    for _ in range(SAMPLES):
        battery.read()
    assert battery.gauge.fault == "unreadable"
    cell.stuck_uv = None
    for _ in range(SAMPLES):
        battery.read()
    assert battery.gauge.fault is None and battery.gauge.level == "normal"


def test_some_bad_samples_change_nothing():
    battery, cell = pair(50)
    shown = battery.gauge.percent
    for bad in (None, 0, 9999, None):
        battery.gauge.feed(bad, False)
    assert battery.gauge.percent == shown and battery.gauge.fault is None


def test_any_garbage_ends_in_a_named_result_and_a_good_cell_is_read_again():
    seed = 7
    battery, cell = pair(50)
    for _ in range(3000):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        kind = seed >> 9 & 7
        cell.fails = kind == 0
        cell.stuck_uv = (seed >> 12 & 0xFFFFF) * 4 if kind > 2 else None
        cell.gone = kind == 1
        battery.read()
        gauge = battery.gauge
        assert gauge.fault in (None, "absent", "unreadable")
        assert gauge.level in LEVELS
        assert (gauge.percent is None) == (gauge.fault is not None)
        assert gauge.percent is None or 0 <= gauge.percent <= 100
    cell.fails = cell.gone = False
    cell.stuck_uv = None
    for _ in range(SAMPLES):
        battery.read()
    assert battery.gauge.fault is None and battery.gauge.percent is not None


def test_the_task_takes_a_sample_a_second():
    battery, cell = pair(50)
    del battery.gauge._samples[:]

    async def main():
        task = asyncio.create_task(battery.run())
        await asyncio.sleep_ms(4500)
        task.cancel()
        return len(battery.gauge._samples)

    assert run(main()) == 5
