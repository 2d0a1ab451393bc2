"""The registry: one way in, refusals in words, logins, and events for all of it."""

from datetime import timedelta

import pytest

from gateway import chain, counting, house
from gateway.registry import NewCard, NewMember, Registry, RegistryError
from gateway.registry.desk import Desk
from gateway.tables import REGISTERED, members
from protocol import keys
from tests.support.street import RULES, Street, card_number


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, members=2)


def test_what_was_created_is_listed(street):
    street.registry.create_terminal(street.shop, terminal_id=42, label="till")
    listed = {facts.terminal_id: facts for facts in street.registry.terminals()}
    assert set(listed) == {42, street.terminals[0]}
    assert listed[42].label == "till" and listed[42].merchant_id == street.merchant
    first, second = street.registry.members()
    assert (first.masked_name, first.tier, first.cards) == ("王*明", "silver", (street.cards[0],))
    assert second.member_id == street.members[1]


def test_only_the_masked_name_is_kept(street):
    street.registry.create_member(street.programme, "Ann Lee")
    assert street.rows("members", "masked_name")[-1] == ("A** L**",)


REFUSED = [
    lambda s: s.registry.create_programme("coffee", "again", RULES),
    lambda s: s.registry.create_programme("x", "x", RULES, cutover_minutes=241),
    lambda s: s.registry.create_merchant(99, "x"),
    lambda s: s.registry.create_shop(99, "x"),
    lambda s: s.registry.create_terminal(99),
    lambda s: s.registry.create_terminal(s.shop, terminal_id=s.terminals[0]),
    lambda s: s.registry.create_terminal(s.shop, terminal_id=0),
    lambda s: s.registry.create_operator(s.merchant, 65536, "x"),
    lambda s: s.registry.create_member(s.programme, "x", "diamond"),
    lambda s: s.registry.create_member(99, "x"),
    lambda s: s.registry.create_card(s.programme, s.cards[0], s.members[0]),
    lambda s: s.registry.create_card(s.programme, "6200001234567893", s.members[0]),
    lambda s: s.registry.create_card(s.programme, "06200", s.members[0]),
    lambda s: s.registry.create_card(s.programme, b"12345", s.members[0]),
    lambda s: s.registry.create_card(s.programme, card_number(77)),
    lambda s: s.registry.create_cards(s.programme, [NewCard(card_number(5), s.members[0])] * 2),
    lambda s: s.registry.set_card_state(card_number(77), "lost"),
    lambda s: s.registry.set_card_state(s.cards[0], "eaten"),
    lambda s: s.registry.set_member_state(99, "suspended"),
    lambda s: s.registry.set_member_tier(s.members[0], "diamond"),
    lambda s: s.registry.set_terminal_state(s.terminals[0], "closed"),
    lambda s: s.registry.revoke_epoch(s.terminals[0], 2),
    lambda s: s.registry.advance_epoch(99),
    lambda s: s.registry.bind_card(s.cards[0], s.members[1]),
    lambda s: s.registry.add_rule_set(99, RULES, 0),
]


def test_what_cannot_be_is_refused_and_changes_nothing(street):
    before = street.rows("registry_events", "count(*)"), street.rows("counters")
    for refused in REFUSED:
        with pytest.raises(RegistryError, match="Nothing was changed|no such"):
            refused(street)
    assert (street.rows("registry_events", "count(*)"), street.rows("counters")) == before


def test_a_stock_card_is_bound_to_a_member_and_works(street):
    number = card_number(77)
    street.registry.create_card(street.programme, number, state="stock")
    with pytest.raises(RegistryError, match="no member yet"):
        street.registry.set_card_state(number, "active")
    street.registry.bind_card(number, street.members[1], "handed out")
    assert street.take(street.sale(card=number)).balance == 15
    assert street.rows("card_events", "seq, state, reason", "reason <> 'issued'") == [
        (2, "active", "handed out")]


def test_a_card_known_by_its_uid_works(street):
    uid = bytes.fromhex("04a1b2c3d4e5f6")
    street.registry.create_card(street.programme, uid, street.members[0])
    assert street.take(street.sale(card=uid)).code == 0
    street.registry.set_card_state(uid, "blocked")
    assert street.take(street.sale(card=uid)).code == 13


def test_a_loss_may_be_reported_for_an_hour_ago(street):
    street.registry.set_card_state(street.cards[0], "lost", street.now - timedelta(hours=1))
    assert street.take(street.sale()).code == 12


def test_a_new_rule_set_counts_from_its_hour(street):
    begins = street.later(hours=1)
    doubled = RULES._replace(rate_points=2)
    version = street.registry.add_rule_set(street.programme, doubled,
                                           int(begins.timestamp() * 1000))
    assert version == 2
    late, new = street.answers(street.sale(at=street.seconds() - 1), street.sale())
    assert [street.read(each.reply).points for each in (late, new)] == [15, 30]


