"""The modem driver on real MicroPython, with a modem on a pseudo-terminal as its UART."""

import pytest

from tests.support.modem_tty import ModemOnTty


@pytest.mark.parametrize("model", ["SIM800", "SIM7600", "A7670"])
def test_each_model_comes_up_and_carries_every_byte(model: str):
    with ModemOnTty(model, piece=3) as modem:
        up = modem.event("up")
        assert up["facts"][:4] == [model, "867962041234567", "8986001700090912345F", "CHN-UNICOM"]
        assert up["dbm"] is not None and up["clock"] >= 1795360507
        assert modem.event("echo")["whole"]
        assert modem.peer.leaked == modem.peer.boots == 0 and modem.noise == []


def test_a_dead_call_is_ended_the_safe_way_and_made_again():
    with ModemOnTty("SIM7600", piece=1) as modem:
        modem.event("echo")
        with modem.lock:
            modem.network.silent = True
        modem.event("down")
        modem.until(lambda peer: peer.escapes == 1)
        with modem.lock:
            modem.network.silent = False
        modem.event("up")
        assert modem.event("echo")["whole"]
        assert modem.peer.leaked == 0 and modem.peer.escapes == 1 and modem.peer.boots == 0


def test_one_that_cannot_leave_its_call_is_reset_by_its_pin():
    with ModemOnTty("SIM800") as modem:
        modem.event("echo")
        with modem.lock:
            modem.peer.deaf = True
            modem.network.silent = True
        modem.until(lambda peer: peer.resets == 1)
        with modem.lock:
            modem.peer.deaf = False
            modem.network.silent = False
        modem.event("up")
        assert modem.event("echo")["whole"]
        # the two questions that looked for a proof of command mode
        assert modem.peer.leaked <= 2 and modem.peer.power_cuts == 0


def test_lines_of_its_own_noise_and_a_brown_out_end_in_a_call():
    with ModemOnTty("SIM800", 2) as modem:
        with modem.lock:
            modem.peer.urcs = ["+CREG: 2", "RING", "DST: 0", "SMS Ready", "*PSUTTZ: 2026"]
            modem.peer.noise = b"\x00\xff"
            modem.peer.errors = {"AT+CPIN?": "+CME ERROR: SIM busy"}
        modem.event("up")
        with modem.lock:
            modem.peer.noise = b""
            modem.peer.brown_out()
        modem.event("down")
        modem.event("up")
        assert modem.event("echo")["whole"] and modem.peer.power_cuts == 0


def test_one_that_is_off_is_switched_on_and_its_pin_entered():
    with ModemOnTty("SIM800", 5, pin="1234", on=False) as modem:
        with modem.lock:
            modem.peer.sim = "SIM PIN"
        modem.event("up")
        assert modem.peer.boots == 1 and modem.peer.pins_tried == ["1234"]


def test_a_wrong_pin_is_named_and_entered_once():
    with ModemOnTty("A7670", pin="9999") as modem:
        with modem.lock:
            modem.peer.sim = "SIM PIN"
        for _ in range(2):
            assert modem.event("fault")["name"] == "pin_refused"
        assert modem.peer.pins_tried == ["9999"]
