"""The registry: programmes, merchants, terminals, operators, members and cards. One way in.

Law: every write to a registry table happens here, in a transaction that also appends its event to
the house chain (house.py), so that an edit behind its back is found. Locks are taken in the order
of the intake: terminals, members, then cards, counters last. What the catalogue caches bumps the
counter `config` in the same transaction.

    registry = Registry(engine, keyring)
    programme = registry.create_programme("coffee", "Coffee street", rule_set)
    shop = registry.create_shop(registry.create_merchant(programme, "Bean"), "Old town")
    terminal = registry.create_terminal(shop)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Engine, Row, Table, func, select

from gateway import aside
from gateway.book import (
    ACTIVE,
    BLOCKED,
    CLOSED,
    EXPIRED,
    LOST,
    REPLACED,
    RETIRED,
    STOCK,
    SUSPECT,
    SUSPENDED,
)
from gateway.catalogue import MEMBER_POINTS, MERCHANT_ISSUED
from gateway.clock import to_day, to_ms, utc_now, zone_of
from gateway.database import reading, writing
from gateway.decisions.causes import identity_of, luhn
from gateway.errors import GatewayError
from gateway.keyring import Keyring
from gateway.names import mask
from gateway.registering import Registering
from gateway.rules import RuleSet, check, from_json, to_json
from gateway.tables import (
    UNIT_POINTS,
    accounts,
    card_events,
    cards,
    members,
    merchants,
    operators,
    programmes,
    rule_sets,
    shops,
    terminal_epochs,
    terminals,
)
from protocol import keys
from protocol.limits import EPOCH_MAX, TERMINAL_ID_MAX

FIRST_TERMINAL_ID = 10_000_001
CARD_STATES = (STOCK, ACTIVE, LOST, BLOCKED, EXPIRED, SUSPECT, REPLACED)
TERMINAL_STATES = (ACTIVE, SUSPENDED, LOST, RETIRED)
MEMBER_STATES = (ACTIVE, SUSPENDED, CLOSED)
PLAIN_STATES = (ACTIVE, SUSPENDED)
UID_SIZES = (4, 7, 10)


class RegistryError(GatewayError):
    """The registry refuses a change: nothing was changed."""

    code = "registry"


class TerminalFacts(NamedTuple):
    """A terminal as the tools see it; `revoked_epochs` one byte each."""

    terminal_id: int
    shop_id: int
    merchant_id: int
    label: str
    state: str
    epoch: int
    revoked_epochs: bytes


class MemberFacts(NamedTuple):
    """A member's derived figures and the cards that lead to it."""

    member_id: int
    masked_name: str
    tier: str
    state: str
    available: int
    held: int
    debt: int
    cards: tuple[str, ...]


class NewMember(NamedTuple):
    """`tier`: a code of the newest rule set; None takes the first."""

    name: str
    tier: str | None = None


class NewCard(NamedTuple):
    """`identity`: a decimal card number with its check digit, or the chip's UID as bytes."""

    identity: str | int | bytes
    member_id: int | None = None
    state: str = ACTIVE
    valid_through: date | None = None


