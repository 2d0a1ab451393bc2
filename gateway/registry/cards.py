"""Cards: known by number or UID, from stock to a member, each change an event of its own."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Row, func, select

from gateway import bulk
from gateway.clock import to_day, to_ms
from gateway.decisions.causes import identity_of, luhn
from gateway.parties import ACTIVE, BLOCKED, EXPIRED, LOST, REPLACED, STOCK, SUSPECT, Card
from gateway.registry.desk import Desk, RegistryError, Room, present
from gateway.registry.programmes import newest_rules
from gateway.tables import card_events, cards, members, programmes

STATES = (STOCK, ACTIVE, LOST, BLOCKED, EXPIRED, SUSPECT, REPLACED)
UID_SIZES = (4, 7, 10)


class NewCard(NamedTuple):
    """`identity`: a decimal card number with its check digit, or the chip's UID as bytes."""

    identity: str | int | bytes
    member_id: int | None = None
    state: str = ACTIVE
    valid_through: date | None = None


class Cards(Room):
    """Part of the Registry."""

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
        with self.at_desk() as desk:
            programme = present(desk, programmes, "programme", id=programme_id)
            first = desk.next_id(cards)
            nameless = {place for place, new in enumerate(wanted) if new.member_id is None
                        and new.state == STOCK and programme.first_tap_activates}
            rules = newest_rules(desk, programme_id)
            made = iter(desk.members(programme_id, [(rules.tiers[0].code, "")] * len(nameless))
                        if nameless else ())
            owners = [next(made) if place in nameless else new.member_id
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
        if state not in STATES:
            raise RegistryError(f"No card state {state!r}. Nothing was changed.")
        with self.at_desk() as desk:
            began = desk.at if since is None else to_ms(since)
            row = _locked_card(desk, identity_text(identity))
            if row.member_id is None and state != STOCK:
                raise RegistryError("The card has no member yet. Nothing was changed;"
                                    " bind it first.")
            change_card(desk, row, reason, state=state, state_since=began,
                        state_before=row.state)

    def bind_card(self, identity: str | int | bytes, member_id: int, reason: str = "") -> None:
        """Give a stock card to a member; it becomes active."""
        with self.at_desk() as desk:
            row = _locked_card(desk, identity_text(identity), member_id)
            member = present(desk, members, "member", id=member_id)
            if row.state != STOCK or row.programme_id != member.programme_id:
                raise RegistryError("Only a stock card of the member's programme can be bound."
                                    " Nothing was changed.")
            change_card(desk, row, reason, member_id=member_id, state=ACTIVE,
                        state_since=desk.at, state_before=row.state)


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
    if new.state not in STATES or (new.member_id is None and new.state != STOCK):
        raise RegistryError("A card without a member can only be in stock. Nothing was changed.")
    return text


def change_card(desk: Desk, row: Row, reason: str, **values: object) -> None:
    """New values for a locked card, with the event that says so."""
    desk.change(cards, row, **values)
    seq = 1 + desk.connection.execute(select(func.max(card_events.c.seq)).where(
        card_events.c.card_id == row.id)).scalar_one()
    changed = {**row._mapping, **values}
    desk.insert(card_events, [card_event(changed, seq, desk.at, reason)])


def first_taps(desk: Desk, tapped: Sequence[Card]) -> None:
    """The new states of stock cards that a batch of taps has activated, each with its event."""
    rows = desk.locked_all(cards, [card.id for card in tapped])
    of_id = {card.id: card for card in tapped}
    if len(rows) != len(of_id):
        raise RegistryError("A tapped card is gone. Nothing was stored; run the audit.")
    columns = ("state", "state_since", "state_before")
    changed = desk.change_all(cards, rows, columns, [
        tuple(getattr(of_id[row.id], name) for name in columns) for row in rows])
    seqs: dict[int, int] = {}
    for card_id, seq in bulk.select(desk.connection, card_events, ("card_id", "seq"),
                                    ("card_id",), [(row.id,) for row in rows]):
        seqs[card_id] = max(seqs.get(card_id, 0), seq)
    desk.insert(card_events, [card_event(row, seqs.get(row["id"], 0) + 1, desk.at, "first tap")
                              for row in changed])


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


def _locked_card(desk: Desk, identity: str, *others: int) -> Row:
    """The card under the lock of its member, of `others` too, and its own."""
    owner = desk.connection.execute(select(cards.c.member_id).where(
        cards.c.identity == identity)).scalar_one_or_none()
    for member_id in sorted({*others} if owner is None else {owner, *others}):
        desk.locked(members, id=member_id)
    row = present(desk, cards, "card", identity=identity)
    if row.member_id != owner:
        raise RegistryError("The card changed its member meanwhile. Nothing was changed;"
                            " try again.")
    return row


def _free_identities(desk: Desk, identities: Sequence[str]) -> None:
    if len(set(identities)) != len(identities):
        raise RegistryError("A card is named twice. Nothing was changed.")
    for start in range(0, len(identities), 500):
        taken = desk.connection.execute(select(func.count()).where(
            cards.c.identity.in_(identities[start:start + 500]))).scalar_one()
        if taken:
            raise RegistryError("A card of this number or UID exists. Nothing was changed.")
