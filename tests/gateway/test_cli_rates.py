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
    assert done.stdout.startswith(f"merchant {merchant} (Bean): cost 9000, credit 9500 basis")
    later = utc_now().date() + timedelta(days=30)
    assert command(street, "rates", "set", merchant, *RATES, "--from", str(later)).exit_code == 0
    listed = json.loads(command(street, "rates", "list", "--json").stdout)
    assert [(each["version"], each["cost_bp"], each["in_force"]) for each in listed] == [
        (1, 9000, True), (2, 9000, False)]
    assert command(street, "rates", "list").stdout.count("Bean\t") == 2


@pytest.mark.parametrize(("words", "told", "code"), [
    (("99", *RATES), "no such merchant. Nothing was changed; pointwire gateway rates list", 1),
    (("1", *RATES, "--from", "2020-01-01"), "has begun. Nothing was changed", 1),
    (("1", *RATES, "--from", "tomorrow"), "does not match the format", 2),
    (("1", "--cost-bp", "95.5", "--credit-bp", "1"), "not a valid integer", 2),
    (("1", "--cost-bp", "-1", "--credit-bp", "1"), "not in the range", 2),
    (("1", "--cost-bp", "1", "--credit-bp", "100001"), "not in the range", 2),
    (("1", "--cost-bp", "1"), "Missing option", 2), ((str(2**63), *RATES), "not in the range", 2)])
def test_what_cannot_be_set_is_told_in_one_line(street, words, told, code):
    refused = command(street, "rates", "set", *words)
    assert refused.exit_code == code and refused.stdout == ""
    assert told in refused.stderr and "Traceback" not in refused.stderr
    assert street.rows("merchant_rates") == []