class Registry:
    """`actor` stands in each event. Methods raise RegistryError and then changed nothing."""

    def __init__(self, engine: Engine, keyring: Keyring, *,
                 clock: Callable[[], datetime] = utc_now, actor: str = "system") -> None:
        self.engine = engine
        self.keyring = keyring
        self.clock = clock
        self.actor = actor

    @contextmanager
    def _writing(self) -> Iterator[Registering]:
        at = to_ms(self.clock())
        with writing(self.engine) as connection:
            desk = Registering(connection, self.keyring, self.actor, at)
            yield desk
            desk.finish()

    # ---- programmes, merchants, shops, operators ----

    def create_programme(self, code: str, name: str, rule_set: RuleSet, *,
                         time_zone: str = "Asia/Shanghai", cutover_minutes: int = 240,
                         currency: str = "CNY", currency_digits: int = 2,
                         first_tap_activates: bool = False, effective_at: int = 0) -> int:
        """A programme with its first rule set, in force from `effective_at` (ms)."""
        zone_of(time_zone)
        if cutover_minutes % 15 or not 0 <= cutover_minutes <= 720:
            raise RegistryError("The cut-over is a quarter of an hour between 00:00 and 12:00."
                                " Nothing was changed.")
        with self._writing() as desk:
            _absent(desk, programmes, "programme", code=code)
            programme_id = desk.next_id(programmes)
            desk.insert(programmes, [{
                "id": programme_id, "code": code, "name": name, "time_zone": time_zone,
                "cutover_minutes": cutover_minutes, "currency": currency,
                "currency_digits": currency_digits,
                "first_tap_activates": int(first_tap_activates)}])
            _rule_set(desk, programme_id, rule_set._replace(version=1), effective_at)
        return programme_id

    def add_rule_set(self, programme_id: int, rule_set: RuleSet, effective_at: int) -> int:
        """The next rule set of a programme; its version (the one given does not count)."""
        with self._writing() as desk:
            _present(desk, programmes, "programme", id=programme_id)
            version = 1 + desk.connection.execute(
                select(func.max(rule_sets.c.version)).where(
                    rule_sets.c.programme_id == programme_id)).scalar_one()
            _rule_set(desk, programme_id, rule_set._replace(version=version), effective_at)
        return version

    def create_merchant(self, programme_id: int, name: str) -> int:
        with self._writing() as desk:
            _present(desk, programmes, "programme", id=programme_id)
            merchant_id, account_id = desk.next_id(merchants), desk.next_id(accounts)
            desk.insert(accounts, [desk.account(programme_id, MERCHANT_ISSUED, merchant_id,
                                                UNIT_POINTS, account_id)])
            desk.insert(merchants, [{"id": merchant_id, "programme_id": programme_id,
                                     "name": name, "state": ACTIVE, "state_since": desk.at}])
        return merchant_id

    def create_shop(self, merchant_id: int, name: str) -> int:
        with self._writing() as desk:
            _present(desk, merchants, "merchant", id=merchant_id)
            shop_id = desk.next_id(shops)
            desk.insert(shops, [{"id": shop_id, "merchant_id": merchant_id, "name": name}])
        return shop_id

    def create_operator(self, merchant_id: int, number: int, name: str) -> int:
        if not 1 <= number <= 65535:
            raise RegistryError("An operator number is 1 to 65535. Nothing was changed.")
        with self._writing() as desk:
            _present(desk, merchants, "merchant", id=merchant_id)
            operator_id = desk.next_id(operators)
            _absent(desk, operators, "operator", merchant_id=merchant_id, number=number)
            desk.insert(operators, [{"id": operator_id, "merchant_id": merchant_id,
                                     "number": number, "name": name, "state": ACTIVE,
                                     "state_since": desk.at}])
        return operator_id

    def set_merchant_state(self, merchant_id: int, state: str,
                           since: datetime | None = None) -> None:
        self._set_state(merchants, "merchant", PLAIN_STATES, state, since, id=merchant_id)

    def set_operator_state(self, merchant_id: int, number: int, state: str,
                           since: datetime | None = None) -> None:
        self._set_state(operators, "operator", PLAIN_STATES, state, since,
                        merchant_id=merchant_id, number=number)

    # ---- terminals ----

    def create_terminal(self, shop_id: int, *, terminal_id: int | None = None,
                        label: str = "") -> int:
        """A terminal with key epoch 1; without an id it takes the next free one."""
        with self._writing() as desk:
            _present(desk, shops, "shop", id=shop_id)
            free = desk.next_id(terminals, FIRST_TERMINAL_ID)
            terminal_id = free if terminal_id is None else terminal_id
            if not 1 <= terminal_id <= TERMINAL_ID_MAX:
                raise RegistryError("A terminal id is 1 to 4294967295. Nothing was changed.")
            _absent(desk, terminals, "terminal", id=terminal_id)
            desk.insert(terminals, [{
                "id": terminal_id, "shop_id": shop_id, "label": label, "state": ACTIVE,
                "state_since": desk.at, "epoch": 1, "revoked_epochs": b""}])
            desk.insert(terminal_epochs, [epoch_row(desk, terminal_id, 1)])
        return terminal_id

    def set_terminal_state(self, terminal_id: int, state: str,
                           since: datetime | None = None) -> None:
        self._set_state(terminals, "terminal", TERMINAL_STATES, state, since, id=terminal_id)

    def advance_epoch(self, terminal_id: int) -> int:
        """The next key epoch of a terminal; the ones before stay valid until revoked."""
        with self._writing() as desk:
            row = _present(desk, terminals, "terminal", id=terminal_id)
            if row.epoch >= EPOCH_MAX:
                raise RegistryError("The terminal has used all its key epochs. Nothing was"
                                    " changed; give it a new id.")
            raise_epoch(desk, row, row.epoch + 1)
        return row.epoch + 1

    def revoke_epoch(self, terminal_id: int, epoch: int) -> None:
        """Trust nothing more under this key: its journaled frames are held."""
        with self._writing() as desk:
            row = _present(desk, terminals, "terminal", id=terminal_id)
            known = _present(desk, terminal_epochs, "key epoch", terminal_id=terminal_id,
                             epoch=epoch)
            if epoch not in row.revoked_epochs:
                revoked = bytes(sorted((*row.revoked_epochs, epoch)))
                desk.change(terminals, row, revoked_epochs=revoked)
                desk.change(terminal_epochs, known, revoked_at=desk.at)

    def terminals(self) -> list[TerminalFacts]:
        with reading(self.engine) as connection:
            return [TerminalFacts(*row) for row in connection.execute(
                select(terminals.c.id, terminals.c.shop_id, shops.c.merchant_id,
                       terminals.c.label, terminals.c.state, terminals.c.epoch,
                       terminals.c.revoked_epochs)
                .join(shops, shops.c.id == terminals.c.shop_id).order_by(terminals.c.id))]

    def mqtt_login(self, user: str, password: str) -> int | None:
        """The terminal an MQTT user and password belong to, or None.

        Every epoch that was recorded and not revoked may log in; lost and retired terminals
        may not. A suspended one may: its taps are held, not dropped.
        """
        left, _, right = user.partition("-")
        if not (left.isascii() and left.isdigit() and right.isascii() and right.isdigit()
                and len(left) <= 10 and len(right) <= 3):
            return None
        terminal_id, epoch = int(left), int(right)
        with reading(self.engine) as connection:
            state = connection.execute(
                select(terminals.c.state).join(
                    terminal_epochs, terminal_epochs.c.terminal_id == terminals.c.id).where(
                    terminals.c.id == terminal_id, terminal_epochs.c.epoch == epoch,
                    terminal_epochs.c.revoked_at.is_(None))).scalar_one_or_none()
        if state not in (ACTIVE, SUSPENDED) or user != keys.mqtt_user(terminal_id, epoch):
            return None
        right_one = keys.mqtt_password(self.keyring.terminal_key(terminal_id, epoch))
        return terminal_id if keys.same(right_one.encode(), password.encode()) else None

    # ---- members and cards ----

    def create_member(self, programme_id: int, name: str, tier: str | None = None) -> int:
        return self.create_members(programme_id, [NewMember(name, tier)])[0]

    def create_members(self, programme_id: int, wanted: Sequence[NewMember]) -> list[int]:
        """Members with an account each; only the masked name is kept so far."""
        with self._writing() as desk:
            rules = _newest_rules(desk, programme_id)
            for new in wanted:
                if new.tier is not None and rules.tier(new.tier) is None:
                    raise RegistryError(f"The programme has no tier {new.tier!r}."
                                        " Nothing was changed.")
            return desk.members(programme_id, [
                (new.tier or rules.tiers[0].code, mask(new.name)) for new in wanted],
                MEMBER_POINTS, UNIT_POINTS)

    def set_member_state(self, member_id: int, state: str,
                         since: datetime | None = None) -> None:
        self._set_state(members, "member", MEMBER_STATES, state, since, id=member_id)

    def set_member_tier(self, member_id: int, tier: str) -> None:
        with self._writing() as desk:
            row = _present(desk, members, "member", id=member_id)
            if _newest_rules(desk, row.programme_id).tier(tier) is None:
                raise RegistryError(f"The programme has no tier {tier!r}. Nothing was changed.")
            desk.change(members, row, tier=tier)

    def members(self) -> list[MemberFacts]:
        with reading(self.engine) as connection:
            held: dict[int, list[str]] = {}
            for row in connection.execute(select(cards).order_by(cards.c.id)):
                held.setdefault(row.member_id, []).append(row.identity)
            return [MemberFacts(row.id, row.masked_name, row.tier, row.state, row.available,
                                row.held, row.debt, tuple(held.get(row.id, ())))
                    for row in connection.execute(select(members).order_by(members.c.id))]

    def create_card(self, programme_id: int, identity: str | int | bytes,
                    member_id: int | None = None, state: str = ACTIVE,
                    valid_through: date | None = None) -> int:
        """A card by number or UID. A stock card needs no member; any other state does."""
        new = NewCard(identity, member_id, state, valid_through)
        return self.create_cards(programme_id, [new])[0]

    def create_cards(self, programme_id: int, wanted: Sequence[NewCard]) -> list[int]:
        """Cards with their first event. Where the programme activates stock cards by their
        first tap, a stock card without a member gets a nameless one of its own."""
        identities = [card_identity(new) for new in wanted]
        with self._writing() as desk:
            programme = _present(desk, programmes, "programme", id=programme_id)
            first = desk.next_id(cards)
            nameless = [place for place, new in enumerate(wanted) if new.member_id is None
                        and new.state == STOCK and programme.first_tap_activates]
            rules = _newest_rules(desk, programme_id)
            made = iter(desk.members(programme_id, [(rules.tiers[0].code, "")] * len(nameless),
                                     MEMBER_POINTS, UNIT_POINTS) if nameless else ())
            owners = [next(made) if place in set(nameless) else new.member_id
                      for place, new in enumerate(wanted)]
            _free_identities(desk, identities)
            rows = [_card_row(first + place, programme_id, identities[place], owners[place], new,
                              desk.at) for place, new in enumerate(wanted)]
            desk.insert(cards, rows)
            desk.insert(card_events, [card_event(row, 1, desk.at, "issued") for row in rows])
        return [row["id"] for row in rows]

    def set_card_state(self, identity: str | int | bytes, state: str,
                       since: datetime | None = None, reason: str = "") -> None:
        """`since`: when the state began (a loss may be reported later); default now."""
        if state not in CARD_STATES:
            raise RegistryError(f"No card state {state!r}. Nothing was changed.")
        with self._writing() as desk:
            began = desk.at if since is None else to_ms(since)
            row = _locked_card(desk, identity_text(identity))
            if row.member_id is None and state != STOCK:
                raise RegistryError("The card has no member yet. Nothing was changed;"
                                    " bind it first.")
            change_card(desk, row, reason, state=state, state_since=began,
                        state_before=row.state)

    def bind_card(self, identity: str | int | bytes, member_id: int, reason: str = "") -> None:
        """Give a stock card to a member; it becomes active."""
        with self._writing() as desk:
            member = _present(desk, members, "member", id=member_id)
            row = _locked_card(desk, identity_text(identity))
            if row.state != STOCK or row.programme_id != member.programme_id:
                raise RegistryError("Only a stock card of the member's programme can be bound."
                                    " Nothing was changed.")
            change_card(desk, row, reason, member_id=member_id, state=ACTIVE,
                        state_since=desk.at, state_before=row.state)

    # ---- set aside ----

    def requeue(self, digest: bytes) -> None:
        """Decide a quarantined frame when it comes again. Raises NotQuarantined."""
        with writing(self.engine) as connection:
            aside.requeue(connection, self.keyring, digest, to_ms(self.clock()))

    def _set_state(self, table: Table, noun: str, states: tuple[str, ...], state: str,
                   since: datetime | None, **key: object) -> None:
        if state not in states:
            raise RegistryError(f"A {noun} cannot be {state!r}. Nothing was changed;"
                                f" use one of: {', '.join(states)}.")
        with self._writing() as desk:
            row = _present(desk, table, noun, **key)
            began = desk.at if since is None else to_ms(since)
            desk.change(table, row, state=state, state_since=began)


