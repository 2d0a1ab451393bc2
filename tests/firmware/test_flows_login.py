"""Operators at the handset: number and PIN, with the gateway and without. Both interpreters."""

from firmware.checkout import start
from firmware.flows import login_texts
from firmware.flows.login import needs_login
from firmware.states import HOME, NOBODY, Till
from tests.firmware.flow_walk import home_is_near, press, same_words, walk

WANTED = Till(0, False, False, None, True, (0, 0))
ONLINE = Till(5, False, False, None, True, (0, 0))
BY_HASH = Till(5, True, False, None, True, (0, 0))


def test_what_needs_the_gateway_needs_a_login_that_it_saw():
    assert needs_login(start(), NOBODY) is None and needs_login(start(), ONLINE) is None
    for till in (WANTED, BY_HASH):
        state, effects = needs_login(start(), till)
        assert state.name == "login.online" and effects == (("beep", "refused"),)
        assert press(state, "*", till)[0].name == HOME
        home_is_near(walk(state, till=till), till)


def test_it_says_the_same_in_both_languages():
    same_words(login_texts)
