"""The Wi-Fi of the tests: what the driver of an ESP32 says and when it raises."""

import pytest

from simulator.wlan_peer import ASSOC_FAIL, CONNECTING, GOT_IP, HANDSHAKE_TIMEOUT, NO_AP, Wlan


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def on() -> tuple[Clock, Wlan]:
    clock = Clock()
    wlan = Wlan(clock, "shop", "secret")
    wlan.active(True)
    return clock, wlan


def test_it_connects_and_tells_its_strength():
    clock, wlan = on()
    wlan.connect("shop", "secret")
    assert wlan.status() == CONNECTING and not wlan.isconnected()
    with pytest.raises(OSError):
        wlan.status("rssi")
    clock.ms = 2000
    assert wlan.isconnected() and wlan.status() == GOT_IP and wlan.status("rssi") == -61


def test_it_says_why_not_and_goes_on_trying():
    clock, wlan = on()
    wlan.there = False
    wlan.connect("shop", "wrong")
    for there, crowded, password, status in (
            (False, False, "secret", NO_AP), (True, True, "secret", ASSOC_FAIL),
            (True, False, "secret", HANDSHAKE_TIMEOUT), (True, False, "wrong", GOT_IP)):
        wlan.there, wlan.crowded, wlan.password = there, crowded, password
        clock.ms += 2000
        assert wlan.status() == status


def test_it_raises_where_the_driver_does():
    _, wlan = on()
    wlan.connect("shop", "secret")
    with pytest.raises(OSError):
        wlan.connect("shop", "secret")
    wlan.wedged = True
    with pytest.raises(OSError):
        wlan.disconnect()
    wlan.active(False)
    with pytest.raises(OSError):
        wlan.connect("shop", "secret")
    wlan.active(True)
    wlan.connect("shop", "secret")
    assert wlan.switched_off == 1