def identity_text(identity: str | int | bytes) -> str:
    """How cards are named in the table: decimal digits, or u and the UID in hex."""
    return identity if isinstance(identity, str) else identity_of((0, identity))


def card_identity(new: NewCard) -> str:
    """The checked identity of a new card."""
    text = identity_text(new.identity)
    if isinstance(new.identity, bytes):
        fits = len(new.identity) in UID_SIZES
    else:
        fits = (text.isascii() and text.isdigit() and len(text) <= 19 and text[0] != "0"
                and luhn(text))
    if not fits:
        raise RegistryError("A card needs a number of at most 19 digits with a right check"
                            " digit, or a UID of 4, 7 or 10 bytes. Nothing was changed.")
    if new.state not in CARD_STATES or (new.member_id is None and new.state != STOCK):
        raise RegistryError("A card without a member can only be in stock. Nothing was changed.")
    return text


def epoch_row(desk: Registering, terminal_id: int, epoch: int) -> dict[str, object]:
    return {"terminal_id": terminal_id, "epoch": epoch, "revoked_at": None,
            "master_key_id": desk.keyring.master_key_id, "recorded_at": desk.at}


def raise_epoch(desk: Registering, row: Row, epoch: int) -> None:
    """Record a higher key epoch of a terminal whose row is locked."""
    desk.change(terminals, row, epoch=epoch)
    desk.insert(terminal_epochs, [epoch_row(desk, row.id, epoch)])


