"""Operators of merchants: who may log in at a till, and their PINs (K10, T7)."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, select

from gateway import bulk, chain, pins, tries
from gateway.clock import from_ms, to_ms
from gateway.database import reading
from gateway.parties import ACTIVE, SUSPENDED
from gateway.registry.desk import Desk, RegistryError, Room, absent, present
from gateway.tables import merchants, operator_pins, operator_tries, operators
from gateway.words import need_name

STATES = (ACTIVE, SUSPENDED)
NUMBER_MAX = 65535


class OperatorFacts(NamedTuple):
    """An operator as head office sees it. `locked_until`: None unless wrong PINs lock it now."""

    merchant_id: int
    merchant: str
    number: int
    name: str
    state: str
    since: datetime
    has_pin: bool
    locked_until: datetime | None


class Operators(Room):
    """Part of the Registry."""

    def create_operator(self, merchant_id: int, number: int, name: str) -> int:
        """An operator without a PIN: it cannot log in until it has one."""
        if not 1 <= number <= NUMBER_MAX:
            raise RegistryError("An operator number is 1 to 65535. Nothing was changed.")
        need_name("operator's name", name, RegistryError)
        with self.at_desk() as desk:
            present(desk, merchants, "merchant", id=merchant_id)
            absent(desk, operators, "operator", merchant_id=merchant_id, number=number)
            operator_id = desk.next_id(operators)
            desk.insert(operators, [{"id": operator_id, "merchant_id": merchant_id,
                                     "number": number, "name": name, "state": ACTIVE,
                                     "state_since": desk.at}])
        return operator_id

    def set_operator_state(self, merchant_id: int, number: int, state: str,
                           since: datetime | None = None) -> None:
        self.set_state(operators, "operator", STATES, state, since,
                        merchant_id=merchant_id, number=number)

    def suspend_operator(self, merchant_id: int, number: int) -> OperatorFacts:
        """One that is suspended already stays so since then, as taps are judged by when it
        began."""
        return self._moved(merchant_id, number, ACTIVE, SUSPENDED)

    def reinstate_operator(self, merchant_id: int, number: int) -> OperatorFacts:
        return self._moved(merchant_id, number, SUSPENDED, ACTIVE)

    def _moved(self, merchant_id: int, number: int, before: str, after: str) -> OperatorFacts:
        with self.at_desk() as desk:
            row = _present(desk, merchant_id, number)
            desk.move(operators, row, f"Operator {number} {row.name}", before, after)
        return self.operator(merchant_id, number)

    def set_operator_pin(self, merchant_id: int, number: int, pin: str) -> OperatorFacts:
        """A PIN in place of the one it had; wrong tries and a lock are forgotten. What is kept of
        it is worked out before anything is locked. Raises PinRefused for what is no PIN."""
        pins.need_pin(pin)
        with reading(self.engine) as connection:
            operator_id = connection.execute(select(operators.c.id).where(
                operators.c.merchant_id == merchant_id,
                operators.c.number == number)).scalar_one_or_none() or 0
        kept = pins.kept(self.keyring.pin_key, operator_id, 0, pin,
                         self.keyring.random(pins.SALT_SIZE))
        with self.at_desk() as desk:
            row = _present(desk, merchant_id, number)
            before = desk.locked(operator_pins, operator_id=row.id)
            known = _tries(desk, row.id)
            kept = kept._replace(version=1 if before is None else before.version + 1)
            desk.replace(operator_pins, [] if before is None else [before],
                         [{**kept._asdict(), "set_at": desk.at}])
            renewed = (known or tries.Tries(row.id, 0)).renewed(kept.version)
            bulk.insert(desk.connection, operator_tries, tries.COLUMNS,
                        [tries.sealed(self.keyring.audit_key, renewed)], key=("operator_id",))
        return self.operator(merchant_id, number)

    def operator(self, merchant_id: int, number: int) -> OperatorFacts:
        return next(each for each in self.operators()
                    if (each.merchant_id, each.number) == (merchant_id, number))

    def operators(self) -> list[OperatorFacts]:
        """All of them, by merchant and number."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(operators, merchants.c.name.label("merchant"), operator_pins.c.version,
                       operator_tries.c.locked_until)
                .join(merchants, merchants.c.id == operators.c.merchant_id)
                .outerjoin(operator_pins, operator_pins.c.operator_id == operators.c.id)
                .outerjoin(operator_tries, operator_tries.c.operator_id == operators.c.id)
                .order_by(operators.c.merchant_id, operators.c.number)).all()
        now = to_ms(self.clock())
        return [OperatorFacts(
            row.merchant_id, row.merchant, row.number, row.name, row.state,
            from_ms(row.state_since), row.version is not None,
            from_ms(row.locked_until) if (row.locked_until or 0) > now else None) for row in rows]


def _present(desk: Desk, merchant_id: int, number: int) -> Row:
    present(desk, merchants, "merchant", id=merchant_id)
    return present(desk, operators, "operator", merchant_id=merchant_id, number=number)


def _tries(desk: Desk, operator_id: int) -> tries.Tries | None:
    """How its logins went, locked; RegistryError where that was tampered with: a new seal would
    make it true."""
    row = desk.locked(operator_tries, operator_id=operator_id)
    if row is None:
        return None
    if not chain.same(row.row_mac, chain.seal(desk.keyring.audit_key, tries.TABLE,
                                              tuple(row[:-1]))):
        raise RegistryError(f"operator_tries {operator_id} is not what was sealed. Nothing was"
                            " changed; run the audit.")
    return tries.read(row[:-1])
