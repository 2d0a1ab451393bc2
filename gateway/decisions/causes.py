"""Why a message is not simply approved: the checks that several decisions share. Pure.

Law (J8): card, member, merchant, operator and terminal are judged as they were at the instant
the tap is dated to (dating.py). Two exceptions on purpose: a terminal reported lost and a revoked
key are judged now, because whoever holds them also sets the clock. A card or member is refused
only for what surely began before the tap; what may have begun after it holds the tap.
"""

from typing import NamedTuple

from gateway.book import Book
from gateway.effects import Dated
from gateway.member import Member
from gateway.message import Message
from gateway.parties import (
    ACTIVE,
    BLOCKED,
    EXPIRED,
    LOST,
    REPLACED,
    STOCK,
    SUSPECT,
    Card,
    Merchant,
    Programme,
    Shop,
    Terminal,
)
from protocol import codes

CARD_CODES = {STOCK: codes.CARD_INACTIVE, LOST: codes.CARD_LOST, BLOCKED: codes.CARD_BLOCKED,
              EXPIRED: codes.CARD_EXPIRED, SUSPECT: codes.CARD_SUSPECT}
USABLE = (ACTIVE, REPLACED)  # a replaced card leads to the same member and posts

NOWHERE_IN_PARTICULAR = 0  # the shop of an entry that came of no message
NO_TERMINAL = Terminal(0, 0, "", 0, 0, b"")


class Place(NamedTuple):
    """Where a message comes from."""

    terminal: Terminal
    shop: Shop
    merchant: Merchant
    programme: Programme


def place_of(message: Message, book: Book) -> Place:
    terminal = book.terminals[message.terminal_id]
    shop = book.catalogue.shops[terminal.shop_id]
    merchant = book.catalogue.merchants[shop.merchant_id]
    return Place(terminal, shop, merchant, book.catalogue.programmes[merchant.programme_id])


def identity_of(card: tuple) -> str:
    """How a card of the wire (key 6) is found: its number in decimal, or u and the UID in hex.

    >>> identity_of((2, 6200001234567892)), identity_of((2, bytes.fromhex("04a1b2c3")))
    ('6200001234567892', 'u04a1b2c3')
    """
    return str(card[1]) if isinstance(card[1], int) else "u" + card[1].hex()


def luhn(number: str) -> bool:
    """Whether the check digit of a decimal card number is right (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def no_card(identity: str) -> int:
    """The code for a card nobody issued: a wrong check digit says it was misread."""
    wrong = not identity.startswith("u") and not luhn(identity)
    return codes.CARD_INVALID if wrong else codes.CARD_UNKNOWN


def card_fault(card: Card, dated: Dated, *, first_tap: bool) -> int:
    """0, or the code of a card state that began before the tap; HELD where that is in doubt: the
    date is doubtful, or the row does not remember so far back.

    `first_tap`: a stock card with a member behind it may be used.
    """
    state, before = card.state, card.state_before
    if card.state_since > dated.at and before is not None:
        # changed after the tap: the state before counts, as far as the row remembers
        if before in USABLE:
            state = before
        elif before != STOCK or state not in USABLE:
            return codes.HELD
    if state == STOCK:
        return 0 if first_tap and card.member_id is not None else codes.CARD_INACTIVE
    if state not in USABLE:
        doubtful = before in USABLE and dated.sure_from < card.state_since <= dated.at
        return codes.HELD if doubtful else CARD_CODES[state]
    if card.valid_through_on is not None and dated.business_date > card.valid_through_on:
        doubtful = dated.sure_on <= card.valid_through_on
        return codes.HELD if doubtful else codes.CARD_EXPIRED
    return 0


def holder(message: Message, book: Book, programme: Programme,
           now: Dated) -> tuple[Card | None, Member | None, int]:
    """Whose card it is, for what is told while the member waits: (card, member, 0), or a code and
    what of the two is known."""
    identity = identity_of(message.request.card)
    card = book.cards.get(identity)
    if card is None or card.programme_id != programme.id:
        return None, None, no_card(identity)
    fault = card_fault(card, now, first_tap=False)
    if fault == codes.HELD:  # its state began in what our clock calls the future: it stands now
        fault = card_fault(card._replace(state_before=None), now, first_tap=False)
    if card.member_id is None:
        return card, None, fault or codes.CARD_INACTIVE
    member = book.members[card.member_id]
    return card, member, fault or (codes.MEMBER_SUSPENDED if member_fault(member, now) else 0)


def member_fault(member: Member, dated: Dated) -> int:
    """0, MEMBER_SUSPENDED for a state that began before the tap, HELD for one that came later or
    may have."""
    if member.state == ACTIVE:
        return 0
    return codes.HELD if member.state_since > dated.sure_from else codes.MEMBER_SUSPENDED


def operator_fault(message: Message, place: Place, book: Book, dated: Dated) -> int:
    """0, OPERATOR_UNKNOWN or OPERATOR_NOT_ALLOWED; a message without operator is fine."""
    number = message.request.operator
    if number is None:
        return 0
    operator = book.catalogue.operators.get((place.merchant.id, number))
    if operator is None:
        return codes.OPERATOR_UNKNOWN
    began = operator.state != ACTIVE and operator.state_since <= dated.at
    return codes.OPERATOR_NOT_ALLOWED if began else 0


def place_fault(place: Place, dated: Dated) -> int:
    """0, TERMINAL_SUSPENDED or MERCHANT_SUSPENDED."""
    terminal, merchant = place.terminal, place.merchant
    if terminal.state != ACTIVE and (terminal.state == LOST or terminal.state_since <= dated.at):
        return codes.TERMINAL_SUSPENDED
    if merchant.state != ACTIVE and merchant.state_since <= dated.at:
        return codes.MERCHANT_SUSPENDED
    return 0


def distrusted(message: Message, terminal: Terminal) -> bool:
    """Whether HQ withdrew its trust in whoever sealed this: lost terminal, revoked key."""
    return terminal.state == LOST or message.epoch in terminal.revoked_epochs
