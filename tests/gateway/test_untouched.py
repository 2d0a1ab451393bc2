"""What lies where it was given is taken and nothing else moves; what does not is looked for."""

import pytest

from gateway.rules import HOLD_FOR_HQ, Redeeming
from tests.gateway.test_decisions_hold import release
from tests.gateway.test_proposals import done, figures, sound
from tests.support.street import RULES, Street


def free_to_spend(engine, **rules) -> Street:
    """A street where any points pay any bill."""
    street = Street(engine)
    street.registry.add_rule_set(
        street.programme, RULES._replace(redeeming=Redeeming(1, 1), **rules), 1)
    return street


def sent(street: Street, *frames: bytes, at_once: bool) -> None:
    for batch in [frames] if at_once else [(frame,) for frame in frames]:
        assert all(answer.code == 0 for answer in street.answers(*batch))


def test_what_was_put_back_behind_an_extension_is_refunded_with_what_was_extended(engine):
    street = free_to_spend(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    ends_on, = street.rows("lots", "expires_on")[0]
    done(street, "extension", 0, lot_id=1, ends_on=ends_on + 100)
    assert street.take(street.redemption(90, 90)).code == 0  # all that was extended
    assert street.take(street.void(2)).code == 0             # 30 points lie in the old lot alone
    reply = street.take(street.refund(1, amount_minor=10_000))
    assert (reply.code, reply.points, reply.balance) == (0, -120, -90)
    sound(street)


@pytest.mark.parametrize("at_once", [True, False])
def test_what_comes_together_ends_as_what_comes_one_by_one(engine, at_once):
    """Points drawn elsewhere lie where they were drawn until a reversal has to look for points;
    one that finds its own untouched has not, whatever its batch brought before."""
    street = free_to_spend(engine)
    street.answers(street.sale(10_000), street.redemption(100, 100))
    opened = street.seconds()
    street.later(days=10)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=10_000))
    street.later(days=10)
    street.take(street.sale(10_000))
    sent(street, street.refund(3, amount_minor=100), street.sale(10_000, at=opened),
         street.refund(5, amount_minor=10_000), at_once=at_once)
    assert street.rows("lots", "remaining", "issued > 0 ORDER BY expires_on") == [(120,), (18,)]
    sound(street)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_cancelled_tap_takes_nothing_of_what_a_return_holds_in_the_same_lot(engine, at_once):
    street = free_to_spend(engine, on_return=HOLD_FOR_HQ)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    sent(street, street.sale(10_000), street.redemption(200, 200), street.void(3),
         at_once=at_once)
    assert figures(street) == (0, 30, 110)
    assert release(street, 2).points == 0 and figures(street) == (0, 0, 80)
    sound(street)


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_batch_redeems_first_changes_nothing_for_its_refund(engine, at_once):
    street = free_to_spend(engine)
    street.answers(street.sale(10_000), street.redemption(100, 100))
    opened = street.seconds()
    street.later(days=10)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=10_000))
    street.later(days=10)
    # two lots that end before the one that pays instead
    street.answers(street.sale(10_000, at=opened + 5 * 86400), street.sale(10_000, at=opened))
    sent(street, street.redemption(1, 1), street.refund(6, amount_minor=10_000), at_once=at_once)
    assert street.rows("draws", "taker, lot_id, instead", "instead > 0 ORDER BY taker") == [
        (2, 3, 100), (7, 3, 1)]
    assert figures(street) == (139, 0, 0)
    sound(street)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_a_refund_that_its_batch_voids_again_draws_anew_as_one_by_one(engine, at_once, own):
    street = free_to_spend(engine)
    street.answers(street.sale(10_000), street.redemption(100, 100))
    opened = street.seconds()
    street.later(days=10)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=10_000))
    street.later(days=10)
    # the second of them ends before the lot that pays instead
    street.answers(street.sale(10_000), street.sale(10_000, at=opened))
    frames = [street.sale(1000)] if own else []
    sent(street, *frames, street.refund(7 if own else 5, amount_minor=1000),
         street.void(8 if own else 7), at_once=at_once)
    assert street.rows("draws", "taker, lot_id, instead", "instead > 0") == [(2, 4, 100)]
    assert figures(street) == (272 if own else 260, 0, 0)
    sound(street)
