"""A year of a shop, day by day: what was there, came and went is what is there in the evening."""

from random import Random

import pytest

from gateway import days, holds
from gateway.audit import run_audit
from gateway.clock import business_day, to_ms
from gateway.day_figures import from_json
from gateway.expiry import expire_lots
from gateway.rules import HOLD_FOR_HQ
from gateway.validity import HOLD, Rolling, YearEnd
from protocol import codes
from tests.gateway.test_proposals import done
from tests.support.databases import SQLITE, fresh_engine
from tests.support.street import RULES, Street

DAYS = 365
LATE_DAYS_MAX = 30
DAY_S = 86400


class Shop:
    """A street whose customers buy, redeem, return and cancel, and whose tills come late."""

    def __init__(self, street: Street, random: Random) -> None:
        self.street, self.random = street, random
        self.bills: list[tuple[int, int]] = []  # (trace, amount)
        self.late: list[tuple[int, bytes]] = []  # (on which day it arrives, sale)

    def day(self, number: int) -> None:
        street, random = self.street, self.random
        frames = [frame for arrives, frame in self.late if arrives <= number]
        self.late = [each for each in self.late if each[0] > number]
        for _ in range(random.randrange(1, 5)):
            card = random.randrange(len(street.cards))
            amount = random.randrange(100, 30_000)
            kind = random.randrange(8)
            if kind < 4:
                frame = street.sale(amount, card=card)
                self.bills.append((street.message(frame).request.trace, amount))
                late = random.randrange(LATE_DAYS_MAX + 1) if kind == 3 else 0
                if late:
                    self.late.append((number + late, frame))
                    continue
            elif kind < 6:
                spender = card % (len(street.cards) - 1)  # the last one only saves
                frame = street.redemption(100 * random.randrange(1, 4), 4000, card=spender)
                self.bills.append((street.message(frame).request.trace, 4000))
            elif not self.bills:
                continue
            else:
                trace, bill = random.choice(self.bills[-20:])
                frame = (street.void(trace) if kind == 6
                         else street.refund(trace, amount_minor=random.randrange(1, bill + 1)))
            frames.append(frame)
        assert all(answer.code != codes.TRY_LATER for answer in street.answers(*frames))

    def desk(self, number: int) -> None:
        """HQ gives and takes, at its own cost or a merchant's, more than there is at times."""
        if number % 6 == 3:
            street, random = self.street, self.random
            done(street, *random.choice((("grant", 40), ("compensation", 7), ("penalty", 350))),
                 member_id=random.choice(street.members),
                 bearer_id=random.choice((0, street.merchant)))

    def jobs(self) -> None:
        """What the jobs process does, in its order."""
        engine, keyring, now = self.street.engine, self.street.keyring, to_ms(self.street.now)
        for job in (days.close_day, holds.release_due, expire_lots):
            while job(engine, keyring, now, 100):
                pass


def closed(street: Street, day: int) -> tuple[int, ...]:
    """What the closed day says that its members have more, that expired and that HQ gave."""
    (said,), = street.rows("day_totals", "figures", f"booked_on = {day} AND merchant_id = 0")
    whole = from_json(said)
    assert whole.balances  # Z8
    return whole.members_points, whole.points_expired, whole.points_adjusted


def moved(street: Street, kind: str, booked_on: int) -> int:
    """What the postings of a day put on accounts of this kind."""
    (total,), = street.rows(
        "postings p JOIN accounts a ON a.id = p.account_id JOIN entries e ON e.id = p.entry_id",
        "coalesce(sum(p.amount), 0)", f"a.kind = '{kind}' AND e.booked_on = {booked_on}")
    return int(total)


# what the year must have seen besides: (some expired, some is frozen)
SHAPES = {
    "fixed": (RULES, True, False),
    "until a day of the year": (RULES._replace(year_end=YearEnd(6, 30)), True, False),
    "frozen then": (RULES._replace(year_end=YearEnd(6, 30), at_end=HOLD), False, True),
    "held for HQ": (RULES._replace(on_return=HOLD_FOR_HQ, hold_days=9), True, True),
    # everybody comes more often than every two months
    "carried on": (RULES._replace(lot_months=2, rolling=Rolling(2)), False, False)}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_evening_what_was_there_came_and_went_is_what_is_there(shape: str):
    rules, expires, freezes = SHAPES[shape]
    seed = 1
    with fresh_engine(SQLITE) as engine:
        street = Street(engine, members=4)
        street.registry.add_rule_set(street.programme, rules, 1)
        shop, opening, settled = Shop(street, Random(seed)), 0, 0
        before: tuple[int, tuple[int, ...]] | None = None
        for number in range(DAYS):
            if number % 90 == 45:
                street.registry.set_rates(street.merchant, 10_000 - 7 * number, 9_999)
            shop.jobs()
            if before:
                assert closed(street, before[0]) == before[1], (number, seed)
            shop.day(number)
            shop.desk(number)
            today = business_day(to_ms(street.now), "Asia/Shanghai", 240)
            (closing,), = street.rows("members", "sum(available + held - debt)")
            issued, redeemed, expired, adjusted = (moved(street, kind, today) for kind in (
                "merchant_issued", "merchant_redeemed", "programme_expired",
                "programme_adjusted"))
            assert opening - issued - redeemed - expired - adjusted == closing, (number, seed)
            assert closing == sum(row[0] for row in street.rows(
                "lots", "coalesce(sum(remaining + held), 0)")) - street.rows(
                    "members", "sum(debt)")[0][0]
            before = today, (closing - opening, expired, adjusted)
            opening = closing
            due, pool, hq = (moved(street, kind, today) for kind in (
                "merchant_due", "programme_pool", "programme_hq"))
            assert due + pool + hq == 0, (number, seed)  # Z8
            settled += abs(due)
            street.later(seconds=DAY_S)
        assert settled > 0
        for name, some in (("programme_expired", expires), ("merchant_redeemed", True),
                           ("programme_pool", True), ("programme_adjusted", True)):
            (total,), = street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                                    "coalesce(sum(p.amount), 0)", f"a.kind = '{name}'")
            assert (total != 0) == some
        assert (street.rows("members", "sum(held)")[0][0] > 0) == freezes
        assert run_audit(engine, street.keyring, rebuild=True,
                         clock=lambda: street.now).findings == ()
