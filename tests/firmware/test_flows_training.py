"""Training at the handset. Runs on both interpreters."""

from firmware import views
from firmware.checkout import start, step
from firmware.flows import training_texts
from firmware.states import HOME, NOBODY, RESULT, SAVING, SENT, State, changed
from protocol.fields import REFUND, SALE, VOID
from tests.firmware.flow_walk import home_is_near, press, same_words, walk

TRAINED = changed(NOBODY, "training", True)
STATUS = views.Status(False, 10000, 1, "0", None, "", -71, 80, "", None)


def test_it_asks_before_it_begins_and_before_it_ends():
    for till, after, said in ((NOBODY, True, "Start training?"),
                              (TRAINED, False, "End training?")):
        state, effects = press(start(), "D6", till)
        assert state.name == "training.ask" and effects == []
        assert views.lines(state, STATUS, "en", 2)[1] == said
        assert press(state, "*", till)[0].name == HOME and press(state, "5A", till)[0] == state
        state, effects = press(state, "#", till)
        assert state.name == HOME and effects == [("till", "training", after)]


def test_each_bar_says_so_with_what_finds_room():
    assert views.lines(start(), STATUS, "zh", 2, True)[0] == "○▅ TRAIN ↑     █"
    assert views.lines(start(), STATUS, "zh", 2)[0] == "○▅ ↑10000      █"


def test_a_void_in_training_says_that_nothing_posted():
    asked = press(State(SENT, SALE, 1250, (7, 1), None, 9000, None), "D#", TRAINED)[0]
    assert asked.name == SAVING and asked.purpose == VOID
    state = step(asked, ("trained",), 0, TRAINED)[0]
    assert state.name == RESULT and state.shown == ("trained",) and state.key is None


def test_what_names_no_money_shows_none_in_training():
    for kind, amount_minor, said in ((VOID, 0, ""), (REFUND, 500, "5.00")):
        state = step(start(), ("online", kind, amount_minor, ("trained",)), 0, TRAINED)[0]
        assert views.lines(state, STATUS, "en", 2, True)[1:4] == (
            "TRAINING", said, "NOTHING posted")


def test_nobody_in_training_acknowledges_what_did_not_post():
    state, effects = press(start(None, (2, 9, 12)), "#", TRAINED)
    assert state.alert == (2, 9, 12) and effects == []


def test_home_is_always_near():
    home_is_near(walk(press(start(), "D6")[0]))


def test_it_says_the_same_in_both_languages():
    same_words(training_texts)
