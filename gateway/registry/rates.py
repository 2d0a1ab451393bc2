"""Rates of merchants: at what they settle points given and bills paid by points (K9, M2, Q42)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, func, select

from gateway.clock import business_day, day_begins, from_ms, to_day, to_ms
from gateway.database import reading
from gateway.parties import NO_RATES, Rates, in_force
from gateway.registry.desk import Desk, RegistryError, Room, present
from gateway.rules import BP
from gateway.tables import merchant_rates, merchants, programmes

RATE_BP_MAX = 10 * BP
DAYS_AHEAD_MAX = 3653


class RateFacts(NamedTuple):
    """Rates of a merchant, in basis points. `begins_at`: from when they count, None for those that
    count where nobody set any; `ends_at`: when the next ones begin, None where there are none yet;
    `in_force`: they are those of now. Of several that begin at one instant the newest count: it
    `replaces` the version before, which ends as it begins."""

    merchant_id: int
    merchant: str
    version: int
    begins_at: datetime | None
    cost_bp: int
    credit_bp: int
    in_force: bool
    ends_at: datetime | None = None
    replaces: int | None = None

    @property
    def replaced(self) -> bool:
        """Whether they never count."""
        return self.begins_at is not None and self.begins_at == self.ends_at


class MerchantRates(Room):
    """Part of the Registry."""

    def set_rates(self, merchant_id: int, cost_bp: int, credit_bp: int,
                  begins: date | None = None) -> RateFacts:
        """The next rates of a merchant, from now on, or from the beginning of a business day that
        has not begun, in place of what was set for the same instant before. What happened before
        keeps its own, also when it arrives later."""
        for name, rate_bp in (("cost", cost_bp), ("credit", credit_bp)):
            if not 0 <= rate_bp <= RATE_BP_MAX:
                raise RegistryError(f"A {name} of {rate_bp} basis points. Nothing was changed;"
                                    f" give 0 to {RATE_BP_MAX} ({BP} is the whole worth).")
        with self.at_desk() as desk:
            row = present(desk, merchants, "merchant", id=merchant_id)
            effective_at = _from(desk, row.programme_id, begins)
            version = 1 + (desk.connection.execute(
                select(func.max(merchant_rates.c.version)).where(
                    merchant_rates.c.merchant_id == merchant_id)).scalar_one() or 0)
            desk.insert(merchant_rates, [{
                "merchant_id": merchant_id, "version": version, "effective_at": effective_at,
                "recorded_at": desk.at, "cost_bp": cost_bp, "credit_bp": credit_bp}])
            mine = desk.connection.execute(_listed(merchants.c.id == merchant_id)).all()
        return next(each for each in _facts(mine, desk.at) if each.version == version)

    def rates(self) -> list[RateFacts]:
        """Of every merchant, by id, oldest first; the whole worth where none are in force."""
        with reading(self.engine) as connection:
            rows = connection.execute(_listed()).all()
        now = to_ms(self.clock())
        return [facts for _, mine in groupby(rows, lambda row: row.id)
                for facts in _facts(list(mine), now)]


def _listed(*of: ColumnElement[bool]) -> Select:
    """Merchants with their rates, in the order in which these count."""
    return (select(merchants.c.id, merchants.c.name, merchant_rates).outerjoin(merchant_rates)
            .where(*of).order_by(merchants.c.id, merchant_rates.c.effective_at,
                                 merchant_rates.c.version))


def _from(desk: Desk, programme_id: int, begins: date | None) -> int:
    """When rates begin to count (ms)."""
    if begins is None:
        return desk.at
    programme = present(desk, programmes, "programme", id=programme_id)
    place, day = (programme.time_zone, programme.cutover_minutes), to_day(begins)
    ahead = day - business_day(desk.at, *place)
    if not 0 < ahead <= DAYS_AHEAD_MAX:
        what = "is over ten years ahead" if ahead > 0 else "has begun"
        raise RegistryError(f"The business day {begins} {what}. Nothing was changed; name another"
                            " one, or none for rates that count from now on.")
    return day_begins(day, *place)


def _facts(rows: Sequence[Row[Any]], now: int) -> Iterator[RateFacts]:
    """Those of one merchant."""
    versions = [(row.effective_at, Rates(row.version, row.cost_bp, row.credit_bp))
                for row in rows if row.version is not None]
    current = in_force(versions, now) or NO_RATES
    if current is NO_RATES:
        yield _shown(rows[0], None, NO_RATES, True)._replace(
            ends_at=from_ms(versions[0][0]) if versions else None)
    for place, (begins, rates) in enumerate(versions):
        before, behind = versions[place - 1:place], versions[place + 1:place + 2]
        yield _shown(rows[0], begins, rates, rates == current)._replace(
            ends_at=from_ms(behind[0][0]) if behind else None,
            replaces=before[0][1].version if before and before[0][0] == begins else None)


def _shown(row: Row[Any], begins: int | None, rates: Rates, counts: bool) -> RateFacts:
    return RateFacts(row.id, row.name, rates.version, None if begins is None else from_ms(begins),
                     rates.cost_bp, rates.credit_bp, counts)
