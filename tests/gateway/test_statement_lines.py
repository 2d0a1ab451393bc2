"""The entries behind a statement: every one of them, and they add up to its days."""

from datetime import date

from gateway.clock import business_day, from_day, to_ms
from gateway.day_figures import NONE
from gateway.statement import statement
from gateway.statement_lines import lines
from tests.gateway.test_proposals import done
from tests.support.street import JOURNAL, Street


def asked(street: Street) -> tuple[int, date, date]:
    today = from_day(business_day(to_ms(street.now), "Asia/Shanghai", 240))
    return street.merchant, from_day(0), today


def test_lines_add_up_to_the_statement(engine):
    street = Street(engine)
    street.answers(street.sale(30_000), street.redemption(100, 900), street.walk_in(50))
    street.later(days=1)
    street.answers(street.refund(2, amount_minor=333), street.void(1))
    done(street, "grant", 70, bearer_id=street.merchant)
    done(street, "correction", 0, receipt=6, bearer_id=street.merchant)
    found = lines(engine, *asked(street))
    assert [(line.receipt, line.kind) for line in found] == [
        (1, "sale"), (2, "redemption"), (3, "sale"), (4, "refund"), (5, "reversal"),
        (6, "adjustment"), (7, "reversal")]
    assert [line.tap for line in found[3:6]] == [
        f"{street.terminals[0]}/{JOURNAL}/4", f"{street.terminals[0]}/{JOURNAL}/5", ""]
    assert [line.amount_minor for line in found] == [30_000, 900, 50, -333, -30_000, None, None]
    total = statement(engine, street.keyring, *asked(street), to_ms(street.now)).sum
    for name in ("points_issued", "points_taken_back", "points_redeemed", "points_given_back",
                 "cost_minor", "credit_minor", "other_minor", "due_minor"):
        assert sum(getattr(line.figures, name) for line in found) == getattr(total, name), name
    assert total.other_minor == 0 != found[5].figures.other_minor


def test_what_another_merchant_bears_is_on_its_lines_and_not_on_these(engine):
    street = Street(engine)
    other = street.registry.create_merchant(street.programme, "Leaf")
    street.answers(street.sale(30_000))
    done(street, "refund", 0, receipt=1, amount_minor=10_000, bearer_id=other)
    borne, = lines(engine, other, *asked(street)[1:])
    mine = lines(engine, *asked(street))
    assert (borne.receipt, borne.figures.points_taken_back, borne.figures.cost_minor) == (
        2, 120, 100)
    assert (mine[1].receipt, mine[1].figures) == (2, NONE)
