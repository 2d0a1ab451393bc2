"""What lies where it was given is taken and nothing else moves; what does not is looked for."""

import pytest

from gateway.rules import Redeeming
from tests.gateway.test_proposals import done, sound
from tests.support.street import RULES, Street


def free_to_spend(engine, **options) -> Street:
    """A street where any points pay any bill."""
    street = Street(engine, **options)
    street.registry.add_rule_set(street.programme, RULES._replace(redeeming=Redeeming(1, 1)), 1)
    return street


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
    frames = (street.refund(3, amount_minor=100), street.sale(10_000, at=opened),
              street.refund(5, amount_minor=10_000))
    for batch in [frames] if at_once else [(frame,) for frame in frames]:
        assert all(answer.code == 0 for answer in street.answers(*batch))
    assert street.rows("lots", "remaining", "issued > 0 ORDER BY expires_on") == [(120,), (18,)]
    sound(street)
