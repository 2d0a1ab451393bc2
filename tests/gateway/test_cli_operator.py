"""`pointwire gateway operator`: from nothing to a login, and what is said when it cannot be."""

import json
import re
from datetime import timedelta

import pytest

from gateway.clock import utc_now
from tests.gateway.test_cli_member import actors
from tests.support.commands import command
from tests.support.street import Street


@pytest.fixture
def street(engine) -> Street:
    built = Street(engine, opening=utc_now() - timedelta(minutes=1))  # commands take our time
    added = command(built, "operator", "add", "1", "5", "李小龙", "--by", "Lin Mei")
    assert (added.exit_code, added.stdout) == (
        0, "operator 5 李小龙 of merchant 1 (Bean) is active, has no PIN\n")
    return built


def test_an_operator_is_added_given_a_pin_suspended_and_let_in_again(street):
    assert actors(street.engine)[0] == "Lin Mei"
    set_ = command(street, "operator", "pin", "1", "5", "--by", "Lin", said="2468\nno more\n")
    assert (set_.exit_code, set_.stdout) == (
        0, "operator 5 李小龙 of merchant 1 (Bean) is active, has a PIN\n")
    assert "2468" not in set_.output
    street.later(minutes=2)
    assert street.take(street.login(5, "2468")).line == "李小龙"
    gone = json.loads(command(street, "operator", "suspend", "1", "5", "--by", "Lin",
                              "--json").stdout)
    assert (gone["number"], gone["state"]) == (5, "suspended")
    street.later(minutes=2)
    assert street.take(street.login(5, "2468")).code == 52
    assert command(street, "operator", "reinstate", "1", "5", "--by", "Wang").exit_code == 0
    assert actors(street.engine)[0] == "Wang"
    assert street.take(street.login(5, "2468")).code == 0


def test_a_pin_that_is_made_is_shown_once_and_logs_in(street):
    shown = command(street, "operator", "pin", "1", "5", "--generate", "--by", "Lin").stdout
    pin = re.findall(r"its PIN is (\d{6}): it is not shown again", shown)
    street.later(minutes=2)
    assert len(pin) == 1 and street.take(street.login(5, pin[0])).code == 0
    told = json.loads(command(street, "operator", "pin", "1", "5", "--generate", "--by", "Lin",
                              "--json").stdout)
    assert street.take(street.login(5, told["pin"])).code == 0
    listed = command(street, "operator", "list")
    assert pin[0] not in listed.stdout and listed.stdout.endswith("\thas a PIN\n")
    assert json.loads(command(street, "operator", "list", "--json").stdout)[0]["has_pin"] is True


def test_at_a_terminal_it_is_asked_for_twice_and_never_shown(street, monkeypatch):
    asked = []

    def prompt(text, **options):
        asked.append((text, options))
        return "13579"

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("gateway.cli_operator._typed", lambda: True)
    done = command(street, "operator", "pin", "1", "5", "--by", "Lin", said="2468\n")
    assert done.exit_code == 0 and "13579" not in done.output
    assert asked == [("PIN", {"hide_input": True, "confirmation_prompt": True, "err": True})]
    street.later(minutes=2)
    assert street.take(street.login(5, "13579")).code == 0


def test_what_cannot_be_done_is_said_without_the_pin_and_changes_nothing(street):
    before = actors(street.engine)
    for words, said, code, text in (
            (("pin", "1", "5", "--by", "Lin"), "24x8\n", 1, "4 to 8 digits"),
            (("pin", "1", "5", "--by", "Lin"), "987654321\n", 1, "4 to 8 digits"),
            (("pin", "1", "5", "--by", "Lin"), "", 1, "was not answered"),
            (("pin", "1", "9", "--by", "Lin"), "2468\n", 1, "no such operator"),
            (("pin", "7", "5", "--by", "Lin"), "2468\n", 1, "no such merchant"),
            (("pin", "1", "5", "--by", "..."), "2468\n", 1, "no letter in it"),
            (("pin", "1", "5"), "2468\n", 2, "--by"),
            (("add", "1", "5", "Li", "--by", "Lin"), None, 1, "That operator is there already"),
            (("add", "1", "65536", "Li", "--by", "Lin"), None, 2, "from 1 to 65535"),
            (("add", "1", "6", "6200001234567892", "--by", "Lin"), None, 1, "card number"),
            (("reinstate", "1", "5", "--by", "Lin"), None, 1, "is active, not suspended"),
            (("suspend", "1", "9", "--by", "Lin"), None, 1, "no such operator")):
        wrong = command(street, "operator", *words, said=said)
        assert (wrong.exit_code, wrong.stdout) == (code, "") and text in wrong.stderr, words
        assert not said or said.strip() not in wrong.output
        assert "6200001234567892" not in wrong.output
    assert actors(street.engine) == before


def test_an_empty_list_says_so(sqlite_engine):
    listed = command(Street(sqlite_engine), "operator", "list")
    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "there are no operators\n")
