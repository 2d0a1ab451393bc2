"""A refund (type 4): part of a sale, or of a bill that points paid in part, taken back.

Law: online only, by the merchant of the original (J10), within `return_days` of its business day;
every cause is told at once. What it takes back follows from how much of the bill remains
(taken_back.py), so refunds may come in any order and split. It is never refused for lack of
points. Where the rules hold what a return claims (K5), HQ has its word on it (hold.py). A refund
is no original of a refund, and a whole refund leaves nothing to void.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.accounts import books_of
from gateway.decisions.sale import held
from gateway.decisions.taken_back import restated
from gateway.decisions.void import original_key
from gateway.effects import Decision, Facts, Original
from gateway.ledger import REFUND
from gateway.message import Message
from protocol import codes
from protocol.messages import REDEMPTION, SALE

REFUNDABLE = (SALE, REDEMPTION)


def refund(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    if causes.distrusted(message, place.terminal) and not message.by_hq:
        return held("distrusted")._replace(
            dated=dating.date_of(message, place.programme, book))
    now = dating.now(book, place.programme)
    fault = (causes.place_fault(place, now)
             or causes.operator_fault(message, place, book, now))
    if fault and not message.accepted:
        return Decision(fault)
    key = original_key(message, book)
    original = book.originals.get(key) if key else None
    if key is None or original is None or original.made is None:
        return Decision(codes.NOTHING_LEFT if original and original.reversed
                        else codes.ORIGINAL_NOT_FOUND)
    book.sound_original(key)
    made = original.made
    if made.merchant_id != place.merchant.id:
        return Decision(codes.ORIGINAL_NOT_FOUND)
    if original.type not in REFUNDABLE:
        return Decision(codes.NOT_VOIDABLE)
    remaining_minor = (made.amount_minor or 0) - original.refunded_minor
    if original.reversed or not remaining_minor:
        return Decision(codes.NOTHING_LEFT)
    amount_minor = message.named_minor
    if amount_minor is None:  # points, which only rewards have
        return Decision(codes.EXCEEDS_ORIGINAL, Facts(amount_minor=remaining_minor))
    if not 0 < amount_minor <= remaining_minor or not fits(message, original):
        return Decision(codes.EXCEEDS_ORIGINAL, Facts(amount_minor=remaining_minor))
    books = books_of(place, book)
    if books.today - made.business_date > books.return_days and not message.accepted:
        return Decision(codes.LIMIT_REACHED)
    return restated(message, book, place, key, REFUND, may_hold=not message.by_hq,
                    remaining_minor=remaining_minor - amount_minor)


def fits(message: Message, original: Original) -> bool:
    """Whether what comes back was bought: of a sale with a basket lines are named, and of each
    category no more than remains of it; of one without a basket an amount."""
    assert original.made is not None
    bought = by_category(basket_in(original.made.context))
    for part in original.refunds:
        bought.subtract(by_category(basket_in(part.made.context)))
    back = by_category(message.request.basket or ())
    return bool(bought) == bool(back) and all(bought[each] >= back[each] for each in back)


def basket_in(context: str) -> Sequence[Sequence[int]]:
    """The basket that an entry's context tells, [category, amount_minor, ...] a line."""
    return json.loads(context).get("basket", ())


def by_category(basket: Iterable[Sequence[int]]) -> Counter[int]:
    """Money by category."""
    sums = Counter[int]()
    for line in basket:
        sums[line[0]] += line[1]
    return sums
