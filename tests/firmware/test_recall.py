"""What the outbox says about a tap, in words for people. Runs on both interpreters."""

from firmware.outbox import Outbox, format_outbox
from firmware.recall import amount_of, content, first_state, last_tap
from protocol import codes, frames, messages
from tests.firmware.portable import RamFlash
from tests.firmware.replies import CARD, KEY, TERMINAL_ID, sale_frame


def shelf():
    flash = RamFlash()
    format_outbox(flash, 7)
    outbox = Outbox(flash)
    outbox.mount()
    return outbox


def test_an_outbox_that_never_held_a_tap_names_none():
    assert last_tap(shelf(), None) is None


def test_the_newest_tap_is_named_with_its_amount_and_card():
    outbox = shelf()
    outbox.append(1, sale_frame(7, 1, 500))
    outbox.append(2, sale_frame(7, 2, 1250))
    assert last_tap(outbox, outbox.last()) == ("last", 2, 1250, CARD, None, None)


def test_the_last_tap_is_the_last_saved_not_the_last_settled():
    outbox = shelf()
    outbox.append(1, sale_frame(7, 1, 500))
    outbox.append(2, sale_frame(7, 2, 1250))
    outbox.settle(1 * 7, 1, 0, 5, 1000)
    assert last_tap(outbox, outbox.last())[1] == 2 and last_tap(outbox, outbox.last())[4] is None
    outbox.settle(7, 2, 12, None, None)
    assert last_tap(outbox, outbox.last())[4][0] == 12


def test_a_tap_by_the_chip_of_a_card_is_named_by_its_uid():
    outbox = shelf()
    request = messages.request(messages.SALE, 7, 1, card=(2, b"\x01\x02\x03\x04"),
                               amount_minor=1250)
    outbox.append(1, frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)))
    assert last_tap(outbox, outbox.last())[3] == b"\x01\x02\x03\x04"


def test_an_entry_without_card_and_amount_is_named_by_its_trace():
    outbox = shelf()
    request = messages.request(messages.VOID, 7, 1, original=(7, 1))
    outbox.append(1, frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)))
    assert last_tap(outbox, outbox.last()) == ("last", 1, 0, None, None, None)


def seal(kind, trace, **fields):
    request = messages.request(kind, 7, trace, **fields)
    return frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request))


def test_the_money_that_the_gateway_named_is_told_beside_what_was_asked_for():
    outbox = shelf()
    outbox.append(1, seal(messages.REFUND, 1, original=900, basket=((3, 1000),)))
    outbox.settle(7, 1, 0, -6, 1001, 667)
    assert last_tap(outbox, outbox.last()) == (
        "last", 1, 1000, None, (0, -6, 1001), (messages.REFUND, 667))
    # of a refused one it is what would be left
    outbox.append(2, seal(messages.REFUND, 2, original=900, amount_minor=9900))
    outbox.settle(7, 2, codes.EXCEEDS_ORIGINAL, None, None, 583)
    assert last_tap(outbox, outbox.last())[5] is None


def test_a_cancelled_sale_has_its_money_and_a_bill_that_nobody_paid_has_none():
    for kind, given in ((messages.SALE, (messages.VOID, 750)), (messages.REDEMPTION, None)):
        outbox, points = shelf(), {} if kind == messages.SALE else {"points": 300}
        outbox.append(1, seal(kind, 1, card=(2, CARD), amount_minor=1250, **points))
        outbox.settle(7, 1, 0, 12, 1000)
        outbox.append(2, seal(messages.VOID, 2, original=(7, 1)))
        outbox.settle(7, 2, 0, -7, 1001, 750)
        assert last_tap(outbox, outbox.last()) == ("last_void", 1, 0, 1001, given)
    # of a sale whose block was given up meanwhile
    outbox = shelf()
    outbox.append(1, seal(messages.VOID, 1, original=(5, 9)))
    outbox.settle(7, 1, 0, -7, 1001, 750)
    assert last_tap(outbox, outbox.last())[4] == (messages.VOID, 750)


def test_the_first_screen_has_the_key_of_a_tap_that_waits():
    outbox = shelf()
    outbox.append(1, sale_frame(7, 1, 500))
    assert first_state(outbox, [], None).key == (7, 1)
    outbox.settle(7, 1, 0, 5, 1000)
    assert first_state(outbox, [], None).key is None


def test_the_end_of_a_day_is_named_as_such():
    outbox = shelf()
    request = messages.request(messages.BATCH_CLOSE, 7, 1, totals={0: (1, 1)})
    outbox.append(1, frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)))
    assert last_tap(outbox, outbox.last()) == ("last_day", 1, None)


def test_the_money_of_a_basket_is_the_sum_of_its_lines():
    assert amount_of({0: messages.REFUND, 8: ((1, 500), (2, 750))}) == 1250
    assert amount_of({0: messages.SALE, 7: 1250}) == 1250 and amount_of({0: 3}) == 0


def test_the_content_of_a_frame_is_what_was_sealed():
    said = content(sale_frame(7, 41, 1250))
    assert (said[0], said[1], said[2], said[7]) == (messages.SALE, 7, 41, 1250)
