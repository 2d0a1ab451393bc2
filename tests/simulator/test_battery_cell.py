"""The fake cell: it empties, fills, sags under a load and fails."""

from simulator.battery_cell import CHARGED_MV, BatteryCell
from tests.firmware.portable import raises


def test_it_empties_and_fills():
    cell = BatteryCell(1000, 100)
    full_mv = cell.open_mv()
    cell.live(6 * 3600)
    assert 50 <= cell.charge_percent() <= 54 and cell.open_mv() < full_mv
    cell.plugged = True
    for _ in range(6 * 3600):
        cell.live(1)
    assert cell.charge_percent() > 95 and cell.open_mv() <= CHARGED_MV
    assert cell.charger.value() == 0


def test_a_burst_pulls_it_down_for_some_of_the_samples():
    cell = BatteryCell(1000, 60)
    quiet = min(cell.read_uv() for _ in range(100))
    cell.sends = True
    samples = [cell.read_uv() for _ in range(400)]
    sagged = len([uv for uv in samples if uv < quiet - 100000])
    assert 20 < sagged < 90


def test_it_fails_as_hardware_does():
    cell = BatteryCell()
    cell.gone = True
    assert max(cell.read_uv() for _ in range(50)) < 400000
    cell.stuck_uv = 3100000
    assert cell.read_uv() == 3100000
    cell.fails = True
    raises(OSError, cell.read_uv)
