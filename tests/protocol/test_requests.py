"""The judge of requests: Request, 60, 61, or a dead letter."""

import random

import pytest

from protocol import cbor
from protocol.codes import MALFORMED, UNSUPPORTED
from protocol.errors import FrameError
from protocol.messages import (
    AUTHORISE,
    BATCH_CLOSE,
    HEARTBEAT,
    INQUIRY,
    LOGIN,
    MESSAGES,
    PAYMENT,
    REDEMPTION,
    REFUND,
    REWARD,
    SALE,
    TOP_UP,
    VOID,
    Fault,
    Request,
    encode_request,
    read_request,
)
from tests.protocol import answers, mutants, samples
from tests.protocol.schema_check import accepts

CARD = samples.CARD
SOUND = {0: SALE, 1: 5, 2: 9, 6: CARD, 7: 1250}


def verdict(value: dict) -> int:
    """0 where the request may be decided, else 60 or 61."""
    found = read_request(value)
    return found.code if isinstance(found, Fault) else 0


def wire_of(kind: int) -> dict:
    """The least payload of a type, as a map."""
    return cbor.decode(encode_request(samples.sample(kind)))


def test_a_sound_sale_is_a_request():
    found = read_request(SOUND)
    assert isinstance(found, Request)
    assert (found.type, found.journal, found.trace, found.amount_minor) == (SALE, 5, 9, 1250)
    assert found.basket is None


@pytest.mark.parametrize("value", [
    1, "x", b"x", (), (1, 2, 3), None, {}, {0: 1, 1: 1}, {0: 1, 2: 1}, {1: 1, 2: 1},
    {**SOUND, 0: 0}, {**SOUND, 0: 128}, {**SOUND, 0: "1"}, {**SOUND, 1: 0}, {**SOUND, 1: 2**32},
    {**SOUND, 2: -1}, {**SOUND, 2: 2**32}, {**SOUND, 2: (1,)}, {**SOUND, 0: -1},
], ids=repr)
def test_without_a_type_journal_and_trace_that_fit_there_is_no_reply(value: object):
    with pytest.raises(FrameError) as caught:
        read_request(value)
    assert caught.value.reason == "keys"


