"""`pointwire gateway rates`: set and list, and one line on what cannot be."""

import json
from datetime import timedelta

import pytest

from gateway.clock import utc_now
from tests.support.commands import command
from tests.support.street import Street

RATES = ("--cost-bp", "9000", "--credit-bp", "9500")


@pytest.fixture
def street(engine) -> Street:
    return Street(engine)


def test_rates_that_were_set_are_listed(street):
    merchant = str(street.merchant)
    done = command(street, "rates", "set", merchant, *RATES)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        f"merchant {merchant} (Bean): version 1, cost 9000, credit 9500 basis points from 20")
    later = utc_now().date() + timedelta(days=30)
    assert command(street, "rates", "set", merchant, *RATES, "--from", str(later)).exit_code == 0
    listed = json.loads(command(street, "rates", "list", "--json").stdout)
    assert [(each["version"], each["cost_bp"], each["in_force"]) for each in listed] == [
        (1, 9000, True), (2, 9000, False)]
    assert command(street, "rates", "list").stdout.count("Bean\t") == 2


def test_who_sets_rates_twice_for_a_day_is_told_which_of_them_count(street):
    """The newest of a day do, so that a mistake can be put right; and it is said."""
    merchant, day = str(street.merchant), str(utc_now().date() + timedelta(days=30))
    first, second = (command(street, "rates", "set", merchant, "--cost-bp", cost, "--credit-bp",
                             "1", "--from", day).stdout for cost in ("8000", "8100"))
    assert f"(business day {day})" in first and "in place of" not in first
    assert second.endswith("in place of version 1, which never counts\n")
    now = command(street, "rates", "set", merchant, *RATES, "--json").stdout
    assert json.loads(now)["ends_at"] is not None
    again = command(street, "rates", "set", merchant, *RATES).stdout
    assert again.endswith("UTC, when later ones begin\n")
    listed = json.loads(command(street, "rates", "list", "--json").stdout)
    assert [(each["version"], each["replaces"]) for each in listed] == [
        (3, None), (4, None), (1, None), (2, 1)]
    shown = command(street, "rates", "list").stdout.splitlines()
    assert [line.split("\t")[-1] for line in shown] == ["", "yes", "never: replaced", ""]


@pytest.mark.parametrize(("words", "told", "code"), [
    (("99", *RATES), "no such merchant. Nothing was changed; pointwire gateway rates list", 1),
    (("1", *RATES, "--from", "2020-01-01"), "has begun. Nothing was changed", 1),
    (("1", *RATES, "--from", "tomorrow"), "'tomorrow' is no day; write it", 2),
    (("1", "--cost-bp", "95.5", "--credit-bp", "1"), "'95.5' is no whole number", 2),
    (("1", "--cost-bp", "-1", "--credit-bp", "1"), "'-1' is no whole number from 0 to 100000", 2),
    (("1", "--cost-bp", "1", "--credit-bp", "100001"), "from 0 to 100000. Nothing was done", 2),
    (("1", "--cost-bp", "1"), "Missing option", 2),
    ((str(2**63), *RATES), "larger than any number here", 2)])
def test_what_cannot_be_set_is_told_in_one_line(street, words, told, code):
    refused = command(street, "rates", "set", *words)
    assert refused.exit_code == code and refused.stdout == ""
    assert told in refused.stderr and "Traceback" not in refused.stderr
    assert street.rows("merchant_rates") == []
