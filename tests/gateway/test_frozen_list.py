"""The list of frozen points: all of them, and nothing that is held for another reason."""

import json

from sqlalchemy import insert

from gateway import frozen_list
from gateway.database import writing
from gateway.tables import draws
from tests.gateway.test_ends import freezing, jobs
from tests.gateway.test_proposals import done
from tests.support.commands import command
from tests.support.street import Street


def test_what_waits_for_head_office_is_listed_until_it_has_had_its_word(engine, monkeypatch):
    monkeypatch.setattr(frozen_list, "PAGE_ROWS", 1)
    street = freezing(Street(engine, members=2))
    street.answers(street.sale(10_000), street.sale(5_000, card=1))
    street.later(days=300)
    street.answers(street.sale(100))
    jobs(street)
    found = list(frozen_list.listed(street.intake))
    assert [(each.member_id, each.points, each.issuer) for each in found] == [
        (street.members[0], 120, "Bean"), (street.members[1], 60, "Bean")]
    assert (found[0].ended_on - found[0].earned_on).days > 270
    done(street, "release", 0, lot_id=found[0].lot_id)
    done(street, "forfeit", 0, lot_id=found[1].lot_id, member_id=street.members[1])
    assert list(frozen_list.listed(street.intake)) == []


def test_the_command_has_lines_and_json(sqlite_engine):
    street = freezing(Street(sqlite_engine))
    empty = command(street, "member", "frozen")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "nothing is frozen\n")
    street.answers(street.sale(10_000))
    street.later(days=300)
    jobs(street)
    lot, = json.loads(command(street, "member", "frozen", "--json").stdout)
    assert (lot["points"], lot["issuer"]) == (120, "Bean")
    assert command(street, "member", "frozen").stdout == (
        f"{lot['lot_id']}\t1 王*明\t120\tBean\t{lot['earned_on']}\t{lot['ended_on']}\n")


def test_what_an_entry_holds_is_not_frozen(engine):
    street = freezing(Street(engine))
    street.answers(street.sale(10_000))
    street.later(days=300)
    jobs(street)
    for taker, points, held, left in ((70, 20, 0, [120]), (71, 20, 1, [100]), (72, 100, 1, [])):
        with writing(engine) as connection:
            connection.execute(insert(draws).values(
                member_id=street.members[0], taker=taker, lot_id=1, points=points, held=held,
                away=0, instead=0))
        assert [each.points for each in frozen_list.listed(street.intake)] == left
