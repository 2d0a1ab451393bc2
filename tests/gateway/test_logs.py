"""Logs: whatever is logged, by us or a library, no card number and no secret comes out."""

import io
import json
import logging
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import logs

PAN = "6200001234567892"


@pytest.fixture
def out():
    before = logging.getLogger().handlers[:]
    stream = io.StringIO()
    yield stream
    logging.getLogger().handlers[:] = before


@pytest.fixture(params=["json", "text"])
def form(request: pytest.FixtureRequest, out: io.StringIO) -> str:
    logs.configure(request.param, "worker", out)
    return request.param


SMUGGLED = {
    "in the event": lambda log: log.info(f"tap of {PAN}"),
    "as a string": lambda log: log.info("tap", note=f"x{PAN}y"),
    "as an integer": lambda log: log.info("tap", note=int(PAN)),
    "grouped by blanks": lambda log: log.info("tap", note="6200 0012 3456 7892"),
    "grouped by hyphens": lambda log: log.info("tap", note="6200-0012-3456-7892"),
    "as a key": lambda log: log.info("tap", **{PAN: 1}),
    "deep inside": lambda log: log.info("tap", note={"a": [{"b": (int(PAN),)}]}),
    "in an object's text": lambda log: log.info("tap", note=ValueError(PAN)),
    "as an argument": lambda log: log.info("tap %s", PAN),
    "by a library": lambda _: logging.getLogger("paho").warning("got %s", PAN),
    "by a library's extra": lambda _: logging.getLogger("x").warning("x", extra={"n": PAN}),
}


@pytest.mark.parametrize("way", sorted(SMUGGLED))
def test_a_card_number_never_comes_out(way: str, form: str, out: io.StringIO):
    SMUGGLED[way](logs.logger("test"))
    written = out.getvalue()
    assert written.count("\n") >= 1
    digits = "".join(letter for letter in written if letter not in " -")
    assert PAN not in digits and PAN[:12] not in digits


def test_a_card_number_in_a_traceback_never_comes_out(form: str, out: io.StringIO):
    try:
        raise RuntimeError(f"bad card {PAN}")
    except RuntimeError:
        logs.logger("test").exception("failed")
        logging.getLogger("library").exception("failed too")
    assert PAN not in out.getvalue() and out.getvalue().count("Traceback") == 2
    assert "****7892" in out.getvalue()


def test_what_nobody_caught_goes_through_the_log_too(
        form: str, out: io.StringIO, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.catch_all()

    def fail() -> None:
        raise RuntimeError(f"card {PAN}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert out.getvalue().count("****7892") == 2 and PAN not in out.getvalue()


@pytest.mark.parametrize("name", ["card", "card_uid", "uid", "pin_block", "master_key",
                                  "password", "frame", "Authorization"])
def test_a_field_that_names_a_card_or_a_secret_is_hidden(name: str, form: str, out: io.StringIO):
    logs.logger("test").info("seen", **{name: "04a1b2c3"})
    assert "04a1b2c3" not in out.getvalue() and logs.HIDDEN in out.getvalue()


def test_a_chips_uid_in_an_exceptions_text_never_comes_out(form: str, out: io.StringIO):
    uid, raw = "u04a1b2c3d4e5f6", [bytes.fromhex("04a1b2c3"), b"it's \x99\""]
    try:
        raise KeyError(uid, *raw)
    except KeyError:
        logs.logger("test").exception("failed")
    written = out.getvalue()
    assert "<uid>" in written and written.count("<bytes>") == 2
    assert not any(part in written for part in (uid, "xa1", "x99"))


def test_raw_bytes_are_only_counted(form: str, out: io.StringIO):
    logs.logger("test").info("seen", note=b"\x04\xa1\xb2\xc3", more=[bytearray(3)])
    assert "<4 bytes>" in out.getvalue() and "<3 bytes>" in out.getvalue()


def test_what_finds_a_frame_stays(out: io.StringIO):
    logs.configure("json", "worker", out)
    logs.logger("room").info("posted", terminal_id=1001, journal=4_000_000_000, trace=7,
                             receipt=123456, card_last4="7892", ok=True, none=None)
    line = json.loads(out.getvalue())
    assert line["event"] == "posted" and line["process"] == "worker" and line["level"] == "info"
    assert (line["terminal_id"], line["journal"], line["trace"]) == (1001, 4_000_000_000, 7)
    assert (line["receipt"], line["card_last4"], line["ok"], line["none"]) == (
        123456, "7892", True, None)
    assert line["timestamp"].endswith("Z") and line["logger"] == "room"


def test_every_json_line_is_json_even_when_a_number_was_cut(out: io.StringIO):
    logs.configure("json", "web", out)
    logs.logger("room").info("x", at=1_795_000_000_000, note="a\nb", word="\u7247")
    assert json.loads(out.getvalue())["at"] == "****0000" and out.getvalue().count("\n") == 1


@given(st.text(alphabet="0123456789 -x", max_size=80))
def test_no_run_of_twelve_digits_survives(text: str):
    assert logs.CARD_DIGITS.search(logs.redacted_text(text)) is None
