"""Brokers and gateways that misbehave, against the program that ships: each has a name, a screen
in two languages, and takes no tap with it.

The waits are those of the product (10 s), so all of them wait at once.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from firmware import faults, texts
from firmware.board.flash_file import FlashFile
from firmware.outbox import Outbox
from tests.firmware import bad_brokers
from tests.firmware.bad_brokers import BadBroker
from tests.firmware.replies import Asked, reply_frame
from tests.firmware.shop import CARD, CREDENTIALS, TERMINAL_ID, settings_for
from tests.support.handset_process import BLOCKS, Handset, provision
from tests.support.tiny_gateway import TinyGateway

BROKERS = (
    (bad_brokers.silent, faults.SILENT),
    (bad_brokers.unacked, faults.UNACKED),
    (bad_brokers.refusing, faults.REFUSED),
    (bad_brokers.barring, faults.UNREADABLE),
    (bad_brokers.hanging_up, faults.CLOSED),
    (bad_brokers.garbling, faults.GARBLED),
    (bad_brokers.huge, faults.GARBLED),
    (bad_brokers.pinging, faults.GARBLED),
)
# one for each packet after which a connection can end
HANGING_UP = (
    bad_brokers.hanging_up_on_connect, bad_brokers.hanging_up,
    bad_brokers.hanging_up_on_subscribe, bad_brokers.hanging_up_once_up,
    bad_brokers.hanging_up_on_publish, bad_brokers.hanging_up_on_puback,
)


def only_journaled(forge: Callable[[bytes], bytes]) -> Callable[[bytes], bytes | None]:
    return lambda frame: forge(frame) if Asked(frame).trace else None


GATEWAYS = (
    ("unauthentic", only_journaled(lambda frame: reply_frame(frame, key=bytes(32)))),
    ("foreign", only_journaled(lambda frame: reply_frame(frame, terminal_id=TERMINAL_ID + 1))),
    ("unreadable", only_journaled(lambda frame: b"\xd1\x84 and no more")),
)


def status_screen(handset: Handset) -> list[str]:
    """What the technician reads behind key B."""
    handset.do("keys", keys="*D7")
    while True:
        lines = handset.event("screen")["lines"]
        if lines[1] in (f"ID {TERMINAL_ID}", f"终端 {TERMINAL_ID}"):
            handset.do("keys", keys="*")
            return lines


def waiting(folder: Path) -> list[tuple[int, int]]:
    """Unsettled taps in the flash file of a handset that is off."""
    device = FlashFile(str(folder / "outbox.flash"), BLOCKS)
    outbox = Outbox(device)
    outbox.mount()
    found = list(outbox.pending())
    device.close()
    return found


def shows(handset: Handset, language: str, fault: int) -> bool:
    return (handset.do("status")["link_fault"] == faults.name(fault)
            and texts.fault(language, fault) in status_screen(handset))


class Ward:
    """Handsets, each at a broker or gateway of its own, each with one tap."""

    def __init__(self, stack: ExitStack, where: Path, command: list[str]):
        self._stack = stack
        self._where = where
        self._command = command
        self.patients: list[tuple[Handset, Path, str, Any]] = []

    def admit(self, port: int, wanted: Any) -> None:
        language = ("en", "zh")[len(self.patients) % 2]
        folder = provision(self._where / str(len(self.patients)),
                           settings_for(port, language=language, outbox_blocks=BLOCKS))
        handset = self._stack.enter_context(Handset(folder, self._command))
        handset.event("ready")
        assert handset.sale("1250", CARD)["trace"] == 1
        self.patients.append((handset, folder, language, wanted))

    def discharge(self) -> None:
        """Power off, and every tap is still there."""
        for handset, folder, _, _ in self.patients:
            handset.send('{"do": "cut"}')
            handset.end()
            assert waiting(folder) == [(7, 1)]
            assert not [each for each in handset.said if each.get("event") == "died"]


def gone(handset: Handset) -> None:
    """The connection, or the attempt at one, has failed."""
    while True:
        said = handset._seen.pop(0) if handset._seen else handset._next("a failure of the link")
        if said.get("event") == "no_link" or said.get("event") == "link" and not said["up"]:
            return


def test_each_bad_broker_is_named_on_the_screen_and_keeps_no_tap(staged: list[str],
                                                                 tmp_path: Path):
    with ExitStack() as stack:
        ward = Ward(stack, tmp_path, staged)
        for behaviour, fault in BROKERS:
            ward.admit(stack.enter_context(BadBroker(behaviour)).port, fault)
        ward.admit(1, faults.UNREACHABLE)
        for handset, _, language, fault in ward.patients:
            gone(handset)
            assert shows(handset, language, fault), (faults.name(fault), handset.story())
        ward.discharge()


def test_a_broker_that_hangs_up_after_any_packet_is_named_so_each_time_and_asked_less_and_less(
        command: list[str], tmp_path: Path):
    with ExitStack() as stack:
        ward = Ward(stack, tmp_path, command)
        brokers = [stack.enter_context(BadBroker(each)) for each in HANGING_UP]
        for broker in brokers:
            ward.admit(broker.port, faults.CLOSED)
        for _ in range(3):
            for handset, _, language, fault in ward.patients:
                gone(handset)
                assert shows(handset, language, fault), handset.story()
        for (handset, *_), broker in zip(ward.patients, brokers, strict=True):
            ends = [said for said in handset.said if said.get("event") == "no_link"
                    or said.get("event") == "link" and not said["up"]]
            assert all(said["why"] for said in ends) and broker.connections <= 6
            said = handset.do("status")
            assert said["link_fault"] == "closed" and said["unsettled"] == 1
        ward.discharge()


def test_each_false_reply_is_named_on_the_screen_and_settles_no_tap(staged: list[str],
                                                                    tmp_path: Path):
    with ExitStack() as stack:
        ward = Ward(stack, tmp_path, staged)
        for why, answer in GATEWAYS:
            ward.admit(stack.enter_context(TinyGateway(CREDENTIALS, answer)).port, why)
        for handset, _, language, why in ward.patients:
            handset.event("set_aside", why=why)
            assert shows(handset, language, faults.FALSE_REPLY), handset.story()
            assert handset.do("status")["up"]
        ward.discharge()


def test_a_broker_that_never_stops_talking_does_not_make_the_handset_deaf(staged: list[str],
                                                                          tmp_path: Path):
    with ExitStack() as stack:
        ward = Ward(stack, tmp_path, staged)
        ward.admit(stack.enter_context(BadBroker(bad_brokers.endless)).port, None)
        handset = ward.patients[0][0]
        gone(handset)
        assert handset.do("status")["link_fault"] in ("unacked", "garbled", "slow", "closed")
        assert handset.sale("900", CARD)["trace"] == 2
        handset.send('{"do": "cut"}')
        handset.end()
        assert waiting(ward.patients[0][1]) == [(7, 1), (7, 2)]
