"""Hashes of PINs: what they let in, for how long, and how often. Runs on both interpreters."""

from binascii import hexlify

from firmware import operators
from firmware.operators import VALID_S, candidate_of, forget, keep, match, stretched
from tests.firmware.portable import raises

PIN, WRONG = "2468", "8642"
AT = 1764500000


class Board:
    """Keeps what it is given; power may go before the next write, or that write fails."""

    def __init__(self):
        self.files, self.writes, self.fails = {}, 0, False

    def random(self, size):
        return bytes(range(size))

    def keep(self, name, data):
        if self.fails:
            raise OSError(5)
        self.writes += 1
        self.files[name] = data

    def kept(self, name):
        return self.files.get(name)


def board_with(*numbers, at=AT, boot=1, up_s=100):
    board = Board()
    for number in numbers:
        keep(board, number, candidate_of(board, number, PIN), (at, boot, up_s))
    return board


def tried(board, pin=PIN, number=5, at=AT, boot=1, up_s=100):
    return match(board, number, candidate_of(board, number, pin), (at, boot, up_s))


def test_the_hash_is_pbkdf2_as_the_standard_has_it():
    assert operators.ROUNDS == 1000
    assert hexlify(stretched(b"2468", b"12345678\x00\x05")) == (
        b"cff8e2acda8860cffc4fc728178e4571d307750f9e00aa2d8051cef48f3443a5")


def test_the_same_pin_of_the_same_operator_matches_and_no_other():
    board = board_with(5, 6)
    assert tried(board) == "right" and tried(board, WRONG) == "wrong"
    assert tried(board, number=6) == "right" and tried(board, number=7) == "none"
    salt = candidate_of(board, 5, PIN)[:8]
    assert stretched(b"2468", salt + b"\x00\x05") != stretched(b"2468", salt + b"\x00\x06")
    assert tried(Board()) == "none"


def test_nothing_that_is_kept_holds_the_pin():
    assert b"2468" not in board_with(5).files[operators.FILE]


def test_five_tries_and_then_only_the_gateway():
    board = board_with(5)
    for _ in range(4):
        assert tried(board, WRONG) == "wrong"
    assert tried(board) == "right"  # the tries are given back
    for _ in range(5):
        assert tried(board, WRONG) == "wrong"
    assert tried(board) == "tries" and tried(board, WRONG) == "tries"
    keep(board, 5, candidate_of(board, 5, PIN), (AT, 1, 100))
    assert tried(board) == "right"


def test_a_try_is_counted_before_the_hash_is_looked_at():
    board = board_with(5)
    for _ in range(5):
        kept = []

        def keep_and_lose_power(name, data, kept=kept):
            kept.append(data)
            raise OSError(5)

        candidate = candidate_of(board, 5, PIN)
        whole, board.keep = board.keep, keep_and_lose_power
        assert raises(OSError, match, board, 5, candidate, (AT, 1, 100))
        board.keep = whole
        board.files[operators.FILE] = kept[0]  # it was on flash, and then the power went
    assert tried(board) == "tries"


def test_a_try_that_cannot_be_counted_is_none():
    board = board_with(5)
    board.fails = True
    for pin in (PIN, WRONG):
        assert raises(OSError, tried, board, pin)


def test_it_ends_after_seven_days_of_the_clock():
    board = board_with(5)
    assert tried(board, at=AT + VALID_S - 1, boot=3, up_s=5) == "right"
    assert tried(board, at=AT + VALID_S, boot=3, up_s=5) == "old"
    assert tried(board, at=AT - 3600) == "right"  # the gateway's clock was put back


def test_without_a_clock_the_time_counts_that_the_handset_was_on():
    for at, later in ((0, AT), (AT, 0), (0, 0)):
        board = board_with(5, at=at)
        assert tried(board, at=later, up_s=100 + VALID_S - 1) == "right"
        assert tried(board, at=later, up_s=100 + VALID_S) == "old"
    board = board_with(5, at=0)
    half = VALID_S // 2
    assert tried(board, at=0, boot=1, up_s=100 + half) == "right"
    assert tried(board, at=0, boot=2, up_s=half - 1) == "right"  # what was noted, and this boot
    assert tried(board, at=0, boot=2, up_s=half + 1) == "old"


def test_an_old_one_costs_no_try_and_the_gateway_makes_it_new():
    board = board_with(5)
    assert [tried(board, at=AT + VALID_S) for _ in range(7)] == ["old"] * 7
    keep(board, 5, candidate_of(board, 5, PIN), (AT + VALID_S, 1, 100))
    assert tried(board, at=AT + VALID_S) == "right"


def test_the_gateways_no_ends_it():
    board = board_with(5, 6)
    forget(board, 5, candidate_of(board, 5, WRONG))  # a slip of the finger
    assert tried(board) == "right"
    forget(board, 5, candidate_of(board, 5, PIN))  # it was changed
    assert tried(board) == "none"
    forget(board, 6, None)
    assert tried(board, number=6) == "none"
    before = board.writes
    forget(board, 9, None)
    assert board.writes == before


def test_of_many_operators_the_latest_eight_are_kept():
    board = board_with(*range(1, 11))
    found = [tried(board, number=number) for number in range(1, 11)]
    assert found == ["none"] * 2 + ["right"] * 8
    assert len(board.files[operators.FILE]) == 8 * 59
