"""A barcode scanner's lines: card numbers, and what is none. Portable."""

import asyncio
import random

from firmware.board.scanner import Scanner, number_of_line
from simulator import scanner_peer
from simulator.serial_line import SerialLine
from tests.firmware.portable import all_within
from tests.firmware.virtual_time import now_ms, run

CARD = 6200001234567892
CODE = "6200001234567892"
WORDS = ("no_end", "short", "long", "not_a_number", "product", "noise")


def of(data):
    return number_of_line(data, len(data))


def scans(parts):
    """What a scanner tells of these bytes, with a second between them."""
    async def main():
        line, told = SerialLine(), []
        scanner = Scanner(line, now_ms)
        for part in parts:
            sent = asyncio.create_task(line.send(part))
            told += await all_within(1000, scanner.next, now_ms)
            await sent
        return told, scanner.noise

    return run(main())


def test_a_number_is_read_with_any_end_and_any_identifier():
    lines = [scanner_peer.line(CODE, end=end) for end in ("\r", "\n", "\r\n")]
    lines += [scanner_peer.line(CODE, symbology) for symbology in scanner_peer.IDENTIFIERS
              if not symbology.startswith("ean")]
    assert len(lines) > 9
    assert scans(lines) == ([("card", 3, CARD)] * len(lines), 0)
    assert scans([b"".join(lines)]) == ([("card", 3, CARD)] * len(lines), 0)


def test_published_identifiers_stand_before_the_code_and_not_in_it():
    # ISO/IEC 15424 annex: C1 GS1-128, Q3 GS1 QR, Q1 QR, A0 Code 39
    for data in (b"]C1\x1d6200001234567892", b"]Q3\x1d6200001234567892", b"]Q16200001234567892",
                 b"]A06200001234567892", b" 6200001234567892 "):
        assert of(data) == CARD
    for data, why in ((b"]Q1", "short"), (b"]Q", "not_a_number"), (b"]", "not_a_number")):
        assert of(data) == why


def test_the_check_digit_is_left_to_the_gateway():
    assert of(b"6200001234567893") == 6200001234567893
    assert of(b"620000123456789") == 620000123456789


def test_what_is_no_card_has_a_name():
    for data, why in ((b"4711", "short"), (b"6" * 20, "long"),
                      (b"https://x.example/", "not_a_number"),
                      (b"0200001234567892", "not_a_number"), (b"]E06901234567892", "product"),
                      (b"]E46901234567", "product"), (b"6200\x001234567892", "noise"),
                      (b"\xff\xfe\xfd\xfc", "noise"), ("请付款".encode(), "noise")):
        assert of(data) == why, data


def test_half_a_line_ends_with_a_pause_and_the_next_is_whole():
    whole = scanner_peer.line(CODE)
    assert scans([whole[:9], whole, b"123", whole[:4], whole, b"x" * 300, whole]) == (
        [("unread", 3, "no_end"), ("card", 3, CARD), ("unread", 3, "no_end"), ("card", 3, CARD),
         ("unread", 3, "long"),
         ("card", 3, CARD)], 1)


def test_any_bytes_end_in_a_word_or_a_number_and_a_good_scan_is_read_behind_them():
    for seed in range(40):
        random.seed(seed)
        alphabet = (bytes(range(256)), b"]CQE01239\r\n ", b"\r\n1")[seed % 3]
        noise = bytes([alphabet[random.getrandbits(16) % len(alphabet)]
                       for _ in range(random.getrandbits(9))])
        told, _ = scans([noise, b"\r" + scanner_peer.line(CODE)])
        assert told[-1] == ("card", 3, CARD), seed
        for kind, entry, what in told:
            assert entry == 3, seed
            assert what in WORDS if kind == "unread" else 10 ** 7 <= what < 10 ** 19, seed
