"""What is not done. Runs on both interpreters."""

from firmware.checkout import start, step
from firmware.flows import waiting_texts
from firmware.states import HOME, NOBODY, changed
from protocol import codes
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.test_flows_taps import PLACE, REFUSED, WAITS
from tests.firmware.test_views import OFFLINE, show

ALERT = (2, 40, codes.CARD_LOST)


def main():
    return press(start(None, ALERT), "D3")[0]


def refused():
    return step(press(main(), "B")[0], ("found", (PLACE, REFUSED)), 0)[0]


def test_it_says_how_many_of_both():
    assert show(main(), OFFLINE)[1:4] == ("Not done yet", "A unsent 3", "B refused 2")
    assert show(main(), OFFLINE, "zh")[1:4] == ("未完成", "A 未发送 3", "B 未入账 2")


def test_unsent_taps_are_shown_one_by_one():
    state, wanted = press(main(), "A")
    assert wanted == [("look", "unsent", None)]
    state, _ = step(state, ("found", WAITS), 0)
    assert show(state)[1:] == ("Sale 8.00", "Not yet posted", "..7892", "42 B↓ *←")
    state, wanted = press(state, "B")
    assert wanted == [("look", "unsent", (7, 42))]
    assert show(step(state, ("found", None), 0)[0])[1] == "No more"


def test_what_did_not_post_is_acknowledged_once_it_is_seen():
    assert press(main(), "#")[1] == []
    state, wanted = press(main(), "B")
    assert wanted == [("look", "refused", None)] and press(state, "#")[1] == []
    assert show(refused())[1:] == ("Sale 8.00", "Card lost", "..7892", "40 B↓#✓")
    assert press(refused(), "B")[1] == [("look", "refused", PLACE)]
    after, wanted = press(refused(), "#")
    assert wanted == [("seen",)] and after.alert is None and after.name == "waiting.main"


def test_in_training_nothing_is_acknowledged():
    after, wanted = press(refused(), "#", changed(NOBODY, "training", True))
    assert wanted == [] and after == refused()


def test_it_reads_on_in_a_later_turn():
    state, effects = step(press(main(), "B")[0], ("found", (PLACE, None)), 1000)
    assert effects == () and step(state, ("time",), state.due)[1] == (("look", "refused", PLACE),)


def test_a_flash_that_fails_is_named():
    assert show(step(press(main(), "A")[0], ("failed",), 0)[0])[1] == "Cannot be read"


def test_home_is_always_near():
    events = [("found", value) for value in (None, WAITS, (PLACE, None), (PLACE, REFUSED))]
    events = events[:1] + events[2:]  # a tap alone is an answer to `unsent`
    home_is_near(walk(main(), [("failed",), ("time",)], limit=60))
    home_is_near(walk(refused(), [("failed",), ("time",)] + events[1:], limit=60)[:1])
    assert press(main(), "*")[0].name == HOME


def test_it_says_the_same_in_both_languages():
    same_words(waiting_texts)
