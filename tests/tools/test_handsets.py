"""The control channel of a handset process, against a stand-in that says what it is told to."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware.flows import card_texts
from firmware.texts import Words
from tools import handsets
from tools.errors import NotReady
from tools.handsets import Handset

# answers commands as the unix board does: an outbox of one sale, an error for what it cannot do
STAND_IN = f"""
SAME = {Words(card_texts.parts("zh"))[card_texts.SAME]!r}
""" + """
import json, sys
def say(**what): print(json.dumps(what), flush=True)
print("not json at all", flush=True)
say(event="ready", runtime="stand-in 1", terminal_id=7, journal=5)
say(event="link", up=True, why="")
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked: say(event="pressed", keys=asked["keys"]); continue
    if asked["do"] == "die": sys.exit(3)
    if asked["do"] == "card": say(event="saved", journal=5, trace=1)
    if asked["do"] == "outbox":
        say(id=asked["id"], outbox=[{"journal": 5, "trace": 1, "type": 1, "amount_minor": 1250,
            "card_last4": "7892", "settled": True, "code": 0, "points": 12, "receipt": 9}])
    elif asked["do"] == "twice": say(event="screen", lines=["", SAME, "", "", ""]); say(**asked)
    elif asked["do"] == "silence": pass
    elif asked["do"] in ("keys", "card"): say(id=asked["id"])
    else: say(id=asked["id"], error="no such command")
"""


def run(main: Callable[[Handset], Awaitable[None]], folder: Path) -> list[Mapping[str, Any]]:
    """Events seen while `main` worked with a handset."""
    events: list[Mapping[str, Any]] = []

    async def whole() -> None:
        handset = Handset(7, [sys.executable, "-c", STAND_IN], os.environ, folder / "log",
                          lambda line: None, lambda handset, said: events.append(said))
        handset.process.start()
        try:
            await asyncio.wait_for(handset.ready.wait(), 10)
            await main(handset)
        finally:
            await handset.process.stop()

    asyncio.run(whole())
    return events


def test_a_sale_is_keyed_and_said_to_be_saved(tmp_path: Path):
    async def main(handset: Handset) -> None:
        await handset.sale(1250, 6200001234567892)
        assert await asyncio.wait_for(handset.saved.get(), 10) == (5, 1)
        assert handset.runtime == "stand-in 1" and handset.link_up.is_set()

    assert [said["event"] for said in run(main, tmp_path)] == ["ready", "link", "saved"]


@pytest.mark.parametrize("sells_twice", [True, False])
def test_only_who_means_it_has_the_question_of_a_second_sale_answered(tmp_path: Path,
                                                                      sells_twice: bool):
    async def main(handset: Handset) -> None:
        handset.sells_twice = sells_twice
        await handset.do("twice")
        await handset.do("keys", keys="1")  # behind what was pressed, if anything was

    pressed = [said["keys"] for said in run(main, tmp_path) if said["event"] == "pressed"]
    assert pressed == (["#"] if sells_twice else [])


def test_what_the_interpreter_prints_itself_stands_in_the_log(tmp_path: Path):
    # MicroPython writes its tracebacks to standard output, between the lines of JSON
    async def main(handset: Handset) -> None:
        pass

    run(main, tmp_path)
    assert (tmp_path / "log").read_text() == "not json at all\n"


def test_the_outbox_is_read_as_values(tmp_path: Path):
    async def main(handset: Handset) -> None:
        (entry,) = await handset.outbox()
        assert entry == handsets.OutboxEntry(7, 5, 1, 1, 1250, True, 0, 12, 9, "7892")

    run(main, tmp_path)


def test_a_refused_command_and_a_silent_handset_are_errors(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(handsets, "ANSWER_WAIT_S", 0.2)

    async def main(handset: Handset) -> None:
        with pytest.raises(NotReady, match="no such command"):
            await handset.do("dance")
        with pytest.raises(NotReady, match="did not answer"):
            await handset.do("silence")

    run(main, tmp_path)


def test_a_handset_that_dies_under_a_question_is_started_again_and_says_so(tmp_path: Path):
    async def main(handset: Handset) -> None:
        with pytest.raises(NotReady, match="started again"):
            await handset.do("die")
        await asyncio.wait_for(handset.ready.wait(), 10)
        assert len(await handset.outbox()) == 1

    run(main, tmp_path)


def test_a_settlement_without_points_counts_none():
    said = {"journal": 5, "trace": 1, "code": 10, "points": None, "balance": None}
    settled = handsets.settled(7, said)
    assert (settled.code, settled.points, settled.balance, settled.member) == (10, 0, None, None)
