"""What each of HQ's commands does to a member, and when it may not be done."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import days
from gateway.clock import to_day, to_ms
from gateway.commands import CommandError
from gateway.expiry import expire_lots
from gateway.intake import Intake
from gateway.message import COMMANDS
from gateway.proposals import LAPSE_DAYS, approve, propose, refuse
from gateway.rules import HOLD_FOR_HQ, Redeeming
from protocol import codes
from tests.gateway.test_proposals import command, done, everything, figures, sound
from tests.support.street import RULES, Street


def accounts(street: Street) -> dict[str, int]:
    """What the postings come to, by kind of account."""
    rows = street.rows("postings p JOIN accounts a ON a.id = p.account_id", "a.kind, sum(amount)",
                       "1=1 GROUP BY a.kind")
    return {kind: int(amount) for kind, amount in rows if amount}


@pytest.mark.parametrize("kind", ["grant", "compensation"])
def test_points_are_borne_by_hq_or_by_a_merchant_of_the_programme(engine, kind):
    street = Street(engine)
    done(street, kind, 100)
    assert accounts(street) == {"member_points": 100, "programme_adjusted": -100,
                                "programme_pool": 100, "programme_hq": -100}
    done(street, kind, 50, bearer_id=street.merchant)
    assert accounts(street) == {
        "member_points": 150, "programme_adjusted": -100, "merchant_issued": -50,
        "programme_pool": 150, "programme_hq": -100, "merchant_due": -50}
    assert street.rows("lots", "origin, merchant_id, remaining") == [
        (2, 0, 100), (2, street.merchant, 50)]
    sound(street)


def test_q42_a_penalty_may_take_more_than_there_is_and_the_rest_is_debt(engine):  # Q42
    street = Street(engine)
    street.answers(street.sale())
    assert done(street, "penalty", 40, category="abuse")[1:4] == ("approved", -40, -25)
    assert figures(street) == (0, 0, 25)
    street.answers(street.sale(3000))
    assert figures(street) == (11, 0, 0)
    sound(street)


@pytest.mark.parametrize(("kind", "points"), [
    ("grant", 986), ("compensation", 986), ("correction", 986), ("penalty", 1016),
    ("grant", 1_000_000_000)])
def test_nothing_is_approved_that_makes_more_points_than_a_reply_can_tell(
        engine, monkeypatch, kind, points):
    street = Street(engine)
    street.answers(street.sale())  # 15 points
    named = {"receipt": 1} if kind == "correction" else {}
    waiting = propose(street.intake, command(street, kind, points, **named)).proposal.serial
    monkeypatch.setattr("gateway.decisions.adjustment.POINTS_MAX", 1000)
    before = everything(street)
    with pytest.raises(CommandError, match="more than the 1000 there may be. Nothing was changed"):
        approve(street.intake, waiting, "Wang")
    with pytest.raises(CommandError, match="more than the 1000"):
        propose(street.intake, command(street, kind, points, **named), again=True)
    assert everything(street) == before
    assert done(street, kind, points - 1 if points < 2000 else 985, **named).state == "approved"
    sound(street)


def test_who_has_more_points_than_a_reply_can_tell_may_lose_some(engine, monkeypatch):
    street = Street(engine)
    street.answers(street.sale())  # 15 points
    done(street, "grant", 2985)
    monkeypatch.setattr("gateway.decisions.adjustment.POINTS_MAX", 1000)
    assert done(street, "penalty", 500).balance == 2500
    assert done(street, "correction", -500, receipt=1).balance == 2000
    with pytest.raises(CommandError, match="Member 1 would hold 2001 points, more than the 1000"):
        done(street, "grant", 1)
    assert done(street, "penalty", 2900).balance == -900
    with pytest.raises(CommandError, match="would owe 1001 points"):
        done(street, "penalty", 101)
    sound(street)


def test_nothing_is_approved_that_is_worth_more_than_an_entry_may_move(engine):
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RULES._replace(
        redeeming=Redeeming(1, 1_000_000)), 0)
    before = everything(street)
    for kind in ("grant", "penalty"):
        with pytest.raises(CommandError, match="100000001000000 today, more than"):
            propose(street.intake, command(street, kind, 100_000_001))
    assert everything(street) == before
    done(street, "grant", 100_000_000)
    street.later(days=1)
    days.close(engine, street.keyring, to_ms(street.now))
    sound(street)


def test_a_penalty_taken_back_returns_what_it_took_and_ends_its_debt(engine):
    street = Street(engine)
    street.answers(street.sale())
    receipt = done(street, "penalty", 40).receipt
    assert done(street, "correction", 0, receipt=receipt).points == 40
    assert figures(street) == (15, 0, 0)
    assert accounts(street)["member_points"] == 15 and "programme_adjusted" not in accounts(street)
    sound(street)


def test_q41_points_given_by_mistake_are_taken_back_at_the_cost_of_who_bore_them(engine):  # Q41
    street = Street(engine)
    receipt = done(street, "grant", 100, bearer_id=street.merchant).receipt
    with pytest.raises(CommandError, match="borne by"):
        done(street, "correction", 0, receipt=receipt)
    with pytest.raises(CommandError, match="taken back whole"):
        done(street, "correction", -60, receipt=receipt, bearer_id=street.merchant)
    assert done(street, "correction", -100, receipt=receipt,
                bearer_id=street.merchant).points == -100
    assert accounts(street) == {} and figures(street) == (0, 0, 0)
    with pytest.raises(CommandError, match="taken back already"):
        done(street, "correction", 0, receipt=receipt, bearer_id=street.merchant)
    sound(street)


def test_points_that_were_spent_before_they_are_taken_back_are_debt(engine):
    street = Street(engine)
    receipt = done(street, "grant", 100).receipt
    assert street.take(street.redemption(100, 500)).code == 0
    done(street, "correction", 0, receipt=receipt)
    available, _, debt = figures(street)
    assert available - debt == 4 - 100
    sound(street)


def test_a_correction_names_an_entry_of_the_member_and_leaves_it_as_it_is(engine):
    street = Street(engine, members=2)
    street.answers(street.sale(), street.sale(card=1))
    mine, others = sorted(street.rows("entries", "id, member_id"))
    for named in (others[0], 99):
        with pytest.raises(CommandError, match=f"no entry with receipt {named}"):
            done(street, "correction", -5, receipt=named)
    with pytest.raises(CommandError, match="say how many"):
        done(street, "correction", 0, receipt=mine[0])
    assert done(street, "correction", -5, receipt=mine[0]).balance == 10
    assert done(street, "correction", 7, receipt=mine[0]).balance == 17
    assert street.take(street.void(1)).points == -15
    assert figures(street) == (2, 0, 0)
    sound(street)


def test_an_entry_tells_what_command_made_it_and_no_word_of_a_person(engine):
    street = Street(engine)
    done(street, "compensation", 30, category="fault", bearer_id=street.merchant)
    (context, origin, key), = street.rows("entries", "context, origin, operation_key")
    assert json.loads(context) == {
        "command": "compensation", "proposal": 1, "category": "fault",
        "bearer": street.merchant, "points": 30, "worth": [100, 100]}
    assert (origin, bytes(key)) == (COMMANDS, (1).to_bytes(8, "big"))
    for table, rows in everything(street).items():
        assert b"Lin" not in repr(rows).encode() and "a long wait" not in repr(rows), table


def test_an_expired_lot_is_usable_once_more(engine):
    street = Street(engine)
    street.answers(street.sale(10_000))
    lot_id, ends_on = street.rows("lots", "id, expires_on")[0]
    with pytest.raises(CommandError, match="later than the lot's own"):
        done(street, "extension", 0, lot_id=lot_id, ends_on=ends_on)
    street.later(days=300)
    expire_lots(engine, street.keyring, to_ms(street.now), 10)
    assert figures(street) == (0, 0, 0)
    today = to_day(street.now.date())
    for day in (today - 1, today + 3661):
        with pytest.raises(CommandError, match="today or later, and within ten years"):
            done(street, "extension", 0, lot_id=lot_id, ends_on=day)
    assert done(street, "extension", 0, lot_id=lot_id, ends_on=today + 5).points == 120
    assert street.rows("lots", "remaining, expired, replaces") == [(0, 0, None),
                                                                   (120, 0, lot_id)]
    assert street.take(street.redemption(100, 500)).code == 0
    assert street.take(street.refund(1, amount_minor=10_000)).code != 0  # too late for a cashier
    with pytest.raises(CommandError, match="no lot"):
        done(street, "extension", 0, lot_id=lot_id, ends_on=today + 9)
    street.later(days=6)
    assert street.take(street.inquiry()).balance == 4
    sound(street)


def test_a_void_takes_what_was_extended_as_if_it_had_not_been(engine):
    street = Street(engine)
    street.answers(street.sale(10_000))
    lot_id, ends_on = street.rows("lots", "id, expires_on")[0]
    done(street, "extension", 0, lot_id=lot_id, ends_on=ends_on + 100)
    assert street.take(street.void(1)).points == -120
    assert figures(street) == (0, 0, 0)
    sound(street)


def test_a_closed_member_and_another_programmes_bearer_are_refused(engine):
    street = Street(engine)
    tea = street.registry.create_programme("tea", "Tea", RULES)
    leaf = street.registry.create_merchant(tea, "Leaf")
    for bearer in (leaf, 99):
        with pytest.raises(CommandError, match="in the member's programme"):
            done(street, bearer_id=bearer)
    street.registry.set_member_state(street.members[0], "closed")
    with pytest.raises(CommandError, match="is closed"):
        done(street)
    assert street.rows("proposals", "count(*)") == [(0,)]


def test_what_was_right_when_proposed_is_worked_out_anew_when_approved(engine):
    street = Street(engine)
    receipt = done(street, "grant", 100).receipt
    for _ in range(2):
        propose(street.intake, command(street, "correction", 0, receipt=receipt), again=True)
    assert approve(street.intake, 2, "Wang").points == -100
    with pytest.raises(CommandError, match="taken back already"):
        approve(street.intake, 3, "Wang")
    assert refuse(street.intake, 3, "Wang", "twice").state == "refused"
    sound(street)


@pytest.mark.parametrize("first", ["approved", "refused"])
def test_a_proposal_ends_once(engine, first):
    street = Street(engine)
    propose(street.intake, command(street))
    if first == "approved":
        approve(street.intake, 1, "Wang")
    else:
        refuse(street.intake, 1, "Lin", "never mind")  # who proposed may
    before = everything(street)
    for end in (lambda: approve(street.intake, 1, "Wu"),
                lambda: refuse(street.intake, 1, "Wu", "no")):
        with pytest.raises(CommandError, match=f"was {first} already"):
            end()
    assert everything(street) == before
    sound(street)


def test_two_who_approve_at_once_post_once(engine):
    street = Street(engine)
    for _ in range(10):
        propose(street.intake, command(street), again=True)
    desks = [Intake(engine, street.keyring, clock=lambda: street.now) for _ in range(3)]

    def run(desk: Intake) -> int:
        count = 0
        for serial in range(1, 11):
            try:
                approve(desk, serial, "Wang")
                count += 1
            except CommandError:
                pass
        return count

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(run, desks)) == 10
    assert figures(street) == (1000, 0, 0)
    sound(street)


def test_a_proposal_that_nobody_ended_lapses(engine):
    street = Street(engine)
    propose(street.intake, command(street))
    street.later(days=LAPSE_DAYS, seconds=1)
    with pytest.raises(CommandError, match="older than 30 days"):
        approve(street.intake, 1, "Wang")
    assert refuse(street.intake, 1, "Wang", "too late").state == "refused"
    assert figures(street) == (0, 0, 0)


def test_hq_takes_goods_back_that_no_cashier_may_and_names_who_bears_it(engine):
    street = Street(engine)
    street.answers(street.sale(10_000))
    street.later(days=100)
    assert street.take(street.refund(1, amount_minor=2500)).code == codes.LIMIT_REACHED
    receipt, = street.rows("entries", "id")[0]
    before = accounts(street)
    assert done(street, "refund", 0, receipt=receipt, amount_minor=2500).points == -30
    after = accounts(street)
    assert after["merchant_issued"] == before["merchant_issued"] == -120
    assert after["merchant_due"] == before["merchant_due"]
    assert after["programme_adjusted"] == 30 and after["programme_pool"] == 90
    assert done(street, "refund", 0, receipt=receipt, bearer_id=street.merchant).points == -90
    assert accounts(street)["merchant_issued"] == -30
    with pytest.raises(CommandError, match="there remains 0"):
        done(street, "refund", 0, receipt=receipt)
    refunds = [row[0] for row in street.rows("entries", "id", "kind = 4 ORDER BY id")]
    assert street.take(street.void(receipt=refunds[-1])).code == codes.NOT_VOIDABLE
    sound(street)


def test_hq_takes_back_no_more_than_remains_and_only_bills(engine):
    street = Street(engine)
    given = done(street).receipt
    street.answers(street.sale(10_000))
    street.take(street.refund(1, amount_minor=2500))
    receipt = street.rows("entries", "id", "kind = 1")[0][0]
    with pytest.raises(CommandError, match="there remains 7500"):
        done(street, "refund", 0, receipt=receipt, amount_minor=7501)
    with pytest.raises(CommandError, match="no sale and no bill"):
        done(street, "refund", 0, receipt=given)
    assert done(street, "refund", 0, receipt=receipt, amount_minor=7500).points == -90
    assert figures(street) == (100, 0, 0)
    sound(street)


def test_what_a_return_holds_is_not_extended(engine):  # J12
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RULES._replace(on_return=HOLD_FOR_HQ), 1)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=10_000))
    before, ends_on = everything(street), to_day(street.now.date()) + 1000
    with pytest.raises(CommandError, match="no lot 1 in which something.*holds release"):
        done(street, "extension", 0, lot_id=1, ends_on=ends_on)
    assert everything(street) == before
    street.take(street.sale(10_000))  # of the same day: it joins the lot that is held
    done(street, "extension", 0, lot_id=1, ends_on=ends_on)
    assert street.rows("lots", "remaining, held, replaces") == [(0, 120, None), (120, 0, 1)]
    sound(street)
