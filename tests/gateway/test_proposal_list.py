"""Proposals as people look at them: what waits, what ended, and what is no longer known of it."""

import pytest

from gateway import proposal_list
from gateway.commands import CommandError
from gateway.database import counting_statements, writing
from gateway.proposals import approve, propose, refuse
from tests.gateway.test_proposals import command
from tests.support.street import Street


def test_what_waits_is_listed_and_what_ended_with_all(engine, monkeypatch):
    monkeypatch.setattr(proposal_list, "PAGE_ROWS", 2)
    street = Street(engine)
    for points in range(1, 6):
        propose(street.intake, command(street, points=points))
    approve(street.intake, 2, "Wang", "as the shop says")
    refuse(street.intake, 4, "Lin", "never mind")
    assert [each.serial for each in proposal_list.listed(street.intake)] == [1, 3, 5]
    found = list(proposal_list.listed(street.intake, everything=True))
    assert [(each.state, each.by, each.note, each.receipt) for each in found[1:4]] == [
        ("approved", "Wang", "as the shop says", 1), ("open", None, None, None),
        ("refused", "Lin", "never mind", None)]
    street.later(days=31)
    assert {each.state for each in proposal_list.listed(street.intake)} == {"lapsed"}
    assert proposal_list.one(street.intake, 5) == found[4]._replace(state="lapsed")
    with pytest.raises(CommandError, match="no proposal 6"):
        proposal_list.one(street.intake, 6)


def test_a_page_costs_as_many_statements_as_one_proposal(sqlite_engine):
    street = Street(sqlite_engine)
    seen = []
    for _ in range(2):
        propose(street.intake, command(street), again=True)
        with counting_statements(sqlite_engine) as sent:
            assert list(proposal_list.listed(street.intake))
        seen.append(len(sent))
    assert seen[0] == seen[1]


def test_who_ended_it_is_known_as_long_as_that_is_kept(engine):
    street = Street(engine)
    propose(street.intake, command(street))
    approve(street.intake, 1, "Wang", "as the shop says")
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames")
    found, = proposal_list.listed(street.intake, everything=True)
    assert (found.state, found.by, found.receipt, found.maker) == ("approved", "", 1, "Lin")
