"""The modem of the tests behaves like the manuals say, also where the driver never goes."""

from simulator.modem_answers import MODELS
from simulator.modem_peer import GUARD_MS, Peer


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def there(model: str = "SIM800") -> tuple[Clock, Peer, list[bytes]]:
    clock = Clock()
    heard: list[bytes] = []
    peer = Peer(model, clock, heard.append)
    peer.start()
    peer.receive(b"ATE0\r")
    peer.take()
    return clock, peer, heard


def asked(peer: Peer, text: bytes) -> list[bytes]:
    peer.receive(text + b"\r")
    return [line for line in peer.take().split(b"\r\n") if line]


def test_it_is_switched_on_and_off_by_a_key_held_long_enough():
    for model, (_, boot_ms, on_ms, off_ms, *_) in MODELS.items():
        clock = Clock()
        peer = Peer(model, clock)
        for held_ms, on in ((on_ms // 2, False), (on_ms, True), (off_ms // 2, True),
                            (off_ms, False)):
            peer.pwrkey.value(1)
            clock.ms += held_ms
            peer.pwrkey.value(0)
            assert peer.on == on, (model, held_ms)
        peer.start()
        peer.brown_out()
        peer.receive(b"AT\r")
        assert peer.take() == b""
        clock.ms += boot_ms
        assert peer.take().startswith((b"\r\nRDY", b"\r\n*ATREADY"))
        peer.receive(b"AT\r")
        assert peer.take() == b"AT\r\r\nOK\r\n"


def test_only_an_escape_within_its_silence_leaves_data_mode():
    clock, peer, heard = there()
    assert asked(peer, b"ATD*99***1#") == [b"CONNECT"]
    clock.ms += GUARD_MS
    peer.receive(b"+++AT\r")
    assert peer.in_data and heard == [b"+++AT\r"] and peer.leaked == 1
    peer.receive(b"+++")  # no silence before it
    clock.ms += 2 * GUARD_MS
    assert peer.take() == b"" and peer.in_data and heard[-1] == b"+++"
    peer.receive(b"+")
    peer.receive(b"++")
    assert peer.due() == clock.ms + GUARD_MS
    clock.ms += GUARD_MS
    assert peer.take() == b"\r\nOK\r\n" and not peer.in_data and peer.escapes == 1


def test_a_sim_counts_wrong_pins_and_locks():
    _, peer, _ = there()
    peer.sim = "SIM PIN"
    assert asked(peer, b"AT+CSQ") == [b"+CME ERROR: 11"]
    for left in (b"2", b"1", b"0"):
        assert asked(peer, b'AT+CPIN="9999"') == [b"+CME ERROR: 16"]
        assert asked(peer, b"AT+SPIC")[0] == b"+SPIC: %s,10,3,10" % left
    assert asked(peer, b"AT+CPIN?")[0] == b"+CPIN: SIM PUK"
    assert asked(peer, b'AT+CPIN="1234"') == [b"+CME ERROR: 12"]


def test_faults_do_what_they_say():
    clock, peer, _ = there()
    peer.lost = 1
    assert asked(peer, b"AT") == [] and asked(peer, b"AT") == [b"OK"]
    peer.late_ms = 500
    assert asked(peer, b"AT") == []
    clock.ms += 500
    assert peer.take() == b"\r\nOK\r\n"
    peer.late_ms = 0
    peer.urcs = ["RING"]
    assert asked(peer, b"AT+CSQ") == [b"+CSQ: 14,99", b"RING", b"OK"]
    peer.errors = {"AT+CSQ": "+CMS ERROR: 5"}
    assert asked(peer, b"AT+CSQ") == [b"+CMS ERROR: 5"]
    peer.hung = "reset"
    assert asked(peer, b"AT") == []
    peer.reset.value(1)
    clock.ms += 200
    commands = len(peer.commands)
    assert asked(peer, b"AT") == [] and len(peer.commands) == commands  # held in reset, it is deaf
    peer.reset.value(0)
    assert peer.resets == peer.boots == 1 and peer.hung is None
    peer.power.value(0)
    peer.pwrkey.value(1)
    clock.ms += 5000
    peer.pwrkey.value(0)
    assert not peer.on and peer.power_cuts == 1
