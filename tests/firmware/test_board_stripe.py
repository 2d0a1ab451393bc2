"""Track 2 as readers send it, whole and damaged, in both directions. Portable."""

import asyncio
import random

from firmware.board.stripe import StripeReader, number_of_bits, number_of_text
from simulator import stripe_peer as stripe
from simulator.serial_line import SerialLine
from tests.firmware.portable import all_within
from tests.firmware.virtual_time import now_ms, run

CARD = 6200001234567892
TRACK = stripe.track_2(CARD)
WORDS = ("no_start", "no_end", "short", "long", "not_a_number", "parity", "lrc", "unreadable")

# ISO/IEC 7811-2: the characters of track 2, b1 b2 b3 b4 P
TABLE = {"0": "00001", "1": "10000", "2": "01000", "3": "11001", "4": "00100", "5": "10101",
         "6": "01101", "7": "11100", "8": "00010", "9": "10011", ";": "11010", "=": "10110",
         "?": "11111"}


def by_hand(track, lrc):
    """The bits of the standard's table, and the LRC as worked out by hand."""
    return [int(bit) for letter in track for bit in TABLE[letter]] + [int(bit) for bit in lrc]


def of_bits(bits, backwards=False):
    data = stripe.raw(bits, backwards)
    return number_of_bits(data, len(data), bytearray(41))


def of_text(data, with_lrc=False):
    return number_of_text(data, len(data), with_lrc)


def test_the_bits_of_the_standards_table_are_read_in_both_directions():
    # ; 1 2 3 4 5 6 7 8 ?: each of b1 to b4 over all of it is even, with the LRC
    # 1011 0001 0010 0011 0100 0101 0110 0111 1000 1111: b4..b1 of the LRC are 1100, P 1
    bits = [0] * 11 + by_hand(";12345678?", "00111") + [0] * 7
    assert of_bits(bits) == of_bits(bits, True) == 12345678
    assert bits[11:-7] == stripe.bits_of(stripe.characters_of(";12345678?"))


def test_numbers_of_8_to_19_digits_are_read_however_they_were_swiped():
    random.seed(2)
    for digits in range(8, 20):
        number = int("".join([str(1 + random.getrandbits(3)) for _ in range(digits)]))
        for more in ("", "2912", "29121010000"):
            if digits + len(more) > 36:
                more = "2912"
            track = stripe.track_2(number, more)
            bits = stripe.swipe_bits(track)
            assert of_bits(bits) == number and of_bits(bits, True) == number
            assert of_text(stripe.text(track)) == number
            assert of_text(stripe.text(track, with_lrc=True), True) == number


def test_one_misread_bit_is_never_another_number():
    bits = stripe.swipe_bits(TRACK)
    named = set()
    for backwards in (False, True):
        for place in range(len(bits)):
            found = of_bits(stripe.turned(bits, place), backwards)
            assert found == CARD or found in WORDS, place
            named.add(found)
    assert {"parity", "no_start", CARD} <= named


def test_two_bits_of_one_character_escape_the_parity_and_not_the_lrc():
    bits = stripe.swipe_bits(TRACK)
    for character in range(1, len(TRACK) - 1):
        at = stripe.CLOCKING_BITS + 5 * character
        found = of_bits(stripe.turned(stripe.turned(bits, at), at + 1))
        assert found in WORDS
    at = stripe.CLOCKING_BITS + 5
    assert of_bits(stripe.turned(stripe.turned(bits, at), at + 1)) == "lrc"


def test_a_swipe_that_left_the_head_or_ended_early_has_a_name():
    bits = stripe.swipe_bits(TRACK)
    whole = stripe.CLOCKING_BITS + 5 * (len(TRACK) + 1)
    for end in range(whole - 1):
        assert of_bits(bits[:end]) in WORDS, end
    assert of_bits(bits[:stripe.CLOCKING_BITS + 50]) == "no_end"
    assert of_bits([0] * 400) == of_bits([]) == "no_start"
    for first in range(0, whole, 7):
        # (all five bits of a 0 would escape parity and LRC; the check digit is the gateway's)
        for count in (1, 2, 3, 4, 7, 11):
            found = of_bits(stripe.without(bits, first, count))
            assert found == CARD and first + count <= stripe.CLOCKING_BITS or found in WORDS


def test_a_swipe_without_any_clocking_bits_is_read():
    for number in (6200001234567892, 620000123456, 62000012):
        track = stripe.track_2(number, "")
        bits = stripe.bits_of(stripe.characters_of(track))
        for before in range(9):
            for behind in range(9):
                whole = [0] * before + bits + [0] * behind
                assert of_bits(whole) == of_bits(whole, True) == number, (before, behind)


