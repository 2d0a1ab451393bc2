"""The catalogue: programmes, rules, merchants, shops and operators, read as one value.

Law: it changes only together with the counter `config`, in the same transaction; so whoever has
the version has the content. `config` is also the configuration revision handsets are told.
"""

from sqlalchemy import Connection, select

from gateway.errors import TryLater
from gateway.ledger import MONEY, POINTS
from gateway.parties import Catalogue, Merchant, Operator, Programme, Rates, Recovery, Shop
from gateway.rules import RuleSet, from_json
from gateway.tables import (
    accounts,
    counters,
    merchant_rates,
    merchants,
    operators,
    programmes,
    recoveries,
    rule_sets,
    shops,
)

MERCHANT_ISSUED = "merchant_issued"
MERCHANT_REDEEMED = "merchant_redeemed"
MERCHANT_DUE = "merchant_due"  # negative: it owes, positive: it is owed
PROGRAMME_EXPIRED = "programme_expired"
PROGRAMME_ADJUSTED = "programme_adjusted"
PROGRAMME_POOL = "programme_pool"
PROGRAMME_HQ = "programme_hq"
MEMBER_POINTS = "member_points"

# the accounts of the posting catalogue, with their units
OF_MERCHANTS = {MERCHANT_ISSUED: POINTS, MERCHANT_REDEEMED: POINTS, MERCHANT_DUE: MONEY}
OF_PROGRAMMES = {PROGRAMME_EXPIRED: POINTS, PROGRAMME_ADJUSTED: POINTS, PROGRAMME_POOL: MONEY,
                 PROGRAMME_HQ: MONEY}
OF_MEMBERS = {MEMBER_POINTS: POINTS}
UNITS = OF_MERCHANTS | OF_PROGRAMMES | OF_MEMBERS


def config_version(connection: Connection) -> int:
    return connection.execute(
        select(counters.c.value).where(counters.c.name == "config")).scalar_one_or_none() or 0


def read_catalogue(connection: Connection) -> Catalogue:
    """The catalogue as it stands in this transaction."""
    version = config_version(connection)
    # from what refers to what is referred to: at READ COMMITTED each statement may see more than
    # the one before, and so everything a row refers to is there
    found_shops = {row.id: Shop(row.id, row.merchant_id)
                   for row in connection.execute(select(shops))}
    found_operators = {(row.merchant_id, row.number): Operator(
        row.id, row.name, row.state, row.state_since)
        for row in connection.execute(select(operators))}
    rates: dict[int, list[tuple[int, Rates]]] = {}
    for row in connection.execute(select(merchant_rates).order_by(
            merchant_rates.c.effective_at, merchant_rates.c.version)):
        rates.setdefault(row.merchant_id, []).append(
            (row.effective_at, Rates(row.version, row.cost_bp, row.credit_bp)))
    merchant_rows = connection.execute(select(merchants)).all()
    found_programmes = connection.execute(select(programmes)).all()
    account_of = _accounts(connection)
    found_merchants = {row.id: Merchant(
        row.id, row.programme_id, row.state, row.state_since,
        account_of[MERCHANT_ISSUED, row.id], account_of[MERCHANT_REDEEMED, row.id],
        account_of[MERCHANT_DUE, row.id], tuple(rates.get(row.id, ())))
        for row in merchant_rows}
    rules: dict[int, list[tuple[int, RuleSet]]] = {}
    for row in connection.execute(select(rule_sets).order_by(
            rule_sets.c.effective_at, rule_sets.c.version)):
        held = (row.effective_at, from_json(row.version, row.body))
        rules.setdefault(row.programme_id, []).append(held)
    newest = connection.execute(select(
        recoveries.c.id, recoveries.c.begun_at, recoveries.c.ended_at).order_by(
        recoveries.c.id.desc()).limit(1)).one_or_none()
    return Catalogue(
        version,
        {row.id: Programme(row.id, row.time_zone, row.cutover_minutes,
                           bool(row.first_tap_activates), tuple(rules.get(row.id, ())),
                           account_of[PROGRAMME_EXPIRED, row.id],
                           account_of[PROGRAMME_POOL, row.id], account_of[PROGRAMME_HQ, row.id],
                           account_of[PROGRAMME_ADJUSTED, row.id])
         for row in found_programmes},
        found_merchants, found_shops, found_operators,
        None if newest is None or newest.ended_at else Recovery(newest.id, newest.begun_at),
        0 if newest is None else newest.id)


class _Accounts(dict[tuple[str, int], int]):
    """By kind and owner. Without them nothing can be posted, and nothing may be acknowledged."""

    def __missing__(self, key: tuple[str, int]) -> int:
        raise TryLater(f"There is no account {key[0]} of {key[1]}. Nothing is acknowledged and"
                       " nothing is lost; run: pointwire gateway migrate")


def _accounts(connection: Connection) -> _Accounts:
    """Ids of the accounts of merchants and programmes."""
    kinds = {merchants: OF_MERCHANTS, programmes: OF_PROGRAMMES}
    return _Accounts({(row.kind, row.owner_id): row.id for owners, named in kinds.items()
                      for row in connection.execute(
                          select(accounts.c.kind, accounts.c.owner_id, accounts.c.id)
                          .join(owners, owners.c.id == accounts.c.owner_id)
                          .where(accounts.c.kind.in_(named)))})
