"""What is read for HQ's commands: debt by its age (J11)."""

from datetime import UTC, datetime

import pytest

from gateway.clock import to_ms
from gateway.commands import CommandError
from gateway.database import counting_statements
from tests.gateway.test_proposals import done, figures, sound
from tests.support.street import RULES, Street


def owing(street: Street, points: int) -> None:
    """Debt of so many points, from today on: earned, spent, and the sale taken back."""
    sale = street.sale(points * 100 * 10000 // 12000 + 1)
    trace = street.message(sale).request.trace
    street.answers(sale)
    done(street, "penalty", points, category="abuse")
    street.answers(street.void(trace))


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, opening=datetime(2026, 11, 21, 4, tzinfo=UTC))


def test_debt_is_written_off_when_it_has_stood_for_a_year_and_not_before(street):
    owing(street, 120)
    assert figures(street) == (0, 0, 120)
    street.later(days=365 - 1)
    with pytest.raises(CommandError, match="owes 120 points, 0 of them for so long"):
        done(street, "write_off", 0)
    street.later(days=1)
    assert done(street, "write_off", 0).points == 120
    assert figures(street) == (0, 0, 0)
    sound(street)


def test_only_debt_is_written_off_and_only_what_is_old_of_it(street):
    owing(street, 120)
    street.later(days=200)
    done(street, "penalty", 60, category="abuse")
    street.later(days=165)
    for points in (121, 180):
        with pytest.raises(CommandError, match="owes 180 points, 120 of them"):
            done(street, "write_off", points)
    assert done(street, "write_off", 100).balance == -80
    assert done(street, "write_off", 0).points == 20
    with pytest.raises(CommandError, match="owes 60 points, 0 of them"):
        done(street, "write_off", 0)
    sound(street)


def test_what_was_paid_since_is_no_debt_of_the_old_one(street):
    owing(street, 120)
    street.later(days=370)
    street.answers(street.sale(7500))  # 90 points
    assert figures(street) == (0, 0, 30)
    assert done(street, "write_off", 0).points == 30
    assert figures(street) == (0, 0, 0)


def test_a_programme_says_how_old_debt_must_be(street):
    street.registry.add_rule_set(street.programme, RULES._replace(write_off_days=10),
                                 to_ms(street.now))
    owing(street, 120)
    street.later(days=10)
    assert done(street, "write_off", 0).points == 120


def test_nobody_is_asked_about_debt_for_anything_else(street):
    with counting_statements(street.engine) as seen:
        done(street)
    assert not [each for each in seen if "drawn_delta > 0" in each]
