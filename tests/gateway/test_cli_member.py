"""`pointwire gateway member`: an account is frozen and opened again, and taps feel it."""

import json
from datetime import timedelta

from sqlalchemy import select

from gateway.clock import utc_now
from gateway.database import reading
from gateway.tables import entries, registry_events
from protocol import codes
from tests.support.commands import command
from tests.support.street import Street


def actors(engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(registry_events.c.actor).order_by(
            registry_events.c.seq.desc())).scalars())


def test_a_frozen_account_takes_no_tap_until_it_is_opened_again(engine):
    street = Street(engine, opening=utc_now() - timedelta(minutes=1))  # commands take our time
    who = str(street.members[0])
    assert street.take(street.sale(1000)).code == codes.APPROVED
    done = command(street, "member", "suspend", who, "--by", "Lin Mei")
    assert (done.exit_code, done.stdout) == (0, f"member {who} 王*明 is suspended\n")
    assert actors(engine)[0] == "Lin Mei"
    street.later(minutes=2)
    assert street.take(street.sale(2000)).code == codes.MEMBER_SUSPENDED
    shown = json.loads(command(street, "member", "show", who, "--json").stdout)
    assert (shown["state"], shown["balance"]) == ("suspended", 12)
    opened = json.loads(command(street, "member", "reinstate", street.cards[0][-4:], "--by",
                                "Wang", "--json").stdout)
    assert (opened["member_id"], opened["state"]) == (int(who), "active")
    street.later(minutes=1)
    assert street.take(street.sale(3000)).code == codes.APPROVED
    with reading(engine) as connection:
        assert len(connection.execute(select(entries.c.id)).all()) == 2


def test_what_cannot_be_done_is_said_and_changes_nothing(sqlite_engine):
    street = Street(sqlite_engine)
    who = str(street.members[0])
    before = actors(sqlite_engine)
    for words, said in ((("reinstate", who, "--by", "Lin"), "is active, not suspended"),
                        (("suspend", "99", "--by", "Lin"), "Nobody has the number 99"),
                        (("suspend", who, "--by", "..."), "no letter in it"),
                        (("suspend", who, "--by", "Lin 6200001234567892"), "card number"),
                        (("suspend", street.cards[0], "--by", "Lin"), "last four of a card")):
        wrong = command(street, "member", *words)
        assert wrong.exit_code == 1 and said in wrong.stderr, words
        assert street.cards[0] not in wrong.output and wrong.stdout == ""
    assert actors(sqlite_engine) == before
    assert command(street, "member", "suspend", who).exit_code == 2
