"""The menu. Runs on both interpreters."""

from firmware.checkout import start, step
from firmware.errors import FirmwareError
from firmware.flows import menu_texts
from firmware.states import HOME, STATUS, to
from tests.firmware.flow_walk import KEYS, home_is_near, press, same_words, walk
from tests.firmware.portable import raises
from tests.firmware.test_views import show


def test_a_digit_begins_what_it_stands_for():
    assert press(start(), "D")[0].name == "menu.main"
    assert press(start(), "D7")[0].name == STATUS
    assert press(start(), "D9")[0].name == "paper.main"


def test_the_second_page_names_the_rest_and_each_digit_counts_on_both():
    first = press(start(), "D")[0]
    assert show(first)[4] == "#=MORE 7890  *←"
    more = press(first, "#")[0]
    assert show(more)[1:] == ("7 Info 8 Log out", "9 Printer 0 Soon", "", "#=1-6  *←")
    assert press(more, "#")[0] == first and press(more, "*")[0].name == HOME
    for key in "12345679" + "0":
        assert press(more, key) == press(first, key), key


def test_where_nobody_logs_in_the_key_that_logs_out_says_so():
    state, effects = step(press(start(), "D")[0], ("key", "8"), 0)
    assert state.name == "menu.off" and effects == (("beep", "refused"),)
    assert show(state)[1:3] == ("Nobody logs in", "on this handset")
    assert press(state, "*")[0].name == "menu.main"


def test_what_comes_later_has_its_place_and_says_so():
    state = press(start(), "D0")[0]
    assert show(state)[1:] == ("Not yet, sorry:", "Gifts Top-up Pay", "New cards, PINs", "*←")
    assert show(state, language="zh")[1] == "以下尚未开通"
    menu = press(start(), "D")[0]
    for key in KEYS:
        assert press(state, key) == (press(menu, key) if key in "12345679" else (menu, []))
    assert press(press(start(), "D8")[0], "5")[0].name == "setup.main"


def test_a_place_of_no_flow_is_a_fault_of_the_program():
    nowhere = to(start(), "nowhere.main")
    assert raises(FirmwareError, press, nowhere, "1") and raises(FirmwareError, show, nowhere)


def test_home_is_always_near():
    home_is_near(walk(press(start(), "D")[0]))


def test_it_says_the_same_in_both_languages():
    same_words(menu_texts)
