"""When a handset starts itself anew, of its own accord. Pure.

Long uptimes fragment a heap and wear out drivers (PITFALLS F17, F18), so each night is a fresh
start. Law: never with a tap unsettled, or an outbox that cannot be read; never within QUIET_MS of
a key or card; not twice in one hour. Without a clock a day of uptime stands for the night.
"""

from micropython import const

from firmware.board.options import NEVER

QUIET_MS = const(600000)
UPTIME_LEAST_MS = const(7200000)
UPTIME_MOST_MS = const(93600000)
HEAP_LOW = const(16384)
HEAP_LOOKS = const(3)


def restart(reset_hour, at, uptime_ms, quiet_ms, owes, lows):
    """Why it should start anew now: "night", "uptime", "heap", or None.

    `at`: Unix seconds or None. `owes`: whether anything is not settled, or not known. `lows`:
    looks in a row that found little heap.
    """
    if owes or quiet_ms < QUIET_MS:
        return None
    if lows >= HEAP_LOOKS:
        return "heap"
    if reset_hour == NEVER or uptime_ms < UPTIME_LEAST_MS:
        return None
    if at is None:
        return "uptime" if uptime_ms >= UPTIME_MOST_MS else None
    return "night" if at // 3600 % 24 == reset_hour else None
