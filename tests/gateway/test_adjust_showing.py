"""How HQ's commands look, on a terminal and in a pipe."""

import io

from gateway import adjust_showing
from gateway.member_view import view
from gateway.proposal_list import listed
from gateway.proposals import propose
from tests.gateway.test_ends import freezing, jobs
from tests.gateway.test_proposals import command, done
from tests.support.commands import Screen
from tests.support.street import Street


def test_on_a_terminal_proposals_are_a_table_without_empty_columns(sqlite_engine):
    street = Street(sqlite_engine)
    propose(street.intake, command(street))
    out = Screen()
    adjust_showing.show(list(listed(street.intake)), out)
    assert "grant" in out.getvalue() and "receipt" not in out.getvalue()


def test_a_member_is_figures_lots_and_entries(sqlite_engine):
    street = Street(sqlite_engine)
    done(street, points=30)
    done(street, "penalty", 50)
    out = Screen()
    adjust_showing.show_member(view(street.intake, "1"), out)
    assert "balance -20: usable 0, debt 20; held 0" in out.getvalue()
    assert "penalty" in out.getvalue() and "-50" in out.getvalue()


def test_points_that_are_frozen_are_no_expiry_of_nothing(engine):
    street = freezing(Street(engine, members=2))
    street.answers(street.sale(10_000), street.sale(5_000, card=1))
    street.later(days=300)
    street.answers(street.sale(100, card=1))
    jobs(street)
    done(street, "release", 0, lot_id=1)
    out = io.StringIO()
    adjust_showing.show_member(view(street.intake, "1"), out)
    assert "\t120 points frozen\t+0\t" in out.getvalue() and "expiry" not in out.getvalue()
    entries = view(street.intake, "1").entries
    assert [(each.kind, each.points, each.frozen) for each in entries] == [
        ("release", 0, 0), ("frozen", 0, 120), ("sale", 120, 0)]
    out = io.StringIO()
    adjust_showing.show_member(view(street.intake, "2"), out)
    assert "\tsale, 60 points frozen\t+1\t" in out.getvalue()


def test_a_command_on_frozen_points_names_its_lot_and_no_day(sqlite_engine):
    street = freezing(Street(sqlite_engine))
    street.answers(street.sale(10_000))
    street.later(days=300)
    jobs(street)
    lot, = view(street.intake, "1").lots
    propose(street.intake, command(street, "release", points=0, lot_id=lot.lot_id))
    out = io.StringIO()
    adjust_showing.show(list(listed(street.intake)), out)
    assert f"\tlot {lot.lot_id}\tHQ\t" in out.getvalue()
