"""Z reports of several terminals and merchants in one day: each is the sum of the ledger's own
lines for that till, points used stand apart from money, and together they are what the day and
the merchants' statements say (../shared/PITFALLS.md, Q37)."""

from collections.abc import Mapping

from gateway import days
from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.day_figures import Figures, from_json
from protocol import messages
from protocol.messages import Reply
from tests.support.street import JOURNAL, Street

Totals = dict[int, tuple[int, int, int]]
SALE, REDEMPTION, VOID, REFUND = (messages.SALE, messages.REDEMPTION, messages.VOID,
                                  messages.REFUND)
ENTRY_KIND = {SALE: 1, VOID: 2, REDEMPTION: 3, REFUND: 4}


def tills(engine) -> Street:
    """Terminals 0 and 1 in two shops of one merchant, 2 and 3 of two others; two members."""
    street = Street(engine, members=2)
    shop = street.registry.create_shop(street.merchant, "New town")
    others = [street.registry.create_shop(
        street.registry.create_merchant(street.programme, name), "Mall")
        for name in ("Leaf", "Root")]
    street.terminals += [street.registry.create_terminal(each) for each in (shop, *others)]
    return street


def worked(street: Street) -> None:
    """A day at all tills: points earned at one are used at another, parts come back at a third."""
    approved = [street.take(frame) for frame in (
        street.sale(90_000, terminal=0), street.sale(1_999, terminal=0, card=1),
        street.sale(80_000, terminal=2, card=1), street.walk_in(500, terminal=1),
        street.redemption(300, 5_000, terminal=1), street.redemption(100, 250, terminal=2),
        street.redemption(200, 4_444, terminal=3, card=1),
        street.refund(street.terminals[0], JOURNAL, 1, amount_minor=12_345, terminal=1),
        street.void(2, terminal=0), street.void(1, terminal=3),
        street.sale(101, terminal=3))]
    assert {each.code for each in approved} == {0}


def closed(street: Street, terminal: int) -> Reply:
    last = street.trace(terminal) - 1
    return street.take(street.batch_close(1, last, terminal=terminal, trace=last + 1))


def ledger(street: Street, terminal_id: int) -> Totals:
    """What a terminal's lines in the ledger sum up to, by type: bills' money, members' points."""
    found: Totals = {}
    for kind, entry_kind in ENTRY_KIND.items():
        where = f"e.terminal_id = {terminal_id} AND e.kind = {entry_kind}"
        (count, money), = street.rows("entries e", "count(*), coalesce(sum(e.amount_minor), 0)",
                                      where)
        (points,), = street.rows(
            "entries e JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id ="
            " p.account_id AND a.kind = 'member_points'", "coalesce(sum(p.amount), 0)", where)
        if count:
            found[kind] = count, 0 if kind == VOID else abs(int(money)), int(points)
    return found


def added(reports: Mapping[int, Totals], kind: int, column: int) -> int:
    return sum(each[kind][column] for each in reports.values() if kind in each)


def test_q37_every_till_s_close_is_the_ledger_s_sum_and_together_they_are_the_day(engine):
    street = tills(engine)
    worked(street)
    reports: dict[int, Totals] = {}
    for place, terminal_id in enumerate(street.terminals):
        totals = dict(closed(street, place).totals or {})
        totals.pop(0)
        assert totals == ledger(street, terminal_id)
        reports[terminal_id] = totals
    first, second, leaf, root = reports.values()
    # points used have a line of their own, and are no part of what sales took
    assert first == {SALE: (2, 91_999, 1080 + 23), VOID: (1, 0, -23)}
    assert second[REDEMPTION] == (1, 5_000, -300 + 56) and second[SALE] == (1, 500, 0)
    assert REFUND in second and REDEMPTION in leaf and VOID in root

    street.later(days=1)
    day, = {row[1] for row in days.close(engine, street.keyring, to_ms(street.now)).sealed}
    said = {row[0]: from_json(row[1]) for row in street.rows(
        "day_totals", "merchant_id, figures", f"booked_on = {day}")}
    whole = said.pop(0)
    assert len(said) == 3
    for name, kind in (("sales", SALE), ("redemptions", REDEMPTION), ("refunds", REFUND),
                       ("voids", VOID)):
        assert sum(getattr(each, name) for each in said.values()) == added(reports, kind, 0)
        if kind != VOID:  # a void names no money; the day has what it took back
            assert sum(abs(getattr(each, f"{name}_minor")) for each in said.values()) == added(
                reports, kind, 1)
    _points_agree(whole, said, reports)
    assert run_audit(engine, street.keyring, rebuild=True, clock=lambda: street.now).ok


def _points_agree(whole: Figures, said: Mapping[int, Figures],
                  reports: Mapping[int, Totals]) -> None:
    """Points by terminal, by merchant and of all members are one number."""
    by_till = sum(total[2] for each in reports.values() for total in each.values())
    by_merchant = sum(each.points_issued - each.points_taken_back - each.points_redeemed
                      + each.points_given_back for each in said.values())
    assert by_till == by_merchant == whole.members_points
    assert sum(each.points_redeemed for each in said.values()) == 300 + 100 + 200
    assert all(each.cost_minor + each.credit_minor + each.other_minor == each.due_minor
               for each in said.values())
    assert sum(each.due_minor for each in said.values()) == whole.due_minor
    assert whole.balances
