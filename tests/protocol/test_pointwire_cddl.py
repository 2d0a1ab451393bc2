"""The schema's home is protocol/; it means what the vectors' copy means."""

import re

import cbor2

from protocol.messages import MESSAGES, REPLY_FIELDS, REQUEST_FIELDS
from tests.protocol.schema_check import CDDL, accepts, assert_accepted
from tests.support import vectors


def meaning(text: str) -> list[str]:
    """The words of a schema without comments, layout and line ends."""
    bare = re.sub(r";[^\n]*", " ", text)
    return re.findall(r"[\w.#-]+|\S", bare)


# Keys that this version knows and the first one reserved (README, decisions).
RESERVED = "* (22..63) => any,"
SINCE = """? 22 => bstr .size (1..1024),
           ? 23 => [code: 0..255, points: points, ? receipt: receipt],
           ? 24 => amount,
           * (25..63) => any,"""
# Of replies every key above 63 was free; this version gives one below it a meaning.
REPLIES = "? 24 => bstr .size 8, * (64..65535) => any"
REPLIES_SINCE = "? 24 => bstr .size 8, ? 25 => redeeming, * (64..65535) => any"
REDEEMING = """redeeming = [usable: count, points: amount, amount_minor: amount, least: amount,
                            step: amount, share_bp: 1..10000]
               reply = {"""


def test_it_equals_the_vectors_copy_but_for_comments_layout_and_what_was_reserved():
    first = vectors.vector("pointwire.cddl").read_text()
    assert first.count(RESERVED) == 1
    words = " ".join(meaning(first.replace(RESERVED, SINCE)))
    for then, now in ((REPLIES, REPLIES_SINCE), ("reply = {", REDEEMING)):
        then = " ".join(meaning(then))
        assert words.count(then) == 1
        words = words.replace(then, " ".join(meaning(now)))
    assert " ".join(meaning(CDDL.read_text())) == words


def test_meaning_sees_a_changed_number_and_not_a_changed_comment():
    assert meaning("a = 1..2 ; x") == meaning("a =\n 1..2;y")
    assert meaning("a = 1..2") != meaning("a = 1..3")


def test_the_frames_of_the_vectors_fit_it():
    wire = vectors.wire()
    for name, rule in (("sale", "request"), ("authorise", "request"), ("reply", "reply")):
        assert_accepted(bytes.fromhex(wire[name]["frame"]), "frame")
        assert_accepted(bytes.fromhex(wire[name]["payload"]), rule)


def test_it_refuses_what_is_no_message():
    assert not accepts(cbor2.dumps({0: 1, 1: 1}), "request")
    assert not accepts(cbor2.dumps({0: 128, 1: 1, 2: 1}), "request")
    assert not accepts(cbor2.dumps([]), "frame")


def test_it_names_every_field_of_the_messages_by_its_key():
    text = CDDL.read_text()
    request, reply = text.split("\nrequest = {")[1].split("\n}")[0], text.split("\nreply = {")[1]
    for names, body in ((REQUEST_FIELDS, request), (REPLY_FIELDS, reply)):
        for key in range(len(names)):
            assert re.search(rf"(?m)^\s*(\? )?{key} =>", body), names[key]
    assert max(MESSAGES) <= 127
