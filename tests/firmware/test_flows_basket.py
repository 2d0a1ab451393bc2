"""A sale in lines of category and amount, key by key. Runs on both interpreters."""

from firmware import views
from firmware.checkout import start, step
from firmware.flows import basket_texts
from firmware.states import CARD, HOME, NOBODY, SAVING, State, changed
from firmware.views import COLUMNS, columns
from protocol.fields import SALE, request
from protocol.limits import AMOUNT_MINOR_MAX, BASKET_LINES_MAX, U16_MAX, U32_MAX
from protocol.sealer import Sealer
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.replies import CARD as CARD_NUMBER
from tests.firmware.replies import KEY

TAPPED = ("card", 2, CARD_NUMBER)
STATUS = views.Status(True, 0, 1, "", None, "", None, None, "", None)
# what a handset has room to seal, and to note of a tap (dispatch)
FRAME_SIZE_MAX = 320
TWO = ((12, 1250), (3, 500))


def told(state, language="en"):
    return views.lines(state, STATUS, language, 2)[1:]


def keyed(keys):
    return press(start(), keys)[0]


def test_lines_are_keyed_one_after_the_other_and_their_sum_is_sold():
    state = keyed("1250A")
    assert told(state) == ("Category no", "", "12.50", "#✓ C← *←")
    state = press(state, "12#")[0]
    assert told(state) == ("Items 1", "No 12 12.50", "Sum 12.50", "#✓ C← *✗")
    state = press(state, "500")[0]
    assert told(state)[1:3] == ("5.00", "Sum 12.50")
    state = press(state, "#3#")[0]
    assert told(state)[:3] == ("Items 2", "No 3 5.00", "Sum 17.50")
    assert told(state, "zh")[:3] == ("商品 2 项", "类别3 5.00", "合计 17.50")
    state = press(state, "#")[0]
    assert (state.name, told(state)[:2]) == (CARD, ("Tap the card", "17.50"))
    state, effects = step(state, TAPPED, 0)
    assert state.name == SAVING and effects == (("journal", SALE, {
        "card": (2, CARD_NUMBER), "amount_minor": 1750, "basket": TWO}),)


def test_a_sale_without_one_says_nothing_of_it():
    assert told(keyed("1250"))[3] == "#✓ C← *✗ A=ITEMS"
    effects = step(keyed("1250#"), TAPPED, 0)[1]
    assert effects[0][2] == {"card": (2, CARD_NUMBER), "amount_minor": 1250}
    assert keyed("1250#*A").shown == ((), 1250, 0, None)


def test_c_takes_back_what_was_keyed_and_then_the_last_line():
    two = keyed("1250A12#500A3#")
    assert press(two, "95CC")[0] == two
    one = press(two, "C")[0]
    assert one.shown == (TWO[:1], 0, 0, None) and one.amount_minor == 1250
    assert press(two, "CC")[0].name == HOME  # a sale of nothing is none
    assert press(one, "A#")[0].name == CARD
    assert press(keyed("1250A34C"), "#")[0].shown[0] == ((3, 1250),)
    state = press(keyed("1250A3"), "CC")[0]  # back at the amount of the line
    assert told(state)[:2] == ("Items 0", "12.50")
    assert press(state, "C")[0].shown[1] == 125 and press(state, "CCCC")[0].name == HOME


def test_c_held_down_clears_the_number_that_is_being_keyed():
    for keys, shown in (("1250A34", ((), 1250, 0, None)),
                        ("1250A3#95", (((3, 1250),), 0, 0, None))):
        assert step(keyed(keys), ("long", "C"), 0)[0].shown == shown
    assert step(keyed("1250AC"), ("long", "C"), 0)[0].name == HOME
    assert step(keyed("1250A3"), ("long", "B"), 0) == (keyed("1250A3"), ())


def test_from_the_card_the_way_goes_back_to_the_lines():
    state = keyed("1250A12#500A3##")
    for events in ((), (("unread", 2, "two_cards"),), (("key", "D"), ("key", "#"))):
        card = state
        for event in events:
            card = step(card, event, 0)[0]
        assert card.name == CARD and card.shown[1] == TWO
        assert press(card, "*")[0] == keyed("1250A12#500A3#")


def test_the_same_sale_again_keeps_its_lines():
    sold = changed(NOBODY, "last", (CARD_NUMBER, 1750, 5000, (7, 1)))
    state = step(keyed("1250A12#500A3##"), TAPPED, 6000, sold)[0]
    assert state.name == "card.twice"
    assert press(state, "#", sold)[1][0][2]["basket"] == TWO


def test_what_no_basket_may_hold_is_refused():
    def refused(state, key):
        return step(state, ("key", key), 0) == (state, (("beep", "refused"),))

    assert refused(keyed("1250A"), "#") and refused(keyed("1250A0"), "#")
    assert refused(keyed("1250A6553"), "6") and keyed("1250A65535").shown[2] == U16_MAX
    assert refused(keyed("99999A1#"), "A") and refused(keyed("1250A3#"), "B")
    state = keyed("999999999A1#")
    assert press(state, "1A2#")[0].amount_minor == AMOUNT_MINOR_MAX and refused(state, "2")
    assert step(state, TAPPED, 0) == (state, (("beep", "refused"),))
    full = keyed("1A1#" * BASKET_LINES_MAX)
    assert told(full)[0] == "Items 16, full" and refused(full, "1")
    assert press(full, "#")[0].amount_minor == BASKET_LINES_MAX
    assert press(full, "C1A1#")[0] == full


def test_the_longest_sale_fits_the_frame_that_a_handset_seals():
    share = AMOUNT_MINOR_MAX // BASKET_LINES_MAX
    basket = ((U16_MAX, share),) * BASKET_LINES_MAX
    said = request(SALE, U32_MAX, U32_MAX, at=U32_MAX, clock_age=U32_MAX, operator=U16_MAX,
                   card=(2, b"\x04" * 10), amount_minor=share * BASKET_LINES_MAX, basket=basket,
                   uptime_s=U32_MAX, boot_count=U32_MAX)
    assert len(Sealer(FRAME_SIZE_MAX).seal_request(KEY, U32_MAX, 255, said)) <= FRAME_SIZE_MAX


def test_the_longest_values_fit():
    lines = ((U16_MAX, AMOUNT_MINOR_MAX),)
    uncut, seen = views.fit, []
    for language in ("en", "zh"):
        for place in ("basket.category", "basket.amount"):
            for shown in ((lines, 0, 0, None), (lines, AMOUNT_MINOR_MAX, U16_MAX, None),
                          (lines * BASKET_LINES_MAX, 0, 0, None)):
                views.fit = lambda text: seen.append(text) or uncut(text)
                try:
                    told(State(place, SALE, AMOUNT_MINOR_MAX, None, shown, None, None), language)
                finally:
                    views.fit = uncut
    assert len(seen) == 36 and not [text for text in seen if columns(text) > COLUMNS]


def test_home_is_always_near():
    events = [TAPPED, ("unread", 2, "two_cards"), ("long", "C"), ("time",), ("failed",)]
    home_is_near(walk(keyed("1250A"), events))
    home_is_near([keyed("1250A12#500A3##"), keyed("1250A12#500A3#7A")])


def test_it_says_the_same_in_both_languages():
    same_words(basket_texts)
