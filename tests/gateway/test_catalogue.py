"""The catalogue follows the counter `config`."""

from gateway.catalogue import config_version, read_catalogue
from gateway.database import counting_statements, reading
from tests.support.street import RULES, Street


def test_an_empty_database_has_an_empty_catalogue(engine):
    with reading(engine) as connection:
        catalogue = read_catalogue(connection)
    assert (catalogue.version, catalogue.merchants) == (0, {})


def test_the_catalogue_holds_what_the_registry_wrote(engine):
    street = Street(engine)
    street.registry.create_operator(street.merchant, 5, "Li")
    with reading(engine) as connection:
        catalogue = read_catalogue(connection)
        assert catalogue.version == config_version(connection)
    merchant = catalogue.merchants[street.merchant]
    assert catalogue.shops[street.shop].merchant_id == street.merchant
    assert merchant.programme_id == street.programme and merchant.issued_account_id
    assert catalogue.operators[street.merchant, 5].state == "active"
    assert catalogue.programmes[street.programme].rule_set_at(0) == RULES


def test_rule_sets_apply_from_their_hour_on(engine):
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RULES._replace(rate_points=3), 1000)
    with reading(engine) as connection:
        programme = read_catalogue(connection).programmes[street.programme]
    found = [programme.rule_set_at(at) for at in (-1, 0, 999, 1000, 5000)]
    assert [rules and rules.rate_points for rules in found] == [None, 1, 1, 3, 3]


def test_a_batch_reads_the_catalogue_only_when_it_changed(engine):
    street = Street(engine)
    street.take(street.sale())
    with counting_statements(engine) as first:
        street.take(street.sale())
    street.registry.set_merchant_state(street.merchant, "suspended")
    with counting_statements(engine) as second:
        assert street.take(street.sale()).code == 41
    assert not any("FROM merchants" in statement for statement in first)
    assert any("FROM merchants" in statement for statement in second)


def test_members_and_cards_do_not_change_the_configuration(engine):
    street = Street(engine)
    before = street.take(street.heartbeat()).config_revision
    street.registry.create_member(street.programme, "Ann Lee")
    street.registry.set_card_state(street.cards[0], "lost")
    assert street.take(street.heartbeat()).config_revision == before
