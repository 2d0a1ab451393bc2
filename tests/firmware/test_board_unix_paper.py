"""The printer of the unix board: a slip is an event of its channel."""

import json
from pathlib import Path

import pytest

from firmware.board.unix_paper import UnixPaper
from tests.firmware.shop import CARD, CREDENTIALS, Shop, settings_for
from tests.firmware.test_printing import Desk, carry_out, reply, sale_frame
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tests.support.tiny_gateway import TinyGateway
from tools import handset_program


class Channel:
    def __init__(self) -> None:
        self.settings = settings_for(1883)
        self.said: list[dict] = []

    def write(self, text: str) -> None:
        self.said.append(json.loads(text))


def test_slips_wait_for_paper_and_the_oldest_makes_room():
    channel = Channel()
    desk = Desk(UnixPaper(channel))
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.printer.paper_is("paper_out")
    for _ in range(6):
        answer = reply(sale_frame(7, 1, 1250), points=12)
        told = carry_out(desk, (7, 1), answer, False)
    assert told == ("printer", "paper_out", 4, 2)
    carry_out(desk, "again", None, True)  # it waits already
    assert not channel.said and desk.printer.waiting == 4
    desk.printer.paper_is("idle")
    assert len(channel.said) == 4 and {said["event"] for said in channel.said} == {"slip"}
    assert not any(said["copy"] for said in channel.said) and desk.printer.waiting == 0
    desk.printer.paper_is("no_answer")
    carry_out(desk, "again", None, True)
    assert carry_out(desk, "drop", None, True) == ("printer", "no_answer", 0, 2)
    desk.printer.paper_is("idle")
    assert len(channel.said) == 4


@pytest.mark.parametrize("linked", [False, True])
def test_a_sale_prints_its_slip_and_the_list_prints_it_again(tmp_path: Path, linked: bool):
    command = handset_program.cpython_command()
    if linked:
        need_micropython()
        command = handset_program.stage(tmp_path / "program", heap_size="112K")
    with TinyGateway(CREDENTIALS, Shop().answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("printer", state="idle")
            handset.sale("1250", CARD)
            slip = handset.event("slip", copy=False)
            assert any("12.50" in text for _, text in slip["lines"])
            handset.do("keys", keys="*C#")
            assert handset.event("slip", copy=True)
            assert "error" in handset.do("printer", state="burning")
            handset.do("keys", keys="*")
            handset.do("printer", state=None)
            handset.sale("800", CARD)
            handset.event("settled", trace=2)
            assert not [said for said in handset.said if said.get("event") == "died"]
