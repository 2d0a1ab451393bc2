"""A swipe is the bits of the standard, in the order in which they pass."""

from simulator import stripe_peer as stripe


def test_characters_have_their_bits_lowest_first_and_an_odd_number_of_ones():
    assert stripe.bits_of([0x0B, 0, 7]) == [1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]
    assert all(sum(stripe.bits_of([value])) % 2 for value in range(16))


def test_the_lrc_makes_each_column_even():
    values = stripe.characters_of(stripe.track_2(6200001234567892))
    total = 0
    for value in values:
        total ^= value
    assert total == 0 and values[0] == stripe.START and values[-2] == stripe.END


def test_raw_bytes_are_the_bits_in_their_order_or_backwards():
    assert stripe.raw([1, 0, 0, 0, 0, 0, 0, 0, 1]) == b"\x80\x80"
    assert stripe.raw([1, 1, 0, 0], backwards=True) == b"\x30"


def test_text_has_what_the_reader_is_set_to_send():
    track = stripe.track_2(62000012, "2912")
    assert stripe.text(track) == b";62000012=2912?\r"
    assert stripe.text(stripe.track_2(62000012, ""), behind="") == b";62000012?"
    assert stripe.text(";12345678?", with_lrc=True) == b";12345678?<\r"


def test_damage_is_done_to_bits():
    assert stripe.without([1, 2, 3, 4], 1, 2) == [1, 4]
    assert stripe.turned([1, 0, 1], 1) == [1, 1, 1]