def change_card(desk: Registering, row: Row, reason: str, **values: object) -> None:
    """New values for a locked card, with the event that says so."""
    desk.change(cards, row, **values)
    seq = 1 + desk.connection.execute(select(func.max(card_events.c.seq)).where(
        card_events.c.card_id == row.id)).scalar_one()
    changed = {**row._mapping, **values}
    desk.insert(card_events, [card_event(changed, seq, desk.at, reason)])


def card_event(row, seq: int, at: int, reason: str) -> dict[str, object]:
    return {"card_id": row["id"], "seq": seq, "state": row["state"],
            "member_id": row["member_id"], "since": row["state_since"], "recorded_at": at,
            "reason": reason}


def _card_row(card_id: int, programme_id: int, identity: str, member_id: int | None,
              new: NewCard, at: int) -> dict:
    through = None if new.valid_through is None else to_day(new.valid_through)
    return {"id": card_id, "programme_id": programme_id, "identity": identity,
            "member_id": member_id, "state": new.state, "state_since": at,
            "state_before": None, "valid_through_on": through}


def _locked_card(desk: Registering, identity: str) -> Row:
    """The card under the lock of its member and its own."""
    owner = desk.connection.execute(select(cards.c.member_id).where(
        cards.c.identity == identity)).scalar_one_or_none()
    if owner is not None:
        desk.locked(members, id=owner)
    row = _present(desk, cards, "card", identity=identity)
    if row.member_id != owner:
        raise RegistryError("The card changed its member meanwhile. Nothing was changed;"
                            " try again.")
    return row


