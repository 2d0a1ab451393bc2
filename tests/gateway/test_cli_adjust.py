"""`pointwire gateway adjust` and `member`: lines, JSON and codes, and never a card number."""

import json
import re
from datetime import datetime, timedelta

from sqlalchemy import update

from gateway.cli import gateway
from gateway.clock import utc_now
from gateway.database import writing
from gateway.tables import proposals
from tests.gateway.test_proposals import done, everything, figures
from tests.support.commands import command
from tests.support.street import RULES, Street

WHY = ("--category", "fault", "--reason", "收银机坏了", "--by", "Lin")


def propose(street: Street, kind: str, *words: str):
    return command(street, "adjust", "propose", kind, "--member", str(street.members[0]),
                   *words, *WHY)


def test_a_grant_from_proposal_to_the_members_own_page(engine):
    street = Street(engine)
    made = propose(street, "grant", "--points", "500")
    assert made.exit_code == 0 and made.stdout.startswith(
        "proposal 1: grant for member 1; it would come to +500 points, balance 500.")
    assert "open\tgrant\t1 王*明\t+500\t\tHQ\tfault\t收银机坏了\tLin\t" in command(
        street, "adjust", "list").stdout
    assert figures(street) == (0, 0, 0)
    done = command(street, "adjust", "approve", "1", "--by", "Wang")
    assert (done.exit_code, done.stdout) == (
        0, "proposal 1 approved: +500 points, balance 500, receipt 1\n")
    again = command(street, "adjust", "list")
    assert (again.stdout, again.stderr) == ("", "nothing is proposed\n")
    assert "approved" in command(street, "adjust", "show", "1").stdout
    shown = command(street, "member", "show", street.cards[0][-4:])
    assert "balance 500: usable 500, debt 0; held 0" in shown.stdout
    assert re.search(r"1\tgrant\t\+500\t2026-.*\tfault\t收银机坏了\tHQ\t1\n", shown.stdout)
    assert f"****{street.cards[0][-4:]} active" in shown.stdout
    assert street.cards[0] not in shown.stdout


def test_what_is_proposed_already_is_proposed_once_more_only_where_it_is_said(engine):
    street = Street(engine)
    propose(street, "grant", "--points", "500")
    twice = propose(street, "grant", "--points", "500")
    assert twice.exit_code == 1 and "Proposal 1 asks for the same" in twice.stderr
    assert "Nothing was changed" in twice.stderr and "--again" in twice.stderr
    assert len(street.rows("proposals")) == 1
    assert propose(street, "grant", "--points", "501").exit_code == 0
    assert propose(street, "grant", "--points", "500", "--again").exit_code == 0
    assert "Proposal 3 asks" in propose(street, "grant", "--points", "500").stderr
    for serial in ("1", "3"):
        command(street, "adjust", "refuse", serial, "--by", "Wang", "--reason", "no")
    assert propose(street, "grant", "--points", "500").exit_code == 0


def test_a_card_is_asked_for_and_never_shown(sqlite_engine):
    street = Street(sqlite_engine)
    words = ("adjust", "propose", "grant", "--points", "5", *WHY, "--card")
    assert command(street, *words, street.cards[0]).exit_code == 0
    wrong = command(street, *words, "6200009999999999")
    assert wrong.exit_code == 1 and "No member has that card" in wrong.stderr
    assert "62000099" not in wrong.output
    assert command(street, *words, "-").exit_code == 1  # nobody there to be asked


def test_a_card_can_come_through_a_pipe(sqlite_engine, monkeypatch):
    monkeypatch.setattr("click.prompt", None)  # warns that what is typed may be seen
    street = Street(sqlite_engine)
    words = ("adjust", "propose", "grant", "--points", "5", *WHY, "--card", "-", "--json")
    done = command(street, *words, said=f"{street.cards[0]}\n")
    assert json.loads(done.stdout)["proposal"]["member_id"] == street.members[0]
    assert street.cards[0] not in done.output