def login(street: Street, epoch: int, terminal: int = 0) -> int | None:
    terminal_id = street.terminals[terminal]
    password = keys.mqtt_password(street.keyring.terminal_key(terminal_id, epoch))
    return street.registry.mqtt_login(keys.mqtt_user(terminal_id, epoch), password)


def test_an_mqtt_login_needs_the_password_of_its_epoch(street):
    terminal_id = street.terminals[0]
    assert login(street, 1) == terminal_id
    assert street.registry.mqtt_login(f"{terminal_id}-1", "wrong") is None
    right = keys.mqtt_password(street.keyring.terminal_key(terminal_id, 1))
    for user in (f"{terminal_id}", f"0{terminal_id}-1", f"{terminal_id}-01", f"{terminal_id}-2",
                 "", "-", "x-1", f"{terminal_id}-1-1", f"{10**30}-1", "٣-1", "worker"):
        assert street.registry.mqtt_login(user, right) is None


def test_during_a_rotation_both_epochs_log_in_until_one_is_revoked(street):
    terminal_id = street.terminals[0]
    assert street.registry.advance_epoch(terminal_id) == 2
    assert login(street, 1) == login(street, 2) == terminal_id
    street.registry.revoke_epoch(terminal_id, 1)
    assert (login(street, 1), login(street, 2)) == (None, terminal_id)
    street.registry.revoke_epoch(terminal_id, 1)  # once more is harmless


def test_lost_and_retired_terminals_do_not_log_in_and_suspended_ones_do(street):
    for state, expected in (("suspended", street.terminals[0]), ("lost", None),
                            ("retired", None), ("active", street.terminals[0])):
        street.registry.set_terminal_state(street.terminals[0], state)
        assert login(street, 1) == expected


def test_every_row_fits_its_newest_event_and_the_events_are_one_chain(street):
    registry = street.registry
    registry.create_operator(street.merchant, 5, "Li")
    registry.set_operator_state(street.merchant, 5, "suspended")
    registry.set_merchant_state(street.merchant, "active")
    registry.advance_epoch(street.terminals[0])
    registry.set_card_state(street.cards[0], "lost")
    street.take(street.sale(epoch=4))  # the intake writes here too
    key = street.keyring.audit_key
    link, newest = chain.NO_LINK, {}
    for *event, stored in street.rows("registry_events", "*", "1=1 ORDER BY seq"):
        link = house.event_link(link, event)
        assert link == stored
        newest[event[3], event[4]] = event[5]
    head, = street.rows("counters", "value, link", "name = 'house'")
    assert head == (len(street.rows("registry_events")), link)
    found = {}
    for table, columns in REGISTERED.items():
        for values in street.rows(table, ", ".join(columns)):
            row = dict(zip(columns, values, strict=True))
            found[table, house.row_key(table, row)] = house.row_seal(key, table, row)
    assert found == newest


def test_an_event_names_who_did_it(engine):
    street = Street(engine)
    Registry(engine, street.keyring, clock=lambda: street.now,
             actor="li").create_shop(street.merchant, "x")
    assert street.rows("registry_events", "actor, table_name")[-1] == ("li", "shops")


def test_ten_thousand_members_and_cards_take_few_statements(engine):
    street = Street(engine)
    made = street.registry.create_members(street.programme, [NewMember("Ann Lee")] * 2500)
    street.registry.create_cards(street.programme, [
        NewCard(card_number(100 + place), member) for place, member in enumerate(made)])
    assert street.take(street.sale(card=card_number(2599))).code == 0


def test_every_command_takes_its_locks_in_one_order(sqlite_engine, monkeypatch):
    street = Street(sqlite_engine, members=2, first_tap_activates=True)
    stock = card_number(50)
    street.registry.create_card(street.programme, stock, state="stock")
    taken: list[tuple] = []
    sound_lock, sound_locked = counting.lock, Desk.locked

    def lock(connection, audit_key, name):
        taken.append((2, ("house", "config").index(name)))
        return sound_lock(connection, audit_key, name)

    def locked(desk, table, **key):
        taken.append((1, key["id"]) if table is members else (1, 10**9))
        return sound_locked(desk, table, **key)

    monkeypatch.setattr(counting, "lock", lock)
    monkeypatch.setattr(Desk, "locked", locked)
    registry = street.registry
    for command in (
            lambda: registry.create_shop(street.merchant, "new"),
            lambda: registry.set_merchant_state(street.merchant, "active"),
            lambda: registry.create_operator(street.merchant, 7, "Li"),
            lambda: registry.create_terminal(street.shop, terminal_id=77),
            lambda: registry.bind_card(stock, street.members[0]),
            lambda: registry.create_card(street.programme, card_number(51), street.members[1])):
        taken.clear()
        command()
        first = list(dict.fromkeys(taken))
        assert first == sorted(first), first
