"""Frozen points in the audit: what a faulty gateway booked, sealed and chained as anything else,
so that every figure agrees with every other."""

from gateway import loading
from gateway.audit import run_audit
from gateway.decisions import accounts
from gateway.lots import Lot
from gateway.rules import HOLD_FOR_HQ
from gateway.validity import HOLD
from tests.gateway.test_untouched import free_to_spend
from tests.support.street import Street


def found(street: Street, *, rebuild: bool = False) -> list[tuple[str, str, str]]:
    report = run_audit(street.engine, street.keyring, rebuild=rebuild, clock=lambda: street.now)
    return [(each.table, each.row, each.wrong) for each in report.findings]


def test_what_was_taken_of_what_a_return_holds_is_named(engine, monkeypatch):
    street = free_to_spend(engine, on_return=HOLD_FOR_HQ)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    assert found(street, rebuild=True) == []
    monkeypatch.setattr(loading, "_touched", lambda *_: set())
    street.answers(street.sale(10_000), street.redemption(200, 200), street.void(3))
    taken = ("lots", "1", "entry 5 took 30 frozen points of it, 0 were: the rest is what returns"
             " hold.")
    assert found(street) == [taken]
    assert found(street, rebuild=True) == [
        taken, ("lots", "1", "returns hold 30 points more of it than it holds.")]


def test_what_no_rules_freeze_is_named(engine, monkeypatch):
    street = free_to_spend(engine)
    street.take(street.sale(10_000))
    street.later(days=500)
    monkeypatch.setattr(accounts, "policies_of", lambda programme: ((0, HOLD),))
    street.take(street.sale(100))
    assert found(street, rebuild=True) == [
        ("lots", "1", "points of it were frozen, and no rules of its programme freeze any.")]


def test_what_was_frozen_too_early_is_named(engine, monkeypatch):
    street = free_to_spend(engine, at_end=HOLD)
    street.take(street.sale(10_000))
    street.later(days=1)
    with monkeypatch.context() as faulty:
        faulty.setattr(Lot, "lives", lambda *_: False)
        street.take(street.sale(100))
    street.later(days=500)
    street.take(street.sale(100))  # this one freezes what has ended
    assert found(street, rebuild=True) == [
        ("lots", "1", "entry 2 froze points of it before it had ended.")]
