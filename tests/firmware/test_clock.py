"""What the handset may claim about time. Runs on both interpreters."""

from firmware.clock import Clock


def test_before_the_gateway_set_it_a_request_carries_uptime_and_boot_count():
    clock = Clock(7)
    assert clock.now(90500) is None
    assert clock.fields(90500) == (None, None, 90, 7)


def test_once_set_it_carries_the_time_and_the_age_of_that_knowledge():
    clock = Clock(7)
    clock.set(1764500000, 10000)
    assert clock.now(10999) == 1764500000
    assert clock.fields(3610000) == (1764503600, 3600, None, None)


def test_a_clock_without_room_on_the_wire_does_not_make_a_tap_malformed():
    clock = Clock(7)
    clock.set(0xFFFFFFFF, 0)
    assert clock.fields(5000) == (0xFFFFFFFF, 5, None, None)


def test_setting_it_again_starts_its_age_anew():
    clock = Clock(7)
    clock.set(1764500000, 10000)
    clock.set(1764509999, 20000)
    assert clock.fields(21000) == (1764510000, 1, None, None)
