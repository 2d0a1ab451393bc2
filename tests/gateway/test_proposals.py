"""HQ's commands from proposal to end: two persons, one entry, and nothing half-done."""

import pytest

from gateway.audit import run_audit
from gateway.commands import CommandError, Proposal
from gateway.proposals import Ended, approve, propose
from gateway.tables import metadata
from tests.support.street import Street


def command(street: Street, kind: str = "grant", points: int = 100, **fields) -> Proposal:
    """A proposal of Lin's for the street's first member."""
    blank = Proposal(0, kind, street.members[0], points, 0, "goodwill", 0, 0, 0, 0, 0, "Lin",
                     "a long wait")
    return blank._replace(**fields)


def done(street: Street, kind: str = "grant", points: int = 100, **fields) -> Ended:
    """A command that Lin proposes and Wang approves."""
    made = propose(street.intake, command(street, kind, points, **fields))
    return approve(street.intake, made.proposal.serial, "Wang")


def sound(street: Street) -> None:
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert report.findings == ()


def figures(street: Street) -> tuple[int, int, int]:
    """(available, held, debt) of the first member."""
    row, = street.rows("members", "available, held, debt", f"id = {street.members[0]}")
    return row[0], row[1], row[2]


def everything(street: Street) -> dict[str, list[tuple]]:
    return {table: street.rows(table) for table in metadata.tables}


def test_q41_points_are_given_when_a_second_person_approves(engine):  # Q41
    street = Street(engine)
    made = propose(street.intake, command(street))
    assert (made.proposal.serial, made.points, made.balance) == (1, 100, 100)
    assert figures(street) == (0, 0, 0)
    assert approve(street.intake, 1, "Wang") == (1, "approved", 100, 100, 1)
    assert figures(street) == (100, 0, 0)
    sound(street)


@pytest.mark.parametrize("name", ["Lin", "lin", " LIN ", "Ｌin"])
def test_who_proposes_does_not_approve(engine, name):
    street = Street(engine)
    propose(street.intake, command(street))
    before = everything(street)
    with pytest.raises(CommandError, match="second person"):
        approve(street.intake, 1, name)
    assert everything(street) == before
