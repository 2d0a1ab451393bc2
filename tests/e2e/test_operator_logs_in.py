"""An operator of head office logs in at a real MicroPython handset: made by `pointwire gateway
operator`, let in by the gateway's own decisions, named by what the handset sends; in both
languages, online, offline, and with the link lost between the PIN and its answer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.flows import login_texts
from firmware.texts import Words, names
from protocol import codes
from protocol.fields import LOGIN, SALE
from tests.firmware.replies import Asked
from tests.support.commands import commanded
from tests.support.till_day import SECRETS, Day

PIN, WRONG, NAME = "2468", "8642", "李小龙"


class Till(Day):
    """A till where somebody has to log in; `operators`: who stands in the taps that arrived."""

    def __init__(self, *where: Any) -> None:
        super().__init__(*where, login=1)
        self.operators: list[int | None] = []
        self.office("add", NAME)
        self.office("pin", said=PIN + "\n")

    def office(self, word: str, *more: str, said: str | None = None) -> None:
        done = commanded(self.engine, SECRETS, "operator", word, "1", "5", *more, "--by", "Lin",
                         said=said)
        assert done.exit_code == 0, done.output

    def _answer(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.trace:
            self.operators.append(asked.content.get(5))
        return super()._answer(frame)

    def log_in(self, pin: str = PIN) -> None:
        self.keys(f"5#{pin}#")

    def answered(self, keys: str, *rows: str | None) -> None:
        """Press these keys and wait for a screen that comes of them, not one that stands there."""
        self.keys(keys)
        self.handset._seen.clear()
        while self.handset.event("screen")["lines"][1:1 + len(rows)] != list(rows):
            pass

    def sell(self, keys: str = "1250") -> None:
        self.keys(keys + "#")
        self.tap()
        self.handset.event("saved")


@pytest.fixture
def till(tmp_path: Path, command: list[str], language: str) -> Iterator[Till]:
    with Till(tmp_path, command, language).open() as begun:
        assert isinstance(begun, Till)
        yield begun


@pytest.fixture
def said(language: str) -> Words:
    return Words(login_texts.parts(language))


def test_who_logs_in_stands_in_the_sale(till: Till, words: Words, said: Words):
    with till.on():
        till.sees(words[names.TITLE], said[login_texts.LOG_IN], said[login_texts.OPERATOR])
        till.log_in()
        till.sees(said[login_texts.LOGGED_IN] % 5, NAME, words[names.KEY_AMOUNT])
        till.sell()
        till.sees(words[names.POSTED] % 18, words[names.BALANCE] % 18)
        till.keys("*D8")
        till.sees(words[names.TITLE], said[login_texts.LOG_IN])
        assert PIN not in repr(till.handset.said)
    assert till.booked() == [(SALE, 1250, 0)] and till.operators == [5]


def test_wrong_pins_a_suspended_and_an_unknown_operator_are_named(till: Till, words: Words,
                                                                  said: Words):
    with till.on():
        till.answered("6#2468#", words[names.REFUSED], words.reason(codes.OPERATOR_UNKNOWN))
        for again in ("*5#", "#"):
            till.answered(f"{again}{WRONG}#", words[names.REFUSED],
                          words.reason(codes.OPERATOR_PIN_WRONG))
        till.answered(f"#{WRONG}#", said[login_texts.WRONG], said[login_texts.WAIT] % 60)
        till.log_in()  # none of these keys is taken
        assert till.heard.count(LOGIN) == 4
    till.office("suspend")
    with till.on():
        till.log_in()
        till.sees(words[names.REFUSED], words.reason(codes.OPERATOR_NOT_ALLOWED))
    assert till.booked() == []


def test_the_hash_of_a_login_sells_offline_behind_a_power_cut(till: Till, words: Words,
                                                              said: Words):
    with till.on():
        till.link(False)
        till.log_in()
        till.sees(words[names.NO_ANSWER], said[login_texts.ONLINE], said[login_texts.NO_LOGIN])
        till.keys("*")
        till.link(True)
        till.log_in()
        till.sees(said[login_texts.LOGGED_IN] % 5, NAME)
    with till.on():  # its power was cut
        till.link(False)
        till.log_in()
        till.sees(said[login_texts.LOGGED_IN] % 5, said[login_texts.OFFLINE],
                  said[login_texts.SALES_ONLY])
        till.sell()
        till.link(True)
        till.sees(words[names.POSTED] % 18)
    assert till.booked() == [(SALE, 1250, 0)] and till.operators == [5]


def test_the_link_lost_between_the_pin_and_its_answer(till: Till, words: Words, said: Words):
    till.mute.add(LOGIN)
    with till.on():
        till.log_in()
        till.sees(said[login_texts.PIN] % 5, words[names.ASKING])
        till.until(lambda: LOGIN in till.heard)
        till.link(False)
        till.sees(words[names.NO_ANSWER], said[login_texts.ONLINE], said[login_texts.NO_LOGIN])
        till.mute.clear()
        till.link(True)
        till.keys("*")
        till.log_in()
        till.sees(said[login_texts.LOGGED_IN] % 5, NAME)
        till.keys("*D8")
        till.mute.add(LOGIN)
        till.log_in()
        till.sees(said[login_texts.PIN] % 5, words[names.ASKING])
        till.link(False)
        till.sees(said[login_texts.LOGGED_IN] % 5, said[login_texts.OFFLINE])
