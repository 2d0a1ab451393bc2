"""Messages of every type, with each optional key, at the edges of what the CDDL allows."""

from collections.abc import Iterator

from protocol.messages import (
    MESSAGES,
    REPLY_FIELDS,
    REQUEST_FIELDS,
    Reply,
    Request,
    reply,
    request,
)

JOURNAL = 1592605928
NONCE = bytes(range(1, 9))
CARD = (2, 6200001234567892)
U32_MAX = 4294967295
TOTALS = {0: (1, 41), 1: (40, 123456, 1234), 2: (1, 500, -500)}
REPORT = {
    0: "pointwire 0.1.0", 1: 100, 2: -200, 3: 12, 4: U32_MAX, 5: 7, 6: "unix", 7: 255,
    8: (JOURNAL, 0, 41), 9: (1, 255),
}

# Of each request key values that every type which knows it may carry; the first is plain.
REQUEST_VALUES: dict[int, tuple] = {
    3: (1763712000, 0, U32_MAX),
    4: (3600, 0, U32_MAX),
    5: (12, 1, 65535),
    6: (CARD, (1, 1), (4, 9999999999999999999), (2, b"\x04\x00\x00\x01"),
        (2, b"\x04" * 7), (2, b"\x04" * 10), (3, 620000, b"tokn"), (2, b"\xff" * 4, b"\x00" * 16)),
    7: (123456, 1, 1000000000),
    8: (((7, 123000), (9, 456, 2)), ((65535, 123456, 65535),), ((1, 7716),) * 16),
    9: (500, 1, 1000000000),
    10: ((JOURNAL, 40), (10000043, JOURNAL, U32_MAX), 123456789),
    11: ("GIFT-1", "x" * 24, "\u6c34" * 8),
    12: (bytes(16),),
    13: (TOTALS, {0: (1, 1)}, {0: (2, 9), 127: (0, 0, -9007199254740991)}),
    14: (REPORT, {0: "v"}, {0: "x" * 32, 9: ()}),
    15: (("config", 7, 0), ("x" * 32, U32_MAX, U32_MAX)),
    17: (39, U32_MAX),
    18: (86400, 0, U32_MAX),
    19: (17, 0, U32_MAX),
    20: (NONCE,),
    21: (1, 255),
    22: (b"frame", b"x", bytes(900)),
    23: ((0, -500, 123456789), (30, 0), (255, -9007199254740991, U32_MAX)),
    24: (300, 1, 1000000000),
}
REPLY_VALUES: dict[int, tuple] = {
    6: (1234, -9007199254740991, 9007199254740991, 0, -1),
    7: (123456, -5),
    8: (2500, -1),
    9: ("\u91d1\u5361\u4f1a\u5458", "", "\u6c34" * 8),
    10: ("\u738b*\u660e", "A" * 24),
    11: (123456789, 1, U32_MAX),
    12: ((500, 20780), (0, 0), (9007199254740991, 65535)),
    13: (123456, 0),
    14: (bytes(16),),
    15: ("Call HQ", "x" * 48),
    16: (7, 0),
    17: ("0.2.0",),
    18: (b"", b"chunk" * 60),
    19: (((JOURNAL, 1, 9),), ((1, 1, 1), (2, 3, 4))),
    20: (41, 0),
    21: (TOTALS,),
    22: ((), ((40, 0, 1234), (41, 255, -1))),
    23: ((2, bytes(40)),),
    24: (NONCE,),
    25: ((360, 100, 100, 100, 100, 5000), (0, 1, 1, 1, 1, 1),
         (9007199254740991, *(1000000000,) * 4, 10000)),
}


def fields_of(kind: int, **more) -> dict:
    """The least a message of this type needs, as fields."""
    spec = MESSAGES[kind]
    fields = {REQUEST_FIELDS[key]: REQUEST_VALUES[key][0] for key in spec.needed}
    if spec.one_of:
        fields[REQUEST_FIELDS[spec.one_of[0]]] = REQUEST_VALUES[spec.one_of[0]][0]
    if not spec.journaled:
        fields["nonce"] = NONCE
    return {**fields, **more}


def sample(kind: int, **more) -> Request:
    """The least message of this type, with some fields changed or added."""
    return request(kind, JOURNAL, 40000 if MESSAGES[kind].journaled else 0,
                   **fields_of(kind, **more))


def requests() -> Iterator[Request]:
    """Each type at its least, with each optional key and value, and with all it knows."""
    for kind, spec in MESSAGES.items():
        yield sample(kind)
        for key in (*spec.needed, *spec.optional):
            for value in REQUEST_VALUES[key]:
                yield sample(kind, **{REQUEST_FIELDS[key]: value})
        for key in spec.one_of:
            bare = sample(kind, **{REQUEST_FIELDS[other]: None for other in spec.one_of})
            yield Request(*[REQUEST_VALUES[key][0] if place == key else value
                            for place, value in enumerate(bare)])
        yield sample(kind, **{REQUEST_FIELDS[key]: REQUEST_VALUES[key][0]
                              for key in spec.optional})


def replies() -> Iterator[Reply]:
    """A reply at its least, with each optional key and value, and with all keys."""
    asked = sample(1)
    for code in (0, 23, 24, 255):
        yield reply(asked, NONCE, code, U32_MAX)
    for key, values in REPLY_VALUES.items():
        for value in values:
            yield reply(asked, NONCE, 0, 1763712003, **{REPLY_FIELDS[key]: value})
    everything: dict = {REPLY_FIELDS[key]: values[0] for key, values in REPLY_VALUES.items()}
    yield reply(asked, NONCE, 0, 1763712003, **everything)