def test_what_cannot_be_done_is_said_with_a_code_and_changes_nothing(engine):
    street = Street(engine)
    other = street.registry.create_programme("tea", "Tea", RULES)
    leaf = street.registry.create_merchant(other, "Leaf")
    propose(street, "grant", "--points", "5")
    before = everything(street)
    for words, code, said in (
            (("propose", "grant", "--member", "1", *WHY), 1, "1 to 1000000000"),
            (("propose", "grant", "--member", "1", "--points", "0", *WHY), 2, "--points 0 gives"),
            (("propose", "grant", "--member", "1", "--points", "-5", *WHY), 1, "not -5"),
            (("propose", "grant", "--member", "1", "--points", "5000000000", *WHY), 1, "not 50"),
            (("propose", "grant", "--member", "9", "--points", "5", *WHY), 1, "no member 9"),
            (("propose", "grant", "--points", "5", *WHY), 2, "--member or --card"),
            (("propose", "grant", "--member", "1", "--points", "5", "--bearer", str(leaf), *WHY),
             1, "in the member's programme"),
            (("propose", "grant", "--member", "1", "--points", "5", "--category", "fault",
              "--by", "Lin"), 2, "--reason"),
            (("propose", "correction", "--member", "1", "--points", "5", "--receipt", "99", *WHY),
             1, "no entry with receipt 99"),
            (("propose", "extension", "--member", "1", "--lot", "7", "--until", "2027-01-01",
              *WHY), 1, "no lot 7"),
            (("propose", "write-off", "--member", "1", *WHY), 1, "owes 0 points"),
            (("approve", "1", "--by", "lin"), 1, "second person"),
            (("approve", "1", "--by", ""), 1, "name of who decides"),
            (("refuse", "1", "--by", "Wang"), 2, "--reason"),
            (("refuse", "1", "--by", "Wang", "--reason", " "), 1, "The reason"),
            (("approve", "77", "--by", "Wang"), 1, "no proposal 77"),
            (("show", "77"), 1, "no proposal 77")):
        told = command(street, "adjust", *words)
        assert (told.exit_code, "Traceback" in told.output) == (code, False), (words, told.output)
        assert said in told.stderr.replace("\n", " "), (words, told.stderr)
    assert everything(street) == before


def test_json_for_each_command(sqlite_engine):
    street = Street(sqlite_engine)
    street.answers(street.sale())
    made = json.loads(propose(street, "penalty", "--points", "20", "--json").stdout)
    assert (made["proposal"]["serial"], made["points"], made["balance"]) == (1, -20, -5)
    assert (made["proposal"]["points"], made["proposal"]["ends_on"]) == (-20, None)
    assert "\tpenalty\t1 王*明\t-20\t" in command(street, "adjust", "list").stdout
    ended = json.loads(command(street, "adjust", "approve", "1", "--by", "Wang", "--json").stdout)
    assert ended == {"serial": 1, "state": "approved", "points": -20, "balance": -5, "receipt": 2}
    listed, = json.loads(command(street, "adjust", "list", "--all", "--json").stdout)
    assert (listed["points"], listed["proposed_at"]) == (-20, made["proposal"]["proposed_at"])
    assert (listed["state"], listed["by"], listed["receipt"], listed["ended_points"]) == (
        "approved", "Wang", 2, -20)
    seen = json.loads(command(street, "member", "show", "1", "--json").stdout)
    assert (seen["balance"], seen["debt"], seen["lots"]) == (-5, 5, [])
    assert [(each["receipt"], each["kind"], each["points"]) for each in seen["entries"]] == [
        (2, "penalty", -20), (1, "sale", 15)]


def test_json_has_days_and_times_as_they_are_written(sqlite_engine):
    street = Street(sqlite_engine)
    street.answers(street.sale())
    until = utc_now().date() + timedelta(days=600)
    made = json.loads(propose(street, "extension", "--lot", "1", "--until", str(until),
                              "--json").stdout)["proposal"]
    assert made["ends_on"] == str(until)
    listed, = json.loads(command(street, "adjust", "show", "1", "--json").stdout)
    same = ("serial", "kind", "member_id", "named_receipt", "lot_id", "ends_on", "amount_minor",
            "category", "maker", "reason", "proposed_at")
    assert {name: made[name] for name in same} == {name: listed[name] for name in same}
    assert "receipt" not in made and listed["receipt"] is None
    assert utc_now() - datetime.fromisoformat(made["proposed_at"]) < timedelta(minutes=5)


def test_nothing_is_not_taken_for_all(sqlite_engine):
    street = Street(sqlite_engine)
    street.answers(street.sale())
    for words in (("refund", "--receipt", "1", "--amount", "0"), ("write-off", "--points", "0"),
                  ("correction", "--receipt", "1", "--points", "0")):
        told = propose(street, *words)
        assert told.exit_code == 2 and "Nothing was done" in told.stderr.replace("\n", " ")
    assert street.rows("proposals") == []


def test_a_box_that_does_not_open_is_said_and_nothing_should_be_approved_by_it(sqlite_engine):
    street = Street(sqlite_engine)
    propose(street, "grant", "--points", "5")
    with writing(street.engine) as connection:
        connection.execute(update(proposals).values(box=bytes(60)))
    shown = command(street, "adjust", "list")
    assert shown.exit_code == 1 and "(does not open)" in shown.stdout
    assert "approve nothing by them" in shown.stderr
    denied = command(street, "adjust", "approve", "1", "--by", "Wang")
    assert denied.exit_code == 1 and "is not what was sealed" in denied.stderr


def test_who_is_meant_must_be_one(sqlite_engine):
    street = Street(sqlite_engine, members=2)
    for who, said in (("8888", "Nobody"), ("not/one", "no member's number"),
                      ("0" * 30, "no member's number")):
        told = command(street, "member", "show", who)
        assert told.exit_code == 1 and said in told.stderr
    done(street)
    assert "grant" in command(street, "member", "show", "1").stdout
    assert "grant" not in command(street, "member", "show", "1", "--entries", "0").stdout
    assert gateway.commands["member"].help and gateway.commands["adjust"].help
