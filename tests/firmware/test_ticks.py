"""Uptime that never wraps. Runs on both interpreters."""

from firmware.ticks import Uptime


def uptime(readings):
    remaining = list(readings)
    return Uptime(lambda: remaining.pop(0))


def test_it_starts_at_zero_and_grows_past_the_wrap():
    now = uptime(((1 << 30) - 5, (1 << 30) - 1, 3, 10))
    assert [now(), now(), now()] == [4, 8, 15]


def test_a_counter_that_seems_to_run_backwards_moves_no_time():
    now = uptime((100, 200, 190, 210))
    assert [now(), now(), now()] == [100, 100, 110]


def test_weeks_add_up_when_it_is_asked_often_enough():
    day_ms = 86400000
    now = uptime([day_ms * day % (1 << 30) for day in range(41)])
    for day in range(1, 41):
        assert now() == day_ms * day
