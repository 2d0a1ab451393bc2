"""Stored boxes read by their form alone: what is another's, changed or none of it is not read."""

from hashlib import sha256

import cbor2
import pytest

from gateway.keyring import Keyring, bound_to
from tests.support.street import JOURNAL, KEYS, Street
from tools.recount.boxes import REFUND, SALE, Opener, Said, Unreadable, read, read_verdict

PAIR = JOURNAL.to_bytes(4, "big") + (1).to_bytes(4, "big")


def read_as(frame: bytes, terminal_id: int, pair: bytes = PAIR) -> Said:
    return read((terminal_id, pair), frame, sha256(frame).digest())


def test_a_request_says_what_was_tapped(sqlite_engine):
    street = Street(sqlite_engine)
    own = street.terminals[0]
    said = read_as(street.sale(1250, at=7, clock_age=3, trace=1), own)
    assert said == Said(SALE, 7000, 3, street.cards[0], 1250, 0, None)
    assert read_as(street.sale(1, card=b"\4\xa1\xb2\xc3", trace=1), own).card == "u04a1b2c3"
    back = street.refund(9, trace=1, basket=((1, 20), (2, 30)))
    assert read_as(back, own)[0:5:4] == (REFUND, 50) and read_as(back, own).original == (
        own, PAIR[:4] + (9).to_bytes(4, "big"))
    assert read_as(street.void(receipt=77, trace=1), own).original == 77
    assert read_as(street.void(5, 6, 7, trace=1), own).original == (
        5, bytes((0, 0, 0, 6, 0, 0, 0, 7)))


def test_what_is_not_this_taps_frame_is_not_read(sqlite_engine):
    street = Street(sqlite_engine)
    frame, own = street.sale(trace=1), street.terminals[0]
    with pytest.raises(Unreadable, match="not the one that was answered"):
        read((own, PAIR), frame, sha256(b"another").digest())
    for terminal_id, pair in ((own + 1, PAIR), (own, PAIR[:-1] + b"\2")):
        with pytest.raises(Unreadable, match="another tap's"):
            read_as(frame, terminal_id, pair)
    outer = cbor2.loads(frame)
    for broken in (b"", frame[:-1], b"\x01", cbor2.dumps(cbor2.CBORTag(18, outer.value)),
                   cbor2.dumps(cbor2.CBORTag(17, [1, 2])),
                   cbor2.dumps(cbor2.CBORTag(17, [b"", outer.value[1], cbor2.dumps(5), b""]))):
        with pytest.raises(Unreadable, match="does not read"):
            read_as(broken, own)


@pytest.mark.parametrize("note", [b"", b"{}", b"[]", b"7", b"\xff", b"[" * 100_000,
                                  b'{"verdict":' * 100_000], ids=lambda note: repr(note[:12]))
def test_a_note_that_says_no_verdict_is_not_read(note):
    with pytest.raises(Unreadable, match="does not say the verdict"):
        read_verdict((-3, bytes(8)), note)


@pytest.mark.parametrize("deep", [b"\x81" * 5000 + b"\0", b"\xc1" * 100_000 + b"\0"],
                         ids=["arrays", "tags"])
def test_a_frame_that_is_too_deep_to_read_is_not_read(deep):
    with pytest.raises(Unreadable, match="does not read"):
        read_as(deep, 5)


def test_a_box_opens_for_its_month_its_key_and_its_place_only():
    box = Keyring(*KEYS).lock(202611, bound_to("frames", 5, PAIR), b"request", b"reply")
    opener = Opener(KEYS[2])
    assert opener.frame(202611, (5, PAIR), box) == b"request"
    for which, month, key, content in ((opener, 202612, (5, PAIR), box),
                                       (opener, 202611, (6, PAIR), box),
                                       (opener, 202611, (5, PAIR), box[:-1]),
                                       (opener, 202611, (5, PAIR), b""),
                                       (Opener(KEYS[1]), 202611, (5, PAIR), box)):
        with pytest.raises(Unreadable, match="does not open"):
            which.frame(month, key, content)
