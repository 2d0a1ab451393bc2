"""What the page tells a person to do next, held against every screen that a handset can show."""

import re
from pathlib import Path

import pytest

from firmware import checkout, states
from tools import screens
from tools.page.hints import (
    AMOUNT,
    CARD,
    CHOOSE,
    CONFIRM,
    FOOT,
    HINTS,
    KEYED,
    LOG_IN,
    NEW,
    NONE,
    QUESTION,
    SAVED,
    WAIT,
    hint,
)
from tools.screens import SCENES, Scene

FLOWS = Path(checkout.__file__).parent / "flows"
PLACE = re.compile(r"^\| ([a-z]+\.[a-z_]+) \|", re.MULTILINE)  # the table in a flow's head
YES_NO = {"#✓ *←", "#✓ *✗"}


def hint_of(scene: Scene, language: str) -> str:
    login = scene.status.operator is not None
    return hint(scene.state.name, screens.lines(scene, language), login)


@pytest.fixture(params=["zh", "en"])
def hinted(request: pytest.FixtureRequest) -> dict[str, str]:
    return {scene.name: hint_of(scene, request.param) for scene in SCENES}


def test_every_place_of_the_handset_is_named_and_nothing_else():
    places = {place for path in FLOWS.glob("*.py") for place in PLACE.findall(path.read_text())}
    named = {value for name, value in vars(checkout).items()
             if name.isupper() and isinstance(value, str)}
    assert len(places) > 40
    assert set(HINTS) == places | named | {states.TWICE, "booting"}


def test_a_sale_is_led_from_key_to_key(hinted: dict[str, str]):
    steps = ("ready", "amount", "card", "saving", "sent", "posted")
    assert [hinted[each] for each in steps] == [AMOUNT, CONFIRM, CARD, NONE, SAVED, NEW]


@pytest.mark.parametrize(("scene", "said"), [
    ("points: how many", FOOT), ("points: sure?", QUESTION), ("cancel?", QUESTION),
    ("card, balance", CARD), ("waiting", WAIT), ("PIN", KEYED), ("operator", KEYED),
    ("logged in", AMOUNT), ("logged in offline", AMOUNT), ("an operator, ready", AMOUNT),
    ("log in", LOG_IN), ("menu", CHOOSE), ("training?", QUESTION), ("refused", NEW),
    ("outbox fault", NONE)])
def test_what_is_told_fits_the_screen(hinted: dict[str, str], scene: str, said: str):
    assert hinted[scene] == said


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_foot_of_the_screen_bears_out_what_is_told(scene: Scene):
    foot = screens.lines(scene, "en")[4]
    said = hint_of(scene, "en")
    if said == QUESTION:
        assert foot in YES_NO
    if said in (CONFIRM, KEYED):
        assert foot.startswith("#✓ C←")
    if said == CHOOSE:
        assert foot.endswith("*←") and "#" in foot
    if said == FOOT:
        assert set(foot) & set("✓✗←↑↓") or "#" in foot, foot


def test_where_nobody_may_be_logged_in_no_amount_is_asked_for():
    for scene in SCENES:
        if scene.name.startswith("last, ") or scene.name == "not posted":
            assert hint(scene.state.name, screens.lines(scene, "en"), True) == NONE
    assert hint("home", (), True) == NONE and hint("elsewhere", (), False) == NONE
