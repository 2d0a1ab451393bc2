"""The edge takes from the chip's own modules what boards ask for. Runs on both interpreters."""

import sys
import time


class Modules:
    def __init__(self, **names):
        for name in names:
            setattr(self, name, names[name])


class Context:
    made = []

    def __init__(self, protocol):
        self.protocol = protocol
        self.verify_mode = None
        self.believes = None
        Context.made.append(self)

    def load_verify_locations(self, ca):
        self.believes = ca


class Rtc:
    set_to = []

    def datetime(self, parts):
        Rtc.set_to.append(parts)


def edge_of():
    """`edge()` of a chip of which there is only this."""
    fakes = {"machine": Modules(RTC=Rtc), "network": Modules(),
             "esp32": Modules(Partition="partition", NVS="nvs"),
             "tls": Modules(SSLContext=Context, PROTOCOL_TLS_CLIENT=0, CERT_REQUIRED=2)}
    before = {}
    for name in fakes:
        before[name] = sys.modules.get(name)
        sys.modules[name] = fakes[name]
    try:
        from firmware.board.esp32_edge import edge
        return edge()
    finally:
        for name in before:
            del sys.modules[name]
            if before[name] is not None:
                sys.modules[name] = before[name]


def test_a_server_is_verified_against_the_ca_and_nothing_less():
    context = edge_of().secure(b"\x30ca")
    assert (context.protocol, context.verify_mode, context.believes) == (0, 2, b"\x30ca")


def test_the_chips_clock_is_set_to_the_date_and_weekday():
    edge = edge_of()
    edge.set_clock(1795360507)
    assert Rtc.set_to[-1] == (2026, 11, 22, 6, 15, 15, 7, 0)
    assert edge.clock() > 1700000000


class From2000:
    """The time of an ESP32, which counts from 2000 (PITFALLS F15)."""

    ticks_ms = None

    @staticmethod
    def gmtime(seconds):
        return time.gmtime(seconds + 946684800)

    @staticmethod
    def time():
        return 1795360507 - 946684800


def test_a_chip_that_counts_from_2000_has_the_same_clock():
    edge = edge_of()
    module = sys.modules["firmware.board.esp32_edge"]
    before, module.time = module.time, From2000
    try:
        assert edge.clock() == 1795360507
        edge.set_clock(1795360507)
    finally:
        module.time = before
    assert Rtc.set_to[-1] == (2026, 11, 22, 6, 15, 15, 7, 0)


def test_it_hands_on_what_the_chip_has():
    edge = edge_of()
    assert (edge.partition, edge.nvs, edge.root) == ("partition", "nvs", "")
    assert len(edge.random(8)) == 8
