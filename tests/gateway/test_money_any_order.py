"""What merchants owe and are owed follows from what of each bill stands, in whatever order, parts
and at whatever time it was taken back (Z8, J10, Q42)."""

from random import Random
from typing import NamedTuple

import pytest

from gateway.audit import run_audit
from gateway.rules import Redeeming
from tests.support.databases import KINDS, fresh_engine
from tests.support.street import RULES, Street

ORDERS = 3
BEAN, LEAF = 0, 1  # a merchant is known by its terminal
Owned = dict[tuple[str, int], int]


class Back(NamedTuple):
    """So much of a bill is taken back in all (None: it is voided); `undone`: and a part more,
    which is then put back."""

    bill: int
    amount_minor: int | None
    undone: int = 0


class Shops:
    """Two merchants with rates that fit nothing, where seven points are worth three fen."""

    def __init__(self, street: Street) -> None:
        self.street = street
        registry = street.registry
        registry.add_rule_set(street.programme, RULES._replace(
            lot_months=1, redeeming=Redeeming(7, 3)), 1)
        leaf = registry.create_merchant(street.programme, "Leaf")
        street.terminals.append(registry.create_terminal(registry.create_shop(leaf, "B")))
        self.merchants = (street.merchant, leaf)
        registry.set_rates(street.merchant, 9377, 8111)
        registry.set_rates(leaf, 3333, 10_007)
        self.bills: list[tuple[int, int, int]] = []  # terminal, trace, amount

    def trade(self, random: Random) -> None:
        """Points earned at one merchant are spent at the other, too."""
        street, points = self.street, [0, 0]
        for _ in range(9):
            card, till = random.randrange(2), random.randrange(2)
            amount = random.randrange(10_000, 60_000)
            spent = min(random.randrange(7, 400), points[card]) // 7 * 7
            if spent and random.random() < 0.4:
                amount = random.randrange(spent, 1000)
                frame = street.redemption(spent, amount, terminal=till, card=card)
            else:
                frame = street.sale(amount, terminal=till, card=card)
            reply = street.take(frame)
            assert reply.code == 0
            points[card] = reply.balance or 0
            self.bills.append((till, street.message(frame).request.trace, amount))

    def take_back(self, backs: list[Back], order: Random, days: int) -> None:
        """Each in parts of its own, all of them mixed; some days pass between."""
        waiting: list[tuple[int, int | None, int]] = []
        for back in backs:
            if back.amount_minor is None:
                waiting.append((back.bill, None, 0))
                continue
            first = order.randint(0, back.amount_minor)
            waiting += [(back.bill, part, 0) for part in (first, back.amount_minor - first)
                        if part]
            if back.undone:
                waiting.append((back.bill, back.undone, 1))
        order.shuffle(waiting)
        for bill, amount, undone in waiting:
            till, trace, _ = self.bills[bill]
            self.street.later(days=order.randrange(days + 1))
            made = (self._void(till, trace) if amount is None
                    else self._refund(till, trace, amount))
            if undone:
                self._void(till, made)

    def _void(self, till: int, trace: int) -> int:
        return self._sent(self.street.void(trace, terminal=till))

    def _refund(self, till: int, trace: int, amount: int) -> int:
        return self._sent(self.street.refund(trace, terminal=till, amount_minor=amount))

    def _sent(self, frame: bytes) -> int:
        assert self.street.take(frame).code == 0
        return self.street.message(frame).request.trace

    def stands(self) -> Owned:
        """What is on each account of money."""
        return {(kind, owner): int(total) for kind, owner, total in self.street.rows(
            "postings p JOIN accounts a ON a.id = p.account_id", "a.kind, a.owner_id,"
            " sum(p.amount)", "p.unit = 2 GROUP BY a.kind, a.owner_id")}


def reversals(bills: list[tuple[int, int, int]], random: Random) -> list[Back]:
    """Of every bill nothing, a part, or all of it comes back."""
    backs = []
    for number, (_, _, amount) in enumerate(bills):
        wanted = random.choice(("nothing", "part", "part", "whole"))
        if wanted == "whole":
            backs.append(Back(number, random.choice((None, amount))))
        elif wanted == "part":
            part = random.randrange(1, amount)
            backs.append(Back(number, part, random.randrange(amount - part + 1)))
    return backs


def ended(kind: str, seed: int, order: int, *, days: int = 0, whole: bool = False) -> Owned:
    with fresh_engine(kind) as engine:
        shops = Shops(Street(engine, members=2))
        shops.trade(Random(seed))
        backs = ([Back(number, amount) for number, (_, _, amount) in enumerate(shops.bills)]
                 if whole else reversals(shops.bills, Random(seed)))
        shops.street.registry.set_rates(shops.merchants[BEAN], 1, 1)  # no matter any more
        shops.take_back(backs, Random(order), days)
        assert run_audit(engine, shops.street.keyring, rebuild=True,
                         clock=lambda: shops.street.now).findings == ()
        return shops.stands()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_split_of_reversals_ends_with_the_same_money(kind: str, seed: int):
    first, *others = [ended(kind, seed, order) for order in range(ORDERS)]
    assert all(other == first for other in others)
    assert sum(first.values()) == 0 and any(first.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_what_merchants_are_owed_does_not_depend_on_what_expired_meanwhile(kind: str, seed: int):
    stories = [ended(kind, seed, order, days=days) for order, days in ((0, 0), (1, 4), (2, 6))]
    dues = [{key: value for key, value in story.items() if key[0] == "merchant_due"}
            for story in stories]
    assert dues[1:] == dues[:1] * 2
    assert all(sum(story.values()) == 0 for story in stories)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_where_all_was_taken_back_and_nothing_expired_no_money_is_left(kind: str, seed: int):
    assert set(ended(kind, seed, seed, whole=True).values()) == {0}