def test_40_characters_are_a_track_and_41_are_not():
    for more, found in (("2" * 21, ("card", 1, CARD)), ("2" * 22, ("unread", 1, "long"))):
        track = stripe.track_2(CARD, more)
        assert len(track) == (40 if found[0] == "card" else 41)
        assert swipes([stripe.raw(stripe.swipe_bits(track))], raw=True) == ([found], 0)


def test_what_stands_on_the_stripe_and_is_no_card_of_ours():
    for track, why in ((";?", "short"), (";6200001?", "short"), (";=2912?", "short"),
                       (";62000012345678901234=2?", "long"),
                       (";0200001234567892?", "not_a_number"),
                       (";62000012>4567892?", "not_a_number"),
                       (";" + "6" * 60 + "?", "long")):
        assert of_bits(stripe.swipe_bits(track)) == why, track
        assert of_text(stripe.text(track)) == why, track


def test_readers_that_send_text_frame_it_in_many_ways():
    track_1 = "%B6200001234567892^DOE/JOHN ;=^29121010000?"
    for data in (stripe.text(TRACK, behind=""), stripe.text(TRACK, behind="\r\n"),
                 stripe.text(TRACK, before="\x02\x1b", behind="0\r\x03"),
                 stripe.text(TRACK, before=track_1), stripe.text(TRACK, before="%E?"),
                 stripe.text(TRACK, behind="+016200001234567892=724?\r"),
                 stripe.text(TRACK, behind="+E?\r")):
        assert of_text(data) == CARD, data
    for data, why in ((b"%B6200001234567892^DOE^2912?", "no_start"), (b"%B62000012345", "no_end"),
                      (b";E?", "unreadable"), (b"%E?;E?", "unreadable"), (b"", "no_start"),
                      (b"6200001234567892?", "no_start"), (b";62000012345", "no_end"),
                      (b";6200\xff01234567892?", "unreadable"), (b"?", "no_start"),
                      (b";6200001234567892=" + b"1" * 30, "long")):
        assert of_text(data) == why, data


def test_the_lrc_of_a_text_counts_where_the_reader_sends_it():
    good = stripe.text(TRACK, with_lrc=True, behind="")
    assert of_text(good, True) == CARD
    for other in range(0x30, 0x40):
        if other != good[-1]:
            assert of_text(good[:-1] + bytes((other,)), True) == "lrc"
    assert of_text(good[:-1], True) == "lrc"
    assert of_text(b";6200001234567893=29121010000?" + good[-1:], True) == "lrc"


def swipes(parts, **options):
    """What a reader tells of these bytes, with half a second between them."""
    async def main():
        line, told = SerialLine(), []
        reader = StripeReader(line, now_ms, **options)
        for part in parts:
            sent = asyncio.create_task(line.send(part))
            told += await all_within(800, reader.next, now_ms)
            await sent
        return told, reader.noise

    return run(main())


def test_swipes_are_events_and_half_a_swipe_ends_with_a_pause():
    good = stripe.text(TRACK)
    assert swipes([good, good[:20], good, b"\x00", b"1\r", b"noise\r", good]) == (
        [("card", 1, CARD), ("unread", 1, "no_end"), ("card", 1, CARD),
         ("unread", 1, "no_start"), ("card", 1, CARD)], 2)


def test_raw_swipes_are_events_in_both_directions():
    bits = stripe.swipe_bits(TRACK)
    parts = [stripe.raw(bits), stripe.raw(bits, True), stripe.raw(bits[:90]), b"\x00\x00",
             bytes(300), stripe.raw(bits, True)]
    assert swipes(parts, raw=True) == (
        [("card", 1, CARD), ("card", 1, CARD), ("unread", 1, "no_end"), ("unread", 1, "long"),
         ("card", 1, CARD)], 1)


def test_no_word_of_a_damaged_swipe_has_digits():
    good = stripe.text(TRACK)
    told, _ = swipes([good[:end] for end in range(1, len(good) - 2)])
    assert told and all([each[0] == "unread" and each[2] in WORDS for each in told])


def test_any_bytes_end_in_a_word_or_a_number_and_a_good_swipe_is_read_behind_them():
    good = stripe.text(TRACK)
    for seed in range(40):
        random.seed(seed)
        alphabet = (bytes(range(256)), b";=?0123456789%\r", b"\x00\xff\x1f;?")[seed % 3]
        noise = bytes([alphabet[random.getrandbits(16) % len(alphabet)]
                       for _ in range(random.getrandbits(9))])
        told, _ = swipes([noise, b"\r" + good])
        assert told[-1] == ("card", 1, CARD), seed
        for kind, entry, what in told:
            assert entry == 1, seed
            assert what in WORDS if kind == "unread" else 10 ** 7 <= what < 10 ** 19, seed
        told, _ = swipes([noise, stripe.raw(stripe.swipe_bits(TRACK))], raw=True)
        assert told[-1] == ("card", 1, CARD), seed