# WIRE's key table, in words of its own: needed, and known besides 0-2, 3, 4, 5, 18, 19.
TABLE = {
    "sale": ({7}, {6, 8, 17}), "redemption": ({6, 7, 9}, {8, 17, 20, 24}), "void": ({10}, {17}),
    "refund": ({10}, {7, 8, 9, 17}), "reward": ({6, 11}, {17, 20}), "top_up": ({6, 7, 21}, {17}),
    "payment": ({6, 7}, {17, 20}), "batch_close": ({13}, set()), "activate": ({6}, set()),
    "inquiry": ({6}, set()), "heartbeat": ({14}, set()), "fetch": ({15}, set()),
    "login": ({5, 12}, set()), "authorise": ({6, 12}, set()),
    "settled": ({22, 23}, set()),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_type_needs_and_knows_the_keys_of_the_table(kind: int):
    needed, known = TABLE[MESSAGES[kind].name]
    known = known | needed | {0, 1, 2, 3, 4, 5, 16, 18, 19}
    whole = wire_of(kind)
    assert verdict(whole) == 0
    for key in needed:
        assert verdict({k: v for k, v in whole.items() if k != key}) == MALFORMED, f"key {key}"
    for key in range(25, 64):
        assert verdict({**whole, key: 0}) == UNSUPPORTED, f"key {key}"
    for key in set(range(25)) - known:
        sample = samples.REQUEST_VALUES[key][0]
        assert verdict({**whole, key: sample}) == UNSUPPORTED, f"key {key}"
        assert verdict({**whole, key: "wrong"}) == UNSUPPORTED, f"key {key}"
    for key in (3, 4, 5, 18, 19):
        assert verdict({**whole, key: 7}) == 0, f"key {key}"
    for key in known - needed - {0, 1, 2, 16} - ({7, 8, 9} if kind == REFUND else set()):
        sample = samples.REQUEST_VALUES[key][0]
        assert verdict({**whole, key: sample}) == 0, f"key {key}"


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_nonce_stands_exactly_with_trace_zero_and_only_where_nothing_is_journaled(kind: int):
    whole = wire_of(kind)
    bare = {key: value for key, value in whole.items() if key != 16}
    nonce = samples.NONCE
    sound = 1 if MESSAGES[kind].journaled else 0
    assert verdict({**bare, 2: 1}) == (0 if sound else MALFORMED)
    assert verdict({**bare, 2: 0, 16: nonce}) == (MALFORMED if sound else 0)
    assert verdict({**bare, 2: 0}) == MALFORMED
    assert verdict({**bare, 2: 1, 16: nonce}) == MALFORMED


def test_a_type_nobody_knows_is_unsupported_whatever_it_holds():
    for kind in set(range(1, 128)) - set(MESSAGES):
        assert verdict({0: kind, 1: 1, 2: 0}) == UNSUPPORTED
    assert verdict({0: 99, 1: 1, 2: 5, 16: b"short", -1: 0, "x": 0}) == UNSUPPORTED


@pytest.mark.parametrize("key", [64, 65, 4095, 65535])
@pytest.mark.parametrize("value", [0, "x", (), {"a": (1,)}])
def test_a_key_from_64_on_is_ignored(key: int, value: object):
    assert read_request({**SOUND, key: value}) == read_request(SOUND)


@pytest.mark.parametrize("key", [65536, 2**63, -1, -70, "a", b"a", ""])
def test_a_key_that_cannot_be_is_malformed(key: object):
    assert verdict({**SOUND, key: 0}) == MALFORMED


def test_unsupported_wins_over_malformed_because_it_loses_nothing():
    for broken in ({7: 0}, {-1: 0}, {16: samples.NONCE}, {2: 0}, {8: ((1, 1),)}, {3: "late"}):
        assert verdict({**SOUND, **broken}) == MALFORMED
        assert verdict({**SOUND, **broken, 40: 0}) == UNSUPPORTED
        assert verdict({40: 0, **SOUND, **broken}) == UNSUPPORTED
        assert verdict({**SOUND, **broken, 21: 1}) == UNSUPPORTED
    without_card = {key: value for key, value in SOUND.items() if key != 6}
    assert verdict({**without_card, 21: 1}) == UNSUPPORTED


REFUND_KEYS = {7: 100, 8: ((1, 100),), 9: 10}


@pytest.mark.parametrize("held", [
    held for count in range(4) for held in
    ([], [(7,), (8,), (9,)], [(7, 8), (7, 9), (8, 9)], [(7, 8, 9)])[count] or [()]])
def test_a_refund_holds_exactly_one_of_amount_basket_and_points(held: tuple):
    value = {0: REFUND, 1: 1, 2: 2, 10: (1, 1), **{key: REFUND_KEYS[key] for key in held}}
    assert verdict(value) == (0 if len(held) == 1 else MALFORMED)


@pytest.mark.parametrize(("lines", "sums"), [
    (((1, 1250),), True), (((1, 1000), (2, 250, 3)), True), (((1, 1249),), False),
    (((1, 1250, 2),), True), (((1, 1250), (1, 1)), False), (((1, 2500),), False),
])
@pytest.mark.parametrize("kind", [SALE, REDEMPTION])
def test_a_basket_sums_to_the_amount(kind: int, lines: tuple, sums: bool):
    value = {**wire_of(kind), 7: 1250, 8: lines}
    assert verdict(value) == (0 if sums else MALFORMED)


def test_a_refunds_basket_has_no_amount_to_sum_to():
    assert verdict({0: REFUND, 1: 1, 2: 2, 10: 77, 8: ((1, 5), (2, 7))}) == 0


@pytest.mark.parametrize(("kind", "key", "value"), [
    (SALE, 7, 0), (SALE, 7, 1000000001), (SALE, 7, -5), (SALE, 7, "5"), (SALE, 7, b"5"),
    (SALE, 6, (0, 1)), (SALE, 6, (5, 1)), (SALE, 6, (2, 0)), (SALE, 6, (2, 10**19)),
    (SALE, 6, (2, b"12345")), (SALE, 6, (2, b"123")), (SALE, 6, (2, b"123456")),
    (SALE, 6, (2, b"12345678")), (SALE, 6, (2, b"123456789")), (SALE, 6, (2, b"12345678901")),
    (SALE, 6, (2, b"")), (SALE, 6, (2, "6200")), (SALE, 6, (2,)), (SALE, 6, 62),
    (SALE, 6, (2, 1, b"abc")), (SALE, 6, (2, 1, b"t" * 17)), (SALE, 3, 2**32), (SALE, 5, 0),
    (SALE, 5, 65536), (SALE, 8, ()), (SALE, 17, 0), (SALE, 8, ((1, 1),) * 17),
    (VOID, 10, (1, 0)), (VOID, 10, 0), (VOID, 10, (0, 1)), (VOID, 10, (1,)), (VOID, 10, "7"),
    (REDEMPTION, 9, 0), (REDEMPTION, 20, b"short"), (REWARD, 11, ""), (REWARD, 11, "x" * 25),
    (TOP_UP, 21, 0), (TOP_UP, 21, 256), (PAYMENT, 20, bytes(9)), (LOGIN, 12, bytes(15)),
    (AUTHORISE, 12, "1234"), (INQUIRY, 16, bytes(7)), (INQUIRY, 16, "12345678"),
    (BATCH_CLOSE, 13, {}), (BATCH_CLOSE, 13, {0: (1, 0)}), (BATCH_CLOSE, 13, {0: (1, 1), 128: 0}),
    (HEARTBEAT, 14, {}), (HEARTBEAT, 14, {0: ""}), (HEARTBEAT, 14, {0: "v", 1: 101}),
    (HEARTBEAT, 14, {0: "v", 2: 1}), (HEARTBEAT, 14, {0: "v", 10: 1}),
    (HEARTBEAT, 14, {0: "v", 9: (0,)}), (HEARTBEAT, 14, {0: "v", 8: (1, 1)}),
])
def test_a_value_outside_the_cddl_is_malformed(kind: int, key: int, value: object):
    assert verdict({**wire_of(kind), key: value}) == MALFORMED


def test_a_fault_says_which_message_it_answers():
    assert read_request({0: 99, 1: 7, 2: 8}) == Fault(99, 7, 8, None, UNSUPPORTED)
    asked = {0: INQUIRY, 1: 7, 2: 0, 16: samples.NONCE}
    assert read_request(asked) == Fault(INQUIRY, 7, 0, samples.NONCE, MALFORMED)
    assert read_request({**asked, 16: b"x"}) == Fault(INQUIRY, 7, 0, None, MALFORMED)


def broken_requests(count: int):
    """Payloads that decode, most of them wrong in one or two places."""
    rng = random.Random(mutants.SEED)
    sound = [cbor.decode(encode_request(each)) for each in samples.requests()]
    values = [value for each in samples.REQUEST_VALUES.values() for value in each]
    values += [0, -1, 2**32, "", b"", (), {}, bytes(8), samples.NONCE]
    for _ in range(count):
        value = dict(rng.choice(sound))
        for _ in range(rng.randrange(3)):
            how = rng.randrange(4)
            if how == 0 and value:
                value.pop(rng.choice(tuple(value)))
            elif how == 1:
                value[rng.choice((0, 2, *range(3, 26), 63, 64, 70, 65536, -1, "x"))] = (
                    rng.choice(values))
            elif how == 2:
                value[rng.choice((7, 16, 2, 0, 8))] = rng.choice(values)
            else:
                value[0] = rng.randrange(0, 20)
        yield value


def test_no_payload_is_accepted_that_the_cddl_refuses_and_both_interpreters_agree():
    lines, codes = [], set()
    for value in broken_requests(2500):
        payload = cbor.encode(value)
        line = f"request {payload.hex()}"
        told = answers.answer(line)
        if not told.startswith(("fault", "no ")):
            assert accepts(payload, "request"), f"seed {mutants.SEED}: {value}"
        codes.add(told[-3:-1] if told.startswith("fault") else told[:2])
        lines.append(line)
    assert {"60", "61", "no"} < codes
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]
