"""The CDDL's value ranges as data, and the one function that holds a value against them.

Law: `fits(rule, value)` is true exactly when pointwire.cddl accepts the value (a test
compares the two). A rule is a tuple whose first element is its kind:

    (INT, least, most)                 an integer, never a bool
    (BYTES, least, most)               a byte string by its size
    (TEXT, least, most)                text by its size in UTF-8 bytes
    (ROW, needed, rule, ...)           an array: the first `needed` places, the rest optional
    (LIST, least, most, rule)          an array of equals
    (MAP, first, last, rule, {key: rule}, needed)
                                       integer keys: those named, and first..last as `rule`
    (EITHER, rule, ...)                any of them
"""

from protocol.limits import (
    AMOUNT_MINOR_MAX,
    DIGEST_SIZE,
    EPOCH_MAX,
    POINTS_MAX,
    U32_MAX,
)

INT = 0
BYTES = 1
TEXT = 2
ROW = 3
LIST = 4
MAP = 5
EITHER = 6

# No frame has room for more, so "as many as you like" needs no number of its own.
NO_LIMIT = 65535

U8 = (INT, 0, 255)
U32 = (INT, 0, U32_MAX)
# A journal, a journaled trace, a terminal id or a receipt number.
NUMBER = (INT, 1, U32_MAX)
EPOCH = (INT, 1, EPOCH_MAX)
AMOUNT = (INT, 1, AMOUNT_MINOR_MAX)
POINTS = (INT, -POINTS_MAX, POINTS_MAX)
COUNT = (INT, 0, POINTS_MAX)
EIGHT_BYTES = (BYTES, DIGEST_SIZE, DIGEST_SIZE)
NAME_32 = (TEXT, 1, 32)
TOTALS = (MAP, 1, 127, (ROW, 3, U32, COUNT, POINTS), {0: (ROW, 2, NUMBER, NUMBER)}, (0,))


def fits(rule: tuple, value) -> bool:
    """Whether `value`, as decoded, lies within `rule`."""
    kind = rule[0]
    if kind == INT:
        return type(value) is int and rule[1] <= value <= rule[2]
    if kind == BYTES:
        return type(value) is bytes and rule[1] <= len(value) <= rule[2]
    if kind == TEXT:
        return type(value) is str and rule[1] <= len(value.encode()) <= rule[2]
    if kind == EITHER:
        return any(fits(each, value) for each in rule[1:])
    if kind == MAP:
        return type(value) is dict and _map_fits(rule, value)
    if type(value) is not tuple:
        return False
    if kind == LIST:
        return rule[1] <= len(value) <= rule[2] and all(fits(rule[3], item) for item in value)
    if kind == ROW:
        if not rule[1] <= len(value) <= len(rule) - 2:
            return False
        return all(fits(rule[2 + place], item) for place, item in enumerate(value))
    raise ValueError("no such kind of rule")


def _map_fits(rule, value):
    _, first, last, other, named, needed = rule
    for key in needed:
        if key not in value:
            return False
    for key, item in value.items():
        if type(key) is not int:
            return False
        own = named.get(key) or (other if first <= key <= last else None)
        if own is None or not fits(own, item):
            return False
    return True
