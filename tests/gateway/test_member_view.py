"""What HQ sees of a member: what can be used, lots with their dates, entries and their reasons."""

from datetime import timedelta

import pytest

from gateway import holds, member_view
from gateway.clock import to_day, to_ms, utc_now
from gateway.database import reading
from gateway.expiry import expire_lots
from gateway.member_view import MemberUnknown, view
from gateway.rules import HOLD_FOR_HQ
from tests.gateway.test_ends import FROZEN
from tests.gateway.test_proposals import done
from tests.support.commands import command
from tests.support.street import Street


def test_lots_are_told_with_their_dates_ended_ones_too_as_long_as_something_expired(engine):
    street = Street(engine)
    street.answers(street.sale(10_000))
    done(street, points=40, bearer_id=street.merchant)
    street.later(days=290)
    before = view(street.intake, "1")
    assert (before.balance, before.usable, before.held, before.debt) == (0, 0, 0, 0)
    expire_lots(engine, street.keyring, to_ms(street.now), 10)
    seen = view(street.intake, "1")
    assert [(each.state, each.issuer, each.remaining, each.expired) for each in seen.lots] == [
        ("ended", "Bean", 0, 40), ("ended", "Bean", 0, 120)]
    done(street, "extension", 0, lot_id=seen.lots[1].lot_id,
         ends_on=to_day(street.now.date()) + 30)
    after = view(street.intake, "1")
    assert after.balance == 120
    assert [(each.state, each.remaining, each.replaces) for each in after.lots
            if each.remaining] == [("usable", 120, seen.lots[1].lot_id)]
    assert [(each.kind, each.points, each.bearer) for each in after.entries] == [
        ("extension", 120, "HQ"), ("expiry", -160, ""), ("grant", 40, "Bean"),
        ("sale", 120, "")]
    assert after.entries[0].reason == "a long wait" and after.entries[2].category == "goodwill"


def test_a_lot_says_whether_a_return_or_head_office_keeps_its_points(engine):  # K5, L9
    street = Street(engine)
    street.registry.add_rule_set(street.programme, FROZEN._replace(
        on_return=HOLD_FOR_HQ, hold_days=200), 1)

    def told() -> list[tuple[str, int, int]]:
        return [(each.state, each.remaining, each.held) for each in view(street.intake, "1").lots]

    street.answers(street.sale(10_000))
    street.answers(street.refund(1, amount_minor=2500))
    assert told() == [("usable", 90, 30)]
    street.answers(street.refund(1, amount_minor=7500))
    assert told() == [("held", 0, 120)]
    street.later(days=150)
    street.answers(street.sale(5_000))
    street.later(days=140)
    assert told() == [("usable", 60, 0), ("held", 0, 120)]
    holds.release(street.intake, 2, "Lin", "goods are back")
    street.later(days=150)
    expire_lots(engine, street.keyring, to_ms(street.now), 10)
    assert ("frozen", 0, 60) in told()
    seen = view(street.intake, "1", lots_max=1)
    assert (seen.held, seen.frozen) == (90, 90)
    assert "; held 90, frozen 90\n" in command(street, "member", "show", "1").stdout


def test_the_balance_counts_lots_beyond_those_that_are_shown(engine):
    street = Street(engine, opening=utc_now() - timedelta(days=2))
    for _ in range(3):
        street.answers(street.sale(1000))
        street.later(days=1)
    seen = view(street.intake, "1", lots_max=2)
    assert (len(seen.lots), seen.lots_left_out) == (2, 1)
    assert (seen.balance, seen.usable) == (36, 36)
    assert view(street.intake, "1").lots_left_out == 0
    some = command(street, "member", "show", "1", "--lots", "1")
    assert some.stderr == "2 more lots, which end sooner, are not shown: --lots 3 shows all\n"
    assert command(street, "member", "show", "1", "--lots", "3").stderr == ""


def test_a_card_may_be_written_as_it_is_printed(sqlite_engine):
    street = Street(sqlite_engine)
    card = street.cards[0]
    with reading(sqlite_engine) as connection:
        for written in (card, f" {card[:4]} {card[4:8]} {card[8:]}\n", f"{card[:4]}-{card[4:]}"):
            assert member_view.of_card(connection, written) == street.members[0]
        with pytest.raises(MemberUnknown, match="No member has that card"):
            member_view.of_card(connection, " - ")


def test_a_member_is_found_by_number_or_last_four_if_only_one_is_meant(engine):
    street = Street(engine, members=3)
    assert view(street.intake, str(street.members[1])).member_id == street.members[1]
    assert view(street.intake, street.cards[2][-4:]).member_id == street.members[2]
    street.registry.create_card(street.programme, bytes.fromhex("04a1b2c3"), street.members[0])
    street.registry.create_card(street.programme, bytes.fromhex("05a1b2c3"), street.members[1])
    with pytest.raises(MemberUnknown, match="any of the members 1, 2"):
        view(street.intake, "b2c3")
    for who, said in (("6200009999999999", "Nobody has the number 6200009999999999. Nothing"),
                      ("9999", "number 9999, and no card of a member ends so. Nothing")):
        with pytest.raises(MemberUnknown, match=said):
            view(street.intake, who)
