"""What the page knows of the handsets, and what it may do to them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from protocol import codes
from tests.support.page_street import CARDS, NUMBERS, TERMINAL_ID, PlayedHandset
from tools.errors import NotReady
from tools.page.street import Street, Unfit, reasons

PIXELS = "01" + "00" * 1023


def run(main: Callable[[Street, Any], Awaitable[None]], opened: bool = True) -> list:
    """What the page was told while `main` worked with a handset that is switched on."""
    told: list[tuple[str, Any]] = []

    async def whole() -> None:
        street, handset = Street(CARDS, lambda: "09:30:00"), PlayedHandset()
        street.feed.tell = lambda kind, what: told.append((kind, what))  # type: ignore
        street.started(handset)  # type: ignore[arg-type]
        await turn()
        if opened:
            street.open()
        await turn()
        await main(street, handset)
        await turn()

    asyncio.run(whole())
    return told


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_handset_that_starts_is_given_what_was_set_for_it_before_anything_else():
    async def main(street: Street, handset: Any) -> None:
        assert handset.asked == [("watch", {}), ("signal", {"dbm": -67}),
                                 ("battery", {"percent": 83}), ("printer", {"state": "idle"}),
                                 ("status", {})]
        await street.do(TERMINAL_ID, "signal", {"dbm": None})
        await street.do(TERMINAL_ID, "battery", {"percent": 8})
        await street.do(TERMINAL_ID, "paper", {"there": False})
        await turn()
        handset.process.on_end(-9)
        handset.asked.clear()
        street.started(handset)
        await turn()
        assert handset.asked == [("link", {"up": False}), ("watch", {}), ("signal", {"dbm": None}),
                                 ("battery", {"percent": 8}), ("printer", {"state": "paper_out"})]
    run(main)


def test_a_person_answers_the_question_of_a_second_sale():
    async def main(street: Street, handset: Any) -> None:
        handset.sells_twice = True
        street.open()
        assert handset.sells_twice is False
    run(main, opened=False)


def test_keys_cards_and_mishaps_reach_the_control_channel():
    async def main(street: Street, handset: Any) -> None:
        handset.asked.clear()
        for what, asked in (("keys", {"keys": "1250#"}), ("card", {"card": 0, "entry": 2}),
                            ("two-cards", {}), ("signal", {"dbm": None}),
                            ("signal", {"dbm": -97})):
            await street.do(TERMINAL_ID, what, asked)
        assert [each for each in handset.asked if each[0] != "status"] == [
            ("keys", {"keys": "1250#"}), ("card", {"entry": 2, "card": str(NUMBERS[0])}),
            ("unread", {"entry": 2, "why": "two_cards"}), ("link", {"up": False}),
            ("signal", {"dbm": None}), ("link", {"up": True}), ("signal", {"dbm": -97})]
    run(main)


@pytest.mark.parametrize(("what", "asked"), [
    ("dance", {}), ("keys", {}), ("keys", {"keys": ""}), ("keys", {"keys": 5}),
    ("keys", {"keys": "1" * 33}), ("card", {"entry": 2}), ("card", {"card": 2, "entry": 2}),
    ("card", {"card": -1, "entry": 2}), ("card", {"card": True, "entry": 2}),
    ("card", {"card": str(NUMBERS[0]), "entry": 2}), ("card", {"card": 0, "entry": 4}),
    ("signal", {"dbm": "full"}), ("signal", {"dbm": 3}), ("battery", {"percent": 101}),
    ("paper", {})])
def test_what_is_not_there_is_refused_and_reaches_no_handset(what: str, asked: dict):
    async def main(street: Street, handset: Any) -> None:
        handset.asked.clear()
        with pytest.raises(Unfit):
            await street.do(TERMINAL_ID, what, asked)
        with pytest.raises(Unfit):
            await street.do(TERMINAL_ID + 1, "keys", {"keys": "1"})
        assert handset.asked == []
    run(main)


def test_while_the_demo_taps_by_itself_nobody_else_presses_a_key():
    async def main(street: Street, handset: Any) -> None:
        handset.asked.clear()
        with pytest.raises(NotReady, match="by itself"):
            await street.do(TERMINAL_ID, "keys", {"keys": "1"})
        assert handset.asked == []
        street.open()
        await street.do(TERMINAL_ID, "keys", {"keys": "1"})
    run(main, opened=False)


def test_without_power_it_is_dark_and_takes_nothing_until_it_is_switched_on():
    async def main(street: Street, handset: Any) -> None:
        street.heard(handset, {"event": "pixels", "pixels": PIXELS})
        await street.do(TERMINAL_ID, "power", {"on": False})
        for what, asked in (("keys", {"keys": "1"}), ("card", {"card": 0, "entry": 2})):
            with pytest.raises(NotReady, match="switch it on"):
                await street.do(TERMINAL_ID, what, asked)
        with pytest.raises(NotReady, match="off already"):
            await street.do(TERMINAL_ID, "power", {"on": False})
        await street.do(TERMINAL_ID, "power", {"on": True})
        assert handset.process.woken == 1

    told = run(main)
    last = [what for kind, what in told if kind == "handset"][-1]
    assert (last["power"], last["pixels"], last["lines"], last["unsent"]) == (False, "", (), None)
    assert [what["event"] for kind, what in told if kind == "said"] == ["off"]


def test_what_a_handset_says_is_told_with_its_pixels_and_how_its_outbox_is():
    async def main(street: Street, handset: Any) -> None:
        handset.status = {"up": False, "unsettled": 2, "state": "sent"}
        street.heard(handset, {"event": "screen", "lines": ["○", "a", "b", "c", "d"]})
        street.heard(handset, {"event": "pixels", "pixels": PIXELS})
        street.heard(handset, {"event": "saved", "journal": 7, "trace": 1, "type": 1})

    told = run(main)
    assert ("said", {"event": "saved", "journal": 7, "trace": 1, "type": 1,
                     "handset": TERMINAL_ID, "at": "09:30:00"}) in told
    last = told[-1][1]
    assert (last["up"], last["unsent"], last["lines"][1]) == (False, 2, "a")
    assert (last["place"], last["hint"]) == ("sent", "saved")
    assert last["pixels"] == PIXELS


def test_each_screen_of_a_person_is_asked_where_it_is_and_none_of_the_demo_s_own():
    async def main(street: Street, handset: Any) -> None:
        handset.asked.clear()
        street.heard(handset, {"event": "screen", "lines": ["●", "a", "b", "c", "d"]})
        await turn()
        assert handset.asked == []
        street.open()
        handset.status["state"] = "ask_void"
        street.heard(handset, {"event": "screen", "lines": ["●", "a", "b", "c", "d"]})

    told = run(main, opened=False)
    assert [what["hint"] for kind, what in told if kind == "handset"][-1] == "question"


def test_an_answer_that_is_older_than_what_was_heard_since_is_not_told():
    async def main(street: Street, handset: Any) -> None:
        answers: list[asyncio.Future[dict[str, Any]]] = []

        async def slowly(what: str) -> dict[str, Any]:
            answers.append(asyncio.get_running_loop().create_future())
            return await answers[-1]

        handset.do = slowly
        for event in ("screen", "saved"):
            street.heard(handset, {"event": event, "lines": ["●", "a", "b", "c", "d"]})
        await turn()
        for answer, place in zip(answers, ("card", "sent"), strict=True):
            answer.set_result({"up": True, "unsettled": 1, "state": place})
        await turn()

    told = run(main)
    assert [what["place"] for kind, what in told if kind == "handset"][-1] == "sent"
    assert "card" not in [what["place"] for kind, what in told if kind == "handset"]


def test_a_handset_that_dies_while_it_is_asked_is_no_fault_of_the_page():
    async def main(street: Street, handset: Any) -> None:
        handset.deaf = True
        street.heard(handset, {"event": "saved", "journal": 7, "trace": 1})
        await turn()
        handset.deaf = False
        street.started(handset)
    run(main)


def test_a_page_that_comes_late_gets_everything_and_no_card_number():
    async def main(street: Street, handset: Any) -> None:
        street.heard(handset, {"event": "link", "up": True, "why": ""})
        stands = street._snapshot()
        assert stands["opened"] and [each["event"] for each in stands["said"]] == ["link"]
        assert [each["last4"] for each in stands["cards"]] == ["7892", "0013"]
        assert not any(str(number) in str(stands) for number in NUMBERS)
    run(main)


def test_why_a_tap_did_not_post_is_said_as_the_handset_says_it():
    assert reasons()["zh"][codes.CARD_UNKNOWN] == "卡不存在"
    assert set(reasons()["en"]) == set(reasons()["zh"])