def _free_identities(desk: Registering, identities: Sequence[str]) -> None:
    if len(set(identities)) != len(identities):
        raise RegistryError("A card is named twice. Nothing was changed.")
    for start in range(0, len(identities), 500):
        taken = desk.connection.execute(select(func.count()).where(
            cards.c.identity.in_(identities[start:start + 500]))).scalar_one()
        if taken:
            raise RegistryError("A card of this number or UID exists. Nothing was changed.")


def _present(desk: Registering, table: Table, noun: str, **key: object) -> Row:
    row = desk.locked(table, **key)
    if row is None:
        raise RegistryError(f"There is no such {noun}. Nothing was changed.")
    return row


def _absent(desk: Registering, table: Table, noun: str, **key: object) -> None:
    if desk.locked(table, **key) is not None:
        raise RegistryError(f"There is such a {noun} already. Nothing was changed.")


def _rule_set(desk: Registering, programme_id: int, rule_set: RuleSet,
              effective_at: int) -> None:
    check(rule_set)
    desk.insert(rule_sets, [{"programme_id": programme_id, "version": rule_set.version,
                             "effective_at": effective_at, "recorded_at": desk.at,
                             "body": to_json(rule_set)}])


def _newest_rules(desk: Registering, programme_id: int) -> RuleSet:
    row = desk.connection.execute(select(rule_sets).where(
        rule_sets.c.programme_id == programme_id).order_by(
            rule_sets.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise RegistryError("There is no such programme. Nothing was changed.")
    return from_json(row.version, row.body)
