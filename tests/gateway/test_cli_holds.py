"""`pointwire gateway holds`: lines, JSON and codes."""

import json

from tests.gateway.test_decisions_hold import balances, holding, sound
from tests.support.commands import command


def test_a_hold_is_listed_taken_and_gone_from_the_list(engine):
    street = holding(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    shown = command(street, "holds", "list")
    assert shown.exit_code == 0 and shown.stdout.startswith("2\topen\t1 王*明\tBean\t")
    assert "\t2500\t30\t30\t1\t2026-11-21 04:00:00\t2026-12-05\t" in shown.stdout
    done = command(street, "holds", "take", "2", "--reason", "worn", "--by", "Lin")
    assert (done.exit_code, done.stdout) == (
        0, "hold of receipt 2 taken: -30 points, balance 90, receipt 3\n")
    again = command(street, "holds", "list")
    assert (again.stdout, again.stderr) == ("", "nothing is held\n")
    story, = json.loads(command(street, "holds", "list", "--all", "--json").stdout)
    assert (story["state"], story["ended_by"], story["by"], story["reason"], story["held"]) == (
        "taken", 3, "Lin", "worn", 0)
    sound(street)


def test_json_tells_each_verdict_and_stops_at_the_first_that_cannot_be_done(engine):
    street = holding(engine)
    street.answers(street.sale(10_000), *(
        street.refund(1, amount_minor=1000) for _ in range(2)))
    done = command(street, "holds", "release", "2", "2", "3", "--reason", "ok", "--json")
    assert done.exit_code == 1 and "ended already" in done.stderr
    assert "Of the 3 that were named 1 are done, and those behind" in done.stderr
    assert [each["state"] for each in json.loads(done.stdout)] == ["released"]
    assert balances(street) == (108, 12, 0)


def test_without_a_reason_or_a_name_nothing_is_decided(sqlite_engine):
    street = holding(sqlite_engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=1000))
    assert command(street, "holds", "take", "2").exit_code == 2
    for name in ("...", "", " ", "x" * 101):
        told = command(street, "holds", "take", "2", "--reason", "worn", "--by", name)
        assert told.exit_code == 1 and "The name of who decides" in told.stderr
    assert balances(street) == (108, 12, 0)
