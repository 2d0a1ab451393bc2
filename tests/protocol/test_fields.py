"""A terminal's half of the messages: their fields and the reading of replies."""

import pytest

from protocol import cbor, fields
from protocol.errors import CborError, FrameError
from protocol.fields import (
    REPLY_FIELDS,
    REPLY_RULES,
    REQUEST_FIELDS,
    SALE,
    Reply,
    read_reply,
    request,
)
from tests.support.micropython import run


def test_the_place_of_a_field_is_its_key_on_the_wire():
    numbered = {"at": 3, "card": 6, "amount_minor": 7, "original": 10, "nonce": 16, "tender": 21}
    assert {name: REQUEST_FIELDS.index(name) for name in numbered} == numbered
    numbered = {"digest": 3, "code": 4, "balance": 7, "receipt": 11, "chunk": 18,
                "next_key": 23, "authorisation": 24, "redeeming": 25}
    assert {name: REPLY_FIELDS.index(name) for name in numbered} == numbered
    assert (len(REQUEST_FIELDS), len(REPLY_FIELDS), len(REPLY_RULES)) == (25, 26, 26)


def test_a_misspelt_field_is_refused_when_the_message_is_made():
    with pytest.raises(ValueError, match="amount"):
        request(SALE, 1, 1, amount=5)


def test_fields_put_behind_the_first_values_stand_at_their_keys_and_no_further():
    values = fields.put([SALE, 7, 40], {"amount_minor": 1250, "card": (2, 9)})
    assert values == [SALE, 7, 40, None, None, None, (2, 9), 1250]
    assert values == list(request(SALE, 7, 40, card=(2, 9), amount_minor=1250))[:8]
    assert fields.put([SALE, 7, 40, 5], {"at": 6}) == [SALE, 7, 40, 6]
    with pytest.raises(ValueError, match="no such field: amount"):
        fields.put([SALE, 1, 1], {"amount": 5})


def test_a_reply_without_one_of_its_first_six_keys_counts_as_not_come():
    whole = {0: 129, 1: 1, 2: 1, 3: bytes(8), 4: 0, 5: 0}
    assert isinstance(read_reply(cbor.encode(whole)), Reply)
    for key in whole:
        for broken in ({**whole, key: "x"}, {k: v for k, v in whole.items() if k != key}):
            with pytest.raises(FrameError, match="keys"):
                read_reply(cbor.encode(broken))


def test_a_terminal_settles_by_a_reply_whose_other_keys_it_cannot_read():
    newer = {0: 129, 1: 1, 2: 1, 3: bytes(8), 4: 0, 5: 0, 6: 15, 9: "x" * 60, 25: "new", 99: 1}
    read = read_reply(cbor.encode(newer))
    assert (read.code, read.points, read.tier) == (0, 15, None)


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\x01", b"\xa0\x00", b"\xff" * 9])
def test_bytes_that_are_no_reply_are_refused(payload: bytes):
    with pytest.raises((CborError, FrameError)):
        read_reply(payload)


def test_the_numbers_of_types_and_entries_do_not_move():
    told = ("SALE", "REDEMPTION", "VOID", "REFUND", "INQUIRY", "REWARD", "TOP_UP", "PAYMENT",
            "BATCH_CLOSE", "HEARTBEAT", "FETCH", "LOGIN", "ACTIVATE", "AUTHORISE")
    assert [getattr(fields, name) for name in told] == list(range(1, 15))
    assert (fields.SWIPE, fields.TAP, fields.SCAN, fields.KEYED) == (1, 2, 3, 4)


LOADED = """
import sys
from protocol import fields, frames, sealer, topics, codes
codes.transient(5)
print(" ".join(sorted(sys.modules)))
"""


def test_a_handset_does_not_load_the_gateways_half():
    loaded = run(LOADED).split()
    assert "protocol.fields" in loaded
    for module in ("messages", "requests", "keys", "code_names"):
        assert f"protocol.{module}" not in loaded
