"""The cards of the field do what the standard says, and are as hard to please."""

from simulator.card_field import Card, Classic, Ntag, bits_of, bytes_of, levels_of, with_crc

UID = b"\x01\x02\x03\x04"
KEY = b"\xff" * 6
REQA, WUPA = [0, 1, 1, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0, 1]
HALT = bits_of(b"\x50\x00\x57\xcd")


def chosen(card):
    assert card.hear(REQA, False) is not None
    for level, part in enumerate(levels_of(card.uid)):
        frame = bytes((0x93 + 2 * level, 0x70)) + part
        assert card.hear(bits_of(with_crc(frame)), False) is not None
    return card


def said(card, data, encrypted=False):
    answer = card.hear(bits_of(with_crc(data)), encrypted)
    return None if answer is None else bytes_of(answer)


def test_bits_go_least_significant_first_and_crcs_are_the_published_ones():
    assert bits_of(b"\x26")[:7] == REQA and bytes_of(REQA) == b"\x26"
    assert with_crc(b"\x00\x00") == b"\x00\x00\xa0\x1e"
    assert with_crc(b"\x12\x34") == b"\x12\x34\x26\xcf"


def test_the_levels_of_uids_of_all_sizes():
    assert levels_of(UID) == [b"\x01\x02\x03\x04\x04"]
    assert levels_of(bytes(range(1, 8))) == [b"\x88\x01\x02\x03\x88", b"\x04\x05\x06\x07\x00"]
    assert [part[0] for part in levels_of(bytes(range(1, 11)))] == [0x88, 0x88, 7]


def test_idle_hears_both_requests_and_halt_only_wupa():
    card = chosen(Card(UID))
    assert card.hear(HALT, False) is None
    assert card.hear(REQA, False) is None and card.hear(WUPA, False) is not None
    # woken out of HALT, what it does not expect puts it back there
    assert card.hear(WUPA, False) is None and card.hear(REQA, False) is None
    card.lose_power()
    assert card.hear(REQA, False) is not None


def test_anticollision_is_answered_by_those_whose_bits_agree():
    card = Card(UID)
    card.hear(REQA, False)
    assert card.hear(bits_of(b"\x93\x20"), False) == bits_of(UID + b"\x04")
    known = bits_of(b"\x93\x34") + bits_of(UID)[:12]
    assert card.hear(known, False) == bits_of(UID + b"\x04")[12:]
    assert card.hear(bits_of(b"\x93\x21") + [0], False) is None
    assert card.hear(bits_of(b"\x93\x20"), False) is None, "it fell back to IDLE"


def test_a_card_that_leaves_hears_so_many_frames_and_no_more():
    card = Card(UID, leaves_after=1)
    assert card.hear(REQA, False) is not None
    assert card.hear(bits_of(b"\x93\x20"), False) is None and not card.present


def test_a_classic_card_opens_one_sector_for_its_key():
    card = chosen(Classic(UID))
    assert said(card, b"\x30\x08") == b"\x04", "closed: a NAK, and it is idle again"
    assert not chosen(card).authenticate(0x60, 8, b"wrong!", UID)
    assert chosen(card).authenticate(0x60, 8, KEY, UID)
    assert said(card, b"\xa0\x09", True) == b"\x0a"
    assert said(card, bytes(range(16)), True) == b"\x0a"
    assert said(card, b"\x30\x09", True) == with_crc(bytes(range(16)))
    assert said(card, b"\x30\x0c", True) == b"\x04", "another sector"


def test_who_encrypts_and_should_not_is_not_understood():
    card = chosen(Classic(UID))
    assert said(card, b"\x30\x08", True) is None
    assert chosen(card).authenticate(0x61, 8, KEY, UID) and said(card, b"\x30\x08") is None


def test_a_block_is_torn_when_the_card_leaves_with_it():
    card = chosen(Classic(UID))
    assert card.authenticate(0x60, 8, KEY, UID)
    said(card, b"\xa0\x08", True)
    card.leaves_after = 0
    assert said(card, b"\xee" * 16, True) is None
    assert bytes(card.blocks[8]) == b"\xee" * 8 + bytes(8)


def test_an_ntag_reads_four_pages_round_its_end_and_writes_one():
    card = chosen(Ntag(bytes(range(1, 8))))
    assert said(card, b"\xa2\x2c1234") == b"\x0a"
    card.memory[:4] = b"abcd"
    assert said(card, b"\x30\x2c") == with_crc(b"1234abcd" + bytes(8))
    assert said(card, b"\x30\x2d") == b"\x00" and card.state == "idle"
    card = chosen(card)
    assert said(card, b"\xa2\x011234") == b"\x00"
