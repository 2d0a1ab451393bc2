"""The printer's screen. Runs on both interpreters."""

from firmware.board import printer
from firmware.checkout import start, step
from firmware.flows import paper_texts
from firmware.flows.paper import LOOK_MS
from firmware.states import HOME
from firmware.texts import Words
from firmware.views import columns
from tests.firmware.flow_walk import home_is_near, press, same_words, walk

NO_PAPER = ("printer", "paper_out", 3, 1)
STATES = ("idle", "printing", "paper_out", "cover_open", "error", "offline", "busy",
          "no_answer", "memory", "absent", "none", "failed")


def shown():
    state, wanted = press(start(), "D9")
    assert wanted == [("print", "state", None, True)]
    return step(state, NO_PAPER, 0)[0]


def test_it_says_how_the_printer_is_and_looks_again():
    state = shown()
    assert state.shown == ("paper_out", 3, 1)
    assert step(state, ("time",), LOOK_MS - 1) == (state, ())
    state, effects = step(state, ("time",), LOOK_MS)
    assert effects == (("print", "state", None, True),) and state.shown == ("paper_out", 3, 1)
    assert step(state, ("printer", "idle", 0, 0), LOOK_MS)[0].shown == ("idle", 0, 0)


def test_the_last_slip_is_asked_for_again_and_what_waits_is_given_up():
    assert press(shown(), "#")[1] == [("print", "again", None, True)]
    assert press(shown(), "C")[1] == [("print", "drop", None, True)]
    assert press(shown(), "*")[0].name == HOME


def test_an_outbox_that_cannot_be_read_is_named():
    assert step(shown(), ("failed",), 0)[0].shown == ("failed", 0, 0)


def test_every_state_of_the_driver_has_a_row_in_both_languages():
    for state in STATES:
        for language in ("en", "zh"):
            said = Words(paper_texts.parts(language)).reason(state)
            assert said and columns(said) <= 16, (state, language)
    for question, status in ((1, 0x08), (4, 0x60), (2, 0x04), (2, 0x20), (2, 0x40)):
        assert printer.trouble_of(question, status) in STATES


def test_home_is_always_near():
    home_is_near(walk(shown(), [NO_PAPER, ("printer", "absent", 0, 0), ("failed",), ("time",)]))


def test_it_says_the_same_in_both_languages():
    same_words(paper_texts)
