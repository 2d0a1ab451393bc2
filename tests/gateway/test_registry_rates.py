"""Merchants' rates: from when they count, and what they are until somebody sets some (M2, K9)."""

from datetime import date, timedelta

import pytest

from gateway.audit import run_audit
from gateway.catalogue import read_catalogue
from gateway.clock import to_ms
from gateway.database import reading
from gateway.registry import RegistryError
from gateway.registry import programmes as room
from tests.support.street import NOON, Street


@pytest.fixture
def street(engine) -> Street:
    return Street(engine)


def due(street: Street) -> int:
    """What has been put on the accounts of merchants so far."""
    (total,), = street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                            "coalesce(sum(p.amount), 0)", "a.kind = 'merchant_due'")
    return int(total)


def test_without_rates_a_merchant_settles_the_whole_worth(street):
    only, = street.registry.rates()
    assert (only.version, only.cost_bp, only.credit_bp, only.in_force) == (0, 10000, 10000, True)
    street.take(street.sale(10000))
    assert due(street) == -100


def test_rates_count_from_their_instant_on_also_for_what_arrives_later(street):
    before = street.seconds()
    street.later(hours=1)
    assert street.registry.set_rates(street.merchant, 9000, 9500).version == 1
    street.take(street.sale(10000))
    assert due(street) == -90
    street.take(street.sale(10000, at=before))  # tapped before, offline
    assert due(street) == -90 - 100


def test_rates_may_begin_with_a_later_business_day(street):
    """The street stands at noon of the 21st; a day begins at four in the morning in Shanghai."""
    registry = street.registry
    facts = registry.set_rates(street.merchant, 5000, 10000, date(2026, 11, 22))
    assert facts.begins_at == NOON + timedelta(hours=16) and not facts.in_force
    assert [(each.version, each.in_force) for each in registry.rates()] == [(0, True), (1, False)]
    street.later(hours=16, seconds=-1)
    street.take(street.sale(10000))
    assert due(street) == -100
    street.later(seconds=1)
    street.take(street.sale(10000))
    assert due(street) == -150
    assert [(each.version, each.in_force) for each in registry.rates()] == [(1, True)]


def test_the_newest_rates_count_where_several_begin_at_once(street):
    for cost_bp in (9000, 8000):
        street.registry.set_rates(street.merchant, cost_bp, 10000)
    with reading(street.engine) as connection:
        merchant = read_catalogue(connection).merchants[street.merchant]
    assert merchant.rates_at(to_ms(street.now)).cost_bp == 8000
    assert merchant.rates_at(to_ms(street.now) - 1).version == 0


@pytest.mark.parametrize(("values", "told"), [
    ((99, 1, 1), "no such merchant"), ((1, -1, 1), "cost of -1"), ((1, 0, 100_001), "credit of"),
    ((1, 1, 1, date(2026, 11, 21)), "has begun"), ((1, 1, 1, date(1, 1, 1)), "has begun"),
    ((1, 1, 1, date(9999, 12, 31)), "ten years")])
def test_rates_that_cannot_be_are_refused_and_change_nothing(street, values, told):
    before = street.rows("registry_events", "count(*)"), street.rows("counters")
    with pytest.raises(RegistryError, match=rf"{told}.*Nothing was changed"):
        street.registry.set_rates(*values)
    assert (street.rows("registry_events", "count(*)"), street.rows("counters")) == before


def test_an_older_database_gets_its_accounts_of_money(engine, monkeypatch):
    """By `migrate`; until then nothing is acknowledged."""
    points_only = {name: {kind: unit for kind, unit in getattr(room, name).items() if unit == 1}
                   for name in ("OF_MERCHANTS", "OF_PROGRAMMES")}
    with monkeypatch.context() as older:
        for name, kinds in points_only.items():
            older.setattr(room, name, kinds)
        street = Street(engine)
    assert street.registry.open_accounts() == 3
    assert street.registry.open_accounts() == 0
    assert sorted(street.rows("accounts", "kind, owner_id", "unit = 2")) == [
        ("merchant_due", street.merchant), ("programme_hq", street.programme),
        ("programme_pool", street.programme)]
    street.take(street.sale(10000))
    assert due(street) == -100
    assert run_audit(engine, street.keyring, rebuild=True,
                     clock=lambda: street.now).findings == ()
