"""Lines of modems out of bytes in any pieces, recorded ones and garbage. Runs on both."""

from random import randint, seed

from firmware.board.at_parser import (
    BARE,
    CME,
    CMS,
    CONNECT,
    ECHO,
    ERROR,
    FINAL,
    LINE,
    NO_CARRIER,
    OK,
    PROMPT,
    RESTART,
    URC,
    Parser,
    final,
)

# what modules send (SIM800 V1.10, SIM7600 V1.12, A76XX manuals), asked command, prefix, events
RECORDED = (
    (b"AT+CSQ\r\r\n+CSQ: 14,0\r\n\r\nOK\r\n", b"AT+CSQ", b"+CSQ:",
     ((ECHO, b"AT+CSQ"), (LINE, b"+CSQ: 14,0"), (FINAL, b"OK"))),
    (b"\r\n+CSQ: 14,0\r\n\r\n+CREG: 2\r\n\r\nOK\r\n", b"AT+CSQ", b"+CSQ:",
     ((LINE, b"+CSQ: 14,0"), (URC, b"+CREG: 2"), (FINAL, b"OK"))),
    (b"AT+CGSN\r\r\n867962041234567\r\n\r\nSMS Ready\r\n\r\nOK\r\n", b"AT+CGSN", BARE,
     ((ECHO, b"AT+CGSN"), (LINE, b"867962041234567"), (URC, b"SMS Ready"), (FINAL, b"OK"))),
    (b"\r\n+CME ERROR: SIM not inserted\r\n", b"AT+CPIN?", b"+CPIN:",
     ((FINAL, b"+CME ERROR: SIM not inserted"),)),
    (b"\r\nCONNECT 115200\r\n", b"ATD*99#", None, ((FINAL, b"CONNECT 115200"),)),
    (b"\r\nNO CARRIER\r\n", b"ATD*99#", None, ((FINAL, b"NO CARRIER"),)),
    (b"\x00\xff\r\nRDY\r\n\r\n+CFUN: 1\r\n", None, None, ((RESTART, b"RDY"), (URC, b"+CFUN: 1"))),
    (b"\r\n> ", b"AT+CMGS=1", None, ((PROMPT, b">"),)),
    (b"~\xff}#\xc0!}!}!} }4~\r\nOK\r\n", b"ATH", None, ((URC, b"!}!}!} }4~"), (FINAL, b"OK"))),
)


def fed(parser, data, cuts):
    events = []
    start = 0
    for cut in cuts:
        events += parser.feed(data[start:cut])
        start = cut
    return tuple(events + parser.feed(data[start:]))


def asked(command, prefix):
    parser = Parser()
    parser.command = command
    parser.prefix = prefix
    return parser


def test_recorded_bytes_split_anywhere_give_the_same_events():
    for data, command, prefix, events in RECORDED:
        for cut in range(len(data)):
            # a prompt is one where the modem stops: half of it is one too
            assert fed(asked(command, prefix), data, (cut,))[:len(events)] == events, (data, cut)
        singles = range(len(data))
        assert fed(asked(command, prefix), data, singles)[:len(events)] == events


def test_a_result_is_read_with_its_number_or_its_words():
    assert final(b"OK") == (OK, None)
    assert final(b"ERROR") == (ERROR, None)
    assert final(b"+CME ERROR: 10") == (CME, 10)
    assert final(b"+CME ERROR: incorrect password") == (CME, "incorrect password")
    assert final(b"+CMS ERROR: 500") == (CMS, 500)
    assert final(b"CONNECT 9600") == (CONNECT, None)
    for word in (b"NO CARRIER", b"BUSY", b"NO ANSWER", b"NO DIALTONE"):
        assert final(word) == (NO_CARRIER, None)
    for word in (b"OKAY", b"CONNECTED", b"+CSQ: 1,1", b"", b"ERROR 5"):
        assert final(word) is None


def test_a_line_longer_than_any_answer_is_passed_over_and_the_next_one_read():
    parser = asked(b"AT", None)
    assert parser.feed(b"x" * 5000 + b"\r\nOK\r\n") == [(FINAL, b"OK")]


def test_garbage_never_raises_and_the_next_answer_is_read():
    for number in range(200):
        seed(number)
        parser = asked(b"AT+CSQ", b"+CSQ:")
        for _ in range(5):
            parser.feed(bytes([randint(0, 255) for _ in range(randint(0, 80))]))
        events = parser.feed(b"\n\r\n+CSQ: 9,9\r\n\r\nOK\r\n")
        assert events[-2:] == [(LINE, b"+CSQ: 9,9"), (FINAL, b"OK")], ("seed", number)
