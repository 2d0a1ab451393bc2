"""The entries behind a merchant's statement, one a line.

Law: the figures of a line are those of a day by the same functions (day_figures.py), so that lines
add up to days. What HQ let this merchant bear is told here, whoever's the entry is.
"""

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from gateway.clock import from_day, to_day
from gateway.database import on_postgresql, reading
from gateway.day_figures import MERCHANT_FIGURES, NONE, Booked, Figures, gathered
from gateway.days import BILL
from gateway.held import HeldKey
from gateway.member_view import KINDS
from gateway.originals import subject
from gateway.statements import send

ACCOUNTS = "('" + "', '".join(MERCHANT_FIGURES) + "')"


class Line(NamedTuple):
    """An entry. `tap`: terminal/journal/trace, empty where no handset asked for it; money in minor
    units, `amount_minor` None where it has none; `figures`: what it does on the merchant's
    accounts."""

    on: date
    receipt: int
    tap: str
    kind: str
    amount_minor: int | None
    figures: Figures


def lines(engine: Engine, merchant_id: int, first: date, last: date) -> tuple[Line, ...]:
    """The entries of these settlement days, by receipt. Two statements."""
    with reading(engine) as connection:
        made = _made(connection, merchant_id, to_day(first), to_day(last))
        booked = _booked(connection, merchant_id, to_day(first), to_day(last))
    # the receipt in place of the day: every entry gets figures of its own
    found = gathered((), (Booked(0, receipt, account, merchant_id, kind, of_minor < 0, amount)
                          for receipt, account, kind, of_minor, amount in booked))
    return tuple(Line(from_day(on), receipt, _tap(origin, key), KINDS.get(kind, str(kind)),
                      amount, found.get((0, receipt, merchant_id), NONE))
                 for receipt, on, origin, key, kind, amount in made)


def _tap(origin: int, key: bytes) -> str:
    terminal_id, pair = subject(origin, key)
    if terminal_id <= 0:
        return ""
    return str(HeldKey(terminal_id, int.from_bytes(pair[:4], "big"),
                       int.from_bytes(pair[4:], "big")))


def _made(connection: Connection, merchant_id: int, first: int, last: int) -> list[tuple]:
    """Receipt, day, origin, key, kind and amount of what is the merchant's or on its accounts."""
    mark = "%s" if on_postgresql(connection) else "?"
    return [tuple(row) for row in send(connection, (
        "SELECT e.id, e.booked_on, e.origin, e.operation_key, e.kind, e.amount_minor FROM entries"
        f" e WHERE e.booked_on BETWEEN {mark} AND {mark} AND (e.merchant_id = {mark} OR EXISTS"
        " (SELECT 1 FROM postings p JOIN accounts a ON a.id = p.account_id WHERE p.entry_id = e.id"
        f" AND a.owner_id = {mark} AND a.kind IN {ACCOUNTS})) ORDER BY e.id"),
        (first, last, merchant_id, merchant_id)).fetchall()]


def _booked(connection: Connection, merchant_id: int, first: int, last: int) -> list[tuple]:
    """Receipt, account, kind (or NO_BILL), amount of the entry and of the line."""
    mark = "%s" if on_postgresql(connection) else "?"
    return [tuple(row) for row in send(connection, (
        f"SELECT e.id, a.kind, {BILL}, coalesce(e.amount_minor, 0), p.amount FROM entries e"
        " JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id"
        f" WHERE e.booked_on BETWEEN {mark} AND {mark} AND a.owner_id = {mark}"
        f" AND a.kind IN {ACCOUNTS}"), (first, last, merchant_id)).fetchall()]
