"""When a handset starts itself anew. Runs on both interpreters."""

from firmware.board.options import NEVER
from firmware.board.upkeep import HEAP_LOOKS, QUIET_MS, UPTIME_LEAST_MS, UPTIME_MOST_MS, restart

AT_20 = 1764532800 + 20 * 3600 - 1764532800 % 86400
LONG_MS = UPTIME_LEAST_MS


def why(hour=20, at=AT_20, uptime_ms=LONG_MS, quiet_ms=QUIET_MS, owes=False, lows=0):
    return restart(hour, at, uptime_ms, quiet_ms, owes, lows)


def test_once_a_night_at_its_hour():
    assert why() == why(at=AT_20 + 3599) == "night"
    assert why(at=AT_20 - 1) is None and why(at=AT_20 + 3600) is None
    assert why(uptime_ms=LONG_MS - 1) is None, "twice in a night"
    assert why(hour=NEVER) is None


def test_never_with_a_tap_unsettled_or_somebody_there():
    for at in (AT_20, None):
        for lows in (0, HEAP_LOOKS):
            assert why(at=at, uptime_ms=UPTIME_MOST_MS, owes=True, lows=lows) is None
            assert why(at=at, uptime_ms=UPTIME_MOST_MS, quiet_ms=QUIET_MS - 1, lows=lows) is None


def test_without_a_clock_by_uptime():
    assert why(at=None, uptime_ms=UPTIME_MOST_MS) == "uptime"
    assert why(at=None, uptime_ms=UPTIME_MOST_MS - 1) is None


def test_little_heap_three_looks_running_waits_for_no_night():
    assert why(hour=NEVER, uptime_ms=0, lows=HEAP_LOOKS) == "heap"
    assert why(hour=NEVER, uptime_ms=0, lows=HEAP_LOOKS - 1) is None
