"""The settings a cashier may change. Runs on both interpreters."""

from firmware.checkout import start, step
from firmware.flows import setup_texts
from firmware.states import HOME
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.test_views import show

KEPT = ("kept", "zh", 2, 3, "unix", 41, 1, 0)


def shown():
    state, wanted = press(start(), "D5")
    assert wanted == [("set", None, None)]
    return step(state, KEPT, 0)[0]


def test_each_key_sets_the_next_value_and_nothing_changes_before_it_is_kept():
    state = shown()
    for key, wanted in (("1", ("set", "language", "en")), ("2", ("set", "volume", 3)),
                        ("3", ("set", "brightness", 0)), ("5", ("set", "slips", 0))):
        after, effects = press(state, key)
        assert effects == [wanted] and after == state
    assert press(step(state, ("kept", "en", 3, 0, "unix", 41, 1, 0), 0)[0], "1")[1] == [
        ("set", "language", "zh")]


def test_crashes_are_told_behind_the_boots_where_there_were_any():
    def about(boots, crashes, language="en"):
        state = step(shown(), KEPT[:5] + (boots, 1, crashes), 0)[0]
        return show(press(state, "4")[0], language=language)[3]

    assert about(41, 0) == "Boots 41" and about(41, 0, "zh") == "启动 41"
    assert about(4, 40) == "Boots 4 Crash 40" and about(41, 40) == "Crash 40"
    assert about(41, 4, "zh") == "启动 41 故障 4"


def test_what_could_not_be_kept_is_said_and_everything_is_as_before():
    state, _ = step(press(shown(), "2")[0], ("failed",), 0)
    assert state.name == "setup.failed"
    state, _ = step(press(shown(), "1")[0], ("failed", "font"), 0)
    assert state.name == "setup.no_font"
    assert press(state, "1")[0].name == press(state, "*")[0].name == "setup.main"
    assert press(state, "*")[0] == shown()


def test_before_it_is_known_how_it_is_nothing_can_be_set():
    state = press(start(), "D5")[0]
    assert press(state, "123")[1] == [] and press(state, "*")[0].name == HOME


def test_home_is_always_near():
    home_is_near(walk(shown(), [KEPT, ("failed",)]))


def test_it_says_the_same_in_both_languages():
    same_words(setup_texts)
