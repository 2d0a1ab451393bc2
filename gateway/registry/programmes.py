"""Programmes with their rules, merchants and shops."""

from datetime import datetime

from sqlalchemy import func, select

from gateway.catalogue import OF_MERCHANTS, OF_PROGRAMMES
from gateway.clock import zone_of
from gateway.parties import ACTIVE, SUSPENDED
from gateway.registry.desk import Desk, RegistryError, Room, absent, present
from gateway.rules import RuleSet, check, from_json, to_json
from gateway.tables import (
    accounts,
    merchants,
    programmes,
    rule_sets,
    shops,
)

STATES = (ACTIVE, SUSPENDED)


class Programmes(Room):
    """Part of the Registry."""

    def create_programme(self, code: str, name: str, rule_set: RuleSet, *,
                         time_zone: str = "Asia/Shanghai", cutover_minutes: int = 240,
                         currency: str = "CNY", currency_digits: int = 2,
                         first_tap_activates: bool = False, effective_at: int = 0) -> int:
        """A programme with its first rule set, in force from `effective_at` (ms)."""
        zone_of(time_zone)
        if cutover_minutes % 15 or not 0 <= cutover_minutes <= 720:
            raise RegistryError("The cut-over is a quarter of an hour between 00:00 and 12:00."
                                " Nothing was changed.")
        with self.at_desk() as desk:
            absent(desk, programmes, "programme", code=code)
            programme_id = desk.next_id(programmes)
            desk.insert(programmes, [{
                "id": programme_id, "code": code, "name": name, "time_zone": time_zone,
                "cutover_minutes": cutover_minutes, "currency": currency,
                "currency_digits": currency_digits,
                "first_tap_activates": int(first_tap_activates)}])
            _open_accounts(desk)
            _rule_set(desk, programme_id, rule_set._replace(version=1), effective_at)
        return programme_id

    def open_accounts(self) -> int:
        """The accounts that a database of an older program lacks; how many."""
        with self.at_desk() as desk:
            return _open_accounts(desk)

    def add_rule_set(self, programme_id: int, rule_set: RuleSet, effective_at: int) -> int:
        """The next rule set of a programme; its version (the one given does not count)."""
        with self.at_desk() as desk:
            present(desk, programmes, "programme", id=programme_id)
            version = 1 + desk.connection.execute(
                select(func.max(rule_sets.c.version)).where(
                    rule_sets.c.programme_id == programme_id)).scalar_one()
            _rule_set(desk, programme_id, rule_set._replace(version=version), effective_at)
        return version

    def create_merchant(self, programme_id: int, name: str) -> int:
        with self.at_desk() as desk:
            present(desk, programmes, "programme", id=programme_id)
            merchant_id = desk.next_id(merchants)
            desk.insert(merchants, [{"id": merchant_id, "programme_id": programme_id,
                                     "name": name, "state": ACTIVE, "state_since": desk.at}])
            _open_accounts(desk)
        return merchant_id

    def create_shop(self, merchant_id: int, name: str) -> int:
        with self.at_desk() as desk:
            present(desk, merchants, "merchant", id=merchant_id)
            shop_id = desk.next_id(shops)
            desk.insert(shops, [{"id": shop_id, "merchant_id": merchant_id, "name": name}])
        return shop_id

    def set_merchant_state(self, merchant_id: int, state: str,
                           since: datetime | None = None) -> None:
        self.set_state(merchants, "merchant", STATES, state, since, id=merchant_id)


def _open_accounts(desk: Desk) -> int:
    """What merchants and programmes lack of the accounts of the posting catalogue."""
    wanted = [(row.id, kind, row.id) for row in desk.connection.execute(select(programmes.c.id))
              for kind in OF_PROGRAMMES]
    wanted += [(row.programme_id, kind, row.id) for row in desk.connection.execute(
        select(merchants.c.programme_id, merchants.c.id))
        for kind in OF_MERCHANTS]
    kinds = {kind for _, kind, _ in wanted}
    there = {tuple(row) for row in desk.connection.execute(
        select(accounts.c.programme_id, accounts.c.kind, accounts.c.owner_id)
        .where(accounts.c.kind.in_(kinds)))}
    missing = [each for each in wanted if each not in there]
    if missing:
        first = desk.next_id(accounts)
        desk.insert(accounts, [desk.account(*each, first + place)
                               for place, each in enumerate(missing)])
    return len(missing)


def _rule_set(desk: Desk, programme_id: int, rule_set: RuleSet,
              effective_at: int) -> None:
    check(rule_set)
    desk.insert(rule_sets, [{"programme_id": programme_id, "version": rule_set.version,
                             "effective_at": effective_at, "recorded_at": desk.at,
                             "body": to_json(rule_set)}])


def newest_rules(desk: Desk, programme_id: int) -> RuleSet:
    row = desk.connection.execute(select(rule_sets).where(
        rule_sets.c.programme_id == programme_id).order_by(
            rule_sets.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise RegistryError("There is no such programme. Nothing was changed.")
    return from_json(row.version, row.body)
