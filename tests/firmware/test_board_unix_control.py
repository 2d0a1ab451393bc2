"""The control channel of a real process on both interpreters: each line gets one answer."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.board import unix_commands
from firmware.board.unix_control import Control
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.shop import CARD
from tests.support.handset_process import Handset
from tools import handset_program

FULL = MemoryError("memory allocation failed")
Start = Callable[[], Handset]

# lines that ask for nothing that can be done; the id that the answer must carry
NO_COMMAND = [
    (b"{", None), (b"[]", None), (b"7", None), (b'"screen"', None), (b"null", None),
    (b"{}", None), (b"not JSON", None), (b"[" * 300, None), (b'{"id": 1', None),
    (b'\xff\xfe{"id": 2, "do": "screen"}', None), (b"\x00", None),
    (b'{"id": 3, "do": "screen"}{"id": 4, "do": "screen"}', None),
    (b'{"id": 5}', 5), (b'{"id": 6, "do": "dance"}', 6), (b'{"id": 7, "do": ["keys"]}', 7),
    (b'{"id": "eight", "do": {}}', "eight"), (b'{"id": 9, "do": null}', 9),
    (b'{"id": 10, "do": "keys"}', 10), (b'{"id": 11, "do": "keys", "keys": 5}', 11),
    (b'{"id": 12, "do": "keys", "keys": "12x"}', 12),
    (b'{"id": 13, "do": "keys", "keys": ["12"]}', 13),
    (b'{"id": 14, "do": "keys", "keys": null}', 14),
    (b'{"id": 15, "do": "card"}', 15), (b'{"id": 16, "do": "card", "entry": 2}', 16),
    (b'{"id": 17, "do": "card", "entry": 2, "card": "abc"}', 17),
    (b'{"id": 18, "do": "card", "entry": 2, "card": null}', 18),
    (b'{"id": 19, "do": "card", "entry": 2, "card": []}', 19),
    (b'{"id": 20, "do": "card", "entry": 9, "card": "6200001234567892"}', 20),
    (b'{"id": 21, "do": "card", "entry": "2", "card": "6200001234567892"}', 21),
    (b'{"id": 22, "do": "card", "entry": 2, "card": "0"}', 22),
    (b'{"id": 23, "do": "card", "entry": 2, "card": "-5"}', 23),
    (b'{"id": 24, "do": "card", "entry": 2, "card": "99999999999999999999999"}', 24),
    (b'{"id": 25, "do": "card", "entry": 2, "card": {}}', 25),
    (b'{"id": 26, "do": "card", "entry": 2, "card": {"uid": 7}}', 26),
    (b'{"id": 27, "do": "card", "entry": 2, "card": {"uid": "zz"}}', 27),
    (b'{"id": 28, "do": "card", "entry": 2, "card": {"uid": "0102"}}', 28),
    (b'{"id": 29, "do": "link"}', 29), (b'{"id": 30, "do": "link", "up": "no"}', 30),
    (b'{"id": 31, "do": "cut", "after_flash_ops": "x"}', 31),
    (b'{"id": 32, "do": "cut", "after_flash_ops": -1}', 32),
    (b'{"id": 33, "do": "card", "entry": true, "card": "6200001234567892"}', 33),
    (b'{"id": 34, "do": "card", "entry": 2.0, "card": "6200001234567892"}', 34),
]


def write(handset: Handset, data: bytes) -> None:
    assert handset.process.stdin is not None
    handset.process.stdin.write(data)
    handset.process.stdin.flush()


def answers(handset: Handset) -> list[dict]:
    return [each for each in handset.said if "event" not in each]


def test_a_line_that_is_no_command_gets_one_answer_and_changes_nothing(start: Start):
    handset = start()
    handset.do("keys", keys="125#")
    handset.event("screen", lines=["○", "Tap the card", "1.25", "", "*← D=NO CARD"])
    before = len(answers(handset))
    write(handset, b"".join(line + b"\n" for line, _ in NO_COMMAND))
    assert handset.do("screen")["lines"][1] == "Tap the card"
    status = handset.do("status")
    assert (status["unsettled"], status["next_trace"], status["radio_on"]) == (0, 1, True)
    said = answers(handset)[before:-2]
    assert [each.get("id", "no id") for each in said] == [id for _, id in NO_COMMAND]
    assert all(set(each) == {"id", "error"} and each["error"] for each in said), said
    assert not handset.noise, handset.story()
    # the radio, the keys and the flash still do what they are told
    handset.do("keys", keys="*")
    assert handset.sale("1250", CARD)["trace"] == 1


def test_an_error_is_the_same_words_on_both_interpreters(start: Start):
    handset = start()
    assert handset.do("dance")["error"] == "control: no such command"
    assert handset.do("keys", keys="12x")["error"] == "control: keys are 0123456789*#ABCD"
    assert handset.do("card", entry=2, card="abc")["error"].startswith("ValueError: ")


@pytest.mark.timeout(60)
def test_a_line_that_is_too_long_does_not_make_it_deaf(start: Start):
    handset = start()
    write(handset, b'{"id": 1000, "do": "keys", "keys": "' + b"1" * 1_500_000 + b'"}\n')
    assert handset.do("status")["state"] == "home"
    assert any("error" in each for each in answers(handset)) and not handset.noise


def test_two_commands_in_one_write_and_one_command_in_two_are_each_answered(start: Start):
    handset = start()
    write(handset, b'{"id": "a", "do": "keys", "keys": "12"}\n{"id": "b", "do": "screen"}\n{"id"')
    write(handset, b': "c", "do": "keys", "keys": "5"}\n\n   \n{"id": "d", "do": "screen"}\r\n')
    handset.do("status")
    assert [each["id"] for each in answers(handset)[:4]] == ["a", "b", "c", "d"]
    assert not [each for each in answers(handset) if "error" in each]


def test_what_it_says_stands_in_the_order_in_which_it_happened(start: Start):
    handset = start()
    handset.sale("1250", CARD)
    handset.do("status")
    events = [each for each in handset.said if each.get("event") in ("saved", "screen")]
    at = [each["event"] for each in events].index("saved")
    assert all("Saved" not in each["lines"][1] for each in events[:at])
    assert events[at + 1]["lines"][1] == "Saved. Sending"


def test_who_watches_sees_the_pixels_of_every_screen_with_battery_and_signal(start: Start):
    handset = start()
    handset.do("watch")
    handset.event("pixels", pixels=handset.do("pixels")["pixels"])
    handset.do("keys", keys="125#")
    handset.event("screen", lines=["○", "Tap the card", "1.25", "", "*← D=NO CARD"])
    handset.event("pixels", pixels=handset.do("pixels")["pixels"])
    handset.do("signal", dbm=-71)
    handset.do("battery", percent=80)
    handset.event("screen", lines=[bar(up=False), "Tap the card", "1.25", "", "*← D=NO CARD"])
    handset.event("pixels", pixels=handset.do("pixels")["pixels"])
    handset.do("unread", entry=2, why="two_cards")
    assert handset.event("screen")["lines"][1] != "Tap the card"


def test_many_taps_are_listed_on_one_line_oldest_first(start: Start):
    handset = start()
    for amount in range(1, 41):
        handset.do("keys", keys=f"*{amount}#")
        handset.do("card", entry=2, card=str(CARD))
    handset.event("saved", trace=40)
    rows = handset.do("outbox")["outbox"]
    assert [(row["trace"], row["amount_minor"]) for row in rows] == [(n, n) for n in range(1, 41)]
    assert not any(row["settled"] for row in rows) and str(CARD) not in json.dumps(rows)


def test_when_nobody_listens_any_more_it_ends_without_a_word(command: list[str], folder: Path):
    reading, writing = os.pipe()
    with subprocess.Popen([*command, str(folder)], stdin=subprocess.PIPE, stdout=writing,
                          stderr=subprocess.PIPE, cwd=handset_program.ROOT,
                          env=handset_program.environment()) as process:
        os.close(writing)
        os.close(reading)
        assert process.stderr is not None
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("where, call, said", [
    ("json.dumps", 1, '{"id": null, "error": "MemoryError"}\n'),
    ("obey", 1, '{"id": null, "error": "MemoryError"}\n'),
    ("content", 1, '{"id": 5, "outbox": [], "error": "MemoryError"}\n'),
    ("content", 2, None), ("list_outbox", 1, '{"id": 5, "outbox": [], "error": "MemoryError"}\n')])
def test_a_heap_that_ends_in_an_answer_costs_the_answer_and_not_the_channel(
        where: str, call: int, said: str | None, monkeypatch: pytest.MonkeyPatch):
    with Counter() as counter:
        counter.boot()
        counter.sale("100")
        counter.sale("200")
        control = Control(counter.board, counter.settings, "test")
        control.app = counter.app
        written: list[str] = []
        monkeypatch.setattr(control, "write", written.append)
        with monkeypatch.context() as broken:
            module, _, name = where.rpartition(".")
            owner: Any = json if module else unix_commands
            real, calls = getattr(owner, name), [0]

            def short(*arguments: Any) -> Any:
                calls[0] += 1
                if calls[0] == call:
                    raise FULL
                return real(*arguments)

            broken.setattr(owner, name, short)
            control.answer(b'{"id": 5, "do": "outbox"}')
        line = "".join(written)
        assert line.count("\n") == 1 and "MemoryError" in str(json.loads(line)["error"])
        assert said is None or line == said
        written.clear()
        control.answer(b'{"id": 6, "do": "outbox"}')
        assert len(json.loads("".join(written))["outbox"]) == 2
