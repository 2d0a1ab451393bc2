"""Commands on days: what they print, and how they end."""

import json
import re
from datetime import UTC, datetime

from click.testing import CliRunner

from gateway.cli import gateway
from tests.support.street import KEYS, Street

LONG_AGO = datetime(2024, 1, 15, 4, 0, tzinfo=UTC)
NAMES = ("MASTER", "AUDIT", "FRAME")


def run(street: Street, *arguments: str):
    env = {f"POINTWIRE_{name}_KEY": key.hex() for name, key in zip(NAMES, KEYS, strict=True)}
    url = street.engine.url.render_as_string(hide_password=False)
    return CliRunner().invoke(gateway, arguments, env={**env, "POINTWIRE_DATABASE_URL": url})


def test_days_are_closed_and_a_merchant_gets_its_statement(engine):
    street = Street(engine, opening=LONG_AGO)
    street.answers(street.sale(30_000))
    told = run(street, "statement", str(street.merchant), "--from", "2024-01-15", "--to",
               "2024-01-15", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["closing_minor"] == -300
    lines = run(street, "statement", str(street.merchant), "--from", "2024-01-15", "--to",
                "2024-01-15", "--lines")
    assert lines.stdout.splitlines()[-1].split("\t")[:2] == ["1", "2024-01-15"]
    closed = run(street, "day", "close")
    assert (closed.exit_code, closed.stdout) == (0, "programme 1: 2024-01-15 closed\n")
    again = run(street, "day", "close")
    assert (again.exit_code, again.stdout) == (0, "")
    assert re.fullmatch(r"no day is to be closed; open: 20\d\d-\d\d-\d\d of programme 1\n",
                        again.stderr)


def test_a_program_is_told_which_days_were_closed_and_which_are_open(sqlite_engine):
    street = Street(sqlite_engine, opening=LONG_AGO)
    street.answers(street.sale(30_000))
    done, again = (json.loads(run(street, "day", "close", "--json").stdout) for _ in range(2))
    assert done["closed"] == [{"programme_id": 1, "day": "2024-01-15"}]
    assert again == {"closed": [], "open": done["open"]}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", again["open"][0]["day"])


def test_bad_input_ends_with_a_line(engine):
    street = Street(engine)
    for merchant, first, last in (("9", "2026-11-01", "2026-11-02"),
                                  ("1", "2026-11-02", "2026-11-01"),
                                  ("1", "2026-11-01", "2999-01-01")):
        ended = run(street, "statement", merchant, "--from", first, "--to", last)
        assert ended.exit_code == 1 and ended.stderr.count("\n") == 1, ended.output
    alone = run(street, "statement", "1", "--from", "2026-11-01", "--to", "2026-11-01", "--verify")
    assert alone.exit_code == 2 and "Only the `pointwire` command" in alone.stderr
    assert run(street, "statement", "1", "--from", "x", "--to", "2026-11-01").exit_code == 2
