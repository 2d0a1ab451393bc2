"""What the modem of the tests answers, by model and by what is wrong with SIM and network."""

import pytest

from simulator.modem_answers import MODELS
from simulator.modem_peer import Peer


def asked(peer: Peer, *texts: str) -> list[str]:
    lines = []
    for text in texts:
        peer.receive(text.encode() + b"\r")
        lines = [line for line in peer.take().decode().split("\r\n") if line]
    return lines


def there(model: str) -> Peer:
    peer = Peer(model, lambda: 0)
    peer.start()
    asked(peer, "ATE0", "AT+CMEE=2")
    return peer


@pytest.mark.parametrize("model", list(MODELS))
def test_a_model_answers_in_its_own_words(model: str):
    peer = there(model)
    assert model in asked(peer, "AT+CGMM")[0]
    lte = model != "SIM800"
    assert asked(peer, "AT+CICCID" if lte else "AT+CCID")[0].endswith("8986001700090912345F")
    assert asked(peer, "AT+CCID" if lte else "AT+CICCID") == ["ERROR"]
    assert asked(peer, "AT+CEREG?")[0] == ("+CEREG: 0,1" if lte else "ERROR")
    assert asked(peer, "AT+CMEE?") == ["+CMEE: 2", "OK"]
    assert asked(peer, "AT+CFUN=0", "AT+CREG?")[0] == "+CREG: 0,0"


def test_without_a_sim_or_its_code_the_network_is_not_asked():
    peer = there("SIM7600")
    for sim, said in ((None, "SIM not inserted"), ("SIM PIN", "SIM PIN required"),
                      ("SIM PUK", "SIM PUK required")):
        peer.sim = sim
        assert asked(peer, "AT+CGATT=1") == ["+CME ERROR: " + said]
    peer.sim = "SIM PIN"
    assert asked(peer, 'AT+CPIN="1234"') == ["OK"]
    assert asked(peer, "AT+CPIN?")[0] == "+CPIN: READY" and peer.pins_tried == ["1234"]


def test_a_call_wants_a_network_and_a_name_that_it_knows():
    peer = there("A7670")
    peer.state = 2
    assert asked(peer, "ATD*99#") == ["NO CARRIER"] and not peer.in_data
    peer.state = 1
    peer.apns = ("cmnet",)
    assert asked(peer, "ATD*99#") == ["NO CARRIER"]
    assert asked(peer, 'AT+CGDCONT=1,"IP","cmnet"', "ATD*99#") == ["CONNECT"] and peer.in_data
