"""A merchant's statement: what it was due before, what each day brought, what it is due then.

Law: closed days are told as they were sealed, days still open as they add up now; all by
`booked_on`. For each day the programme's line says that merchants, pool and HQ are 0 together.
"""

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from gateway import chain
from gateway.clock import business_day, from_day, to_day
from gateway.database import reading
from gateway.day_figures import NONE, WHOLE, Figures, Place, from_json
from gateway.days import TOTAL_COLUMNS, figures
from gateway.errors import GatewayError, SealBroken
from gateway.keyring import Keyring
from gateway.tables import day_totals, merchants, programmes


class StatementError(GatewayError):
    """A statement that cannot be: nothing was changed."""

    code = "statement"


class Day(NamedTuple):
    """`mine`: of the merchant; `whole`: of its programme; `closed`: neither changes any more."""

    on: date
    closed: bool
    mine: Figures
    whole: Figures


class Statement(NamedTuple):
    """Money in minor units: negative, the merchant owes it; positive, it is owed to it."""

    merchant_id: int
    merchant: str
    first: date
    last: date
    opening_minor: int
    days: tuple[Day, ...]

    @property
    def sum(self) -> Figures:
        total = NONE
        for day in self.days:
            total = total.plus(day.mine)
        return total

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.sum.due_minor


def statement(engine: Engine, keyring: Keyring, merchant_id: int, first: date, last: date,
              now: int) -> Statement:
    """Of the days from `first` through `last`. Raises StatementError and SealBroken."""
    with reading(engine) as connection:
        row = connection.execute(
            select(merchants.c.name, programmes.c.id, programmes.c.time_zone,
                   programmes.c.cutover_minutes)
            .join(programmes, programmes.c.id == merchants.c.programme_id)
            .where(merchants.c.id == merchant_id)).one_or_none()
        if row is None:
            raise StatementError(f"There is no merchant {merchant_id}. Nothing was changed; `rates"
                                 " list` names them.")
        if last < first:
            raise StatementError(f"{last} is before {first}. Nothing was changed; name the first"
                                 " day first.")
        today = business_day(now, row.time_zone, row.cutover_minutes)
        if to_day(last) > today:
            raise StatementError(f"{last} has not begun in the programme's time. Nothing was"
                                 f" changed; {from_day(today)} is the newest day.")
        found, sealed_through = _through(connection, keyring, row.id, merchant_id, to_day(last))
    days, opening_minor = [], 0
    for day in sorted({place[1] for place in found}):
        mine = found.get((row.id, day, merchant_id), NONE)
        if day < to_day(first):
            opening_minor += mine.due_minor
        else:
            days.append(Day(from_day(day), day <= sealed_through, mine,
                            found.get((row.id, day, WHOLE), NONE)))
    return Statement(merchant_id, row.name, first, last, opening_minor, tuple(days))


def _through(connection: Connection, keyring: Keyring, programme_id: int, merchant_id: int,
             last: int) -> tuple[dict[Place, Figures], int]:
    """The figures of every day through `last`, of the merchant and the programme, and the newest
    day that is sealed."""
    table = day_totals.c
    sealed_through = connection.execute(select(func.max(table.booked_on)).where(
        table.programme_id == programme_id)).scalar()
    found: dict[Place, Figures] = {}
    for row in connection.execute(select(day_totals).where(
            table.programme_id == programme_id, table.booked_on <= last,
            table.merchant_id.in_((merchant_id, WHOLE)))):
        held = tuple(row._mapping[name] for name in TOTAL_COLUMNS[:-1])
        if not chain.same(row.row_mac, chain.seal(keyring.audit_key, day_totals.name, held)):
            raise SealBroken(f"The totals of {from_day(row.booked_on)} are not what was sealed."
                             " No statement was made; run the audit.")
        if (told := from_json(row.figures)) != NONE:  # else nothing was booked on that day
            found[row.programme_id, row.booked_on, row.merchant_id] = told
    after = -1 if sealed_through is None else sealed_through
    if after < last:
        found |= {place: each for place, each in figures(connection, after + 1, last).items()
                  if place[0] == programme_id and place[2] in (merchant_id, WHOLE)}
    return found, after
