"""A void (type 3): the whole of an original taken back. The table stands in WIRE, "Void (3)".

Law: a void is never refused for lack of points, nor for a card's or member's state: it takes back
what its own merchant gave. A void of its own terminal's message may have been made offline, so it
is not refused or held for operator, terminal or merchant either, except where HQ withdrew its
trust (41): an automatic cancel must end (J9). An original that has not come yet gets its outcome
here, 40, the tombstone; only in the void's own journal, for a trace below the void's. That bound
holds for originals that have come as well, so that the order of arrival changes nothing.

    the original is                                     the void gets
    posted                                              0, its entry is reversed
    refused, held (HQ then cannot post it)              0, no points
    not there, own journal, trace below the void's      0, no points, tombstone
    taken back already                                  38
    a void                                              42
    not there, another journal of this terminal, while
    taps come back after a restore (DESIGN 6.8)         90
    not there otherwise, another merchant's             37
"""

import json

from gateway.book import Book, Dated, Decision, Facts, Key, Made, Message, Posted, Reversal
from gateway.decisions import causes, dating
from gateway.decisions.accounts import books_of
from gateway.decisions.causes import Place
from gateway.ledger import expiring_next, reverse
from protocol import codes
from protocol.messages import BATCH_CLOSE, REDEMPTION, SALE, VOID

NEVER = (VOID, BATCH_CLOSE)
# what can be taken back once it has posted; refund, top-up, activate ... join it here
REVERSIBLE = (SALE, REDEMPTION)

NOT_FOUND = Decision(codes.ORIGINAL_NOT_FOUND)
TRY_LATER = Decision(codes.TRY_LATER)


def void(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    if causes.distrusted(message, place.terminal) and not message.by_hq:
        return Decision(codes.HELD, why="distrusted",
                        dated=dating.date_of(message, place.programme, book))
    key = original_key(message, book)
    if key is None:
        return NOT_FOUND
    own = key[0] == message.terminal_id
    mine = key == message.own_original
    if mine and int.from_bytes(key[1][4:], "big") >= message.request.trace:
        return NOT_FOUND
    if not own and not message.by_hq:
        fault = _online_fault(message, place, book)
        if fault:
            return Decision(fault)
    original = book.originals.get(key)
    if original is None:
        if mine:
            return _nothing_to_take(key, tombstone=True)
        # a restored gateway asks for one journal after the other, and the void may have moved
        # into a newer one than its original (WIRE, 62)
        coming_back = own and book.catalogue.recovery is not None and not message.by_hq
        return TRY_LATER if coming_back else NOT_FOUND
    if _merchant_of(key, original.made, book) != place.merchant.id:
        return NOT_FOUND
    if original.type in NEVER:
        return Decision(codes.NOT_VOIDABLE)
    if original.reversed:
        return Decision(codes.NOTHING_LEFT)
    if original.made is None:
        return _nothing_to_take(key)
    if original.type not in REVERSIBLE:
        return Decision(codes.UNSUPPORTED)
    return _take_back(message, book, place, key, original.made)


def original_key(message: Message, book: Book) -> Key | None:
    """The key of what a void names; None for a receipt number nobody has."""
    return message.original_key or book.receipts.get(message.request.original)


def _online_fault(message: Message, place: Place, book: Book) -> int:
    """Another terminal's message is voided online only: states of today, told at once."""
    now = dating.now(book, place.programme)
    return (causes.place_fault(place, now)
            or causes.operator_fault(message, place, book, now))


def _merchant_of(key: Key, made: Made | None, book: Book) -> int | None:
    if made is not None:
        return made.merchant_id
    terminal = book.terminals.get(key[0])
    return None if terminal is None else book.catalogue.shops[terminal.shop_id].merchant_id


def _nothing_to_take(key: Key, *, tombstone: bool = False) -> Decision:
    return Decision(codes.APPROVED, Facts(points=0), reversal=Reversal(*key, tombstone))


def _take_back(message: Message, book: Book, place: Place, key: Key, made: Made) -> Decision:
    member = book.members[made.member_id]
    dated = dating.date_of(message, place.programme, book)
    books = books_of(place, book)
    draft = reverse(member, books, made.taker, made.postings,
                    made.movements)
    amount = made.amount_minor
    posted = Posted(draft, made.merchant_id, place.shop.id, made.card_id,
                    None if amount is None else -amount, dated.business_date, books.today,
                    dated.at,
                    _context(message, key, draft.points, dated))
    after = draft.member
    facts = Facts(points=draft.points, balance=after.balance, member=after.masked_name,
                  expiring=expiring_next(after, books.today), head_of=after.id,
                  amount_minor=amount)
    return Decision(codes.APPROVED, facts, posted, reversal=Reversal(*key, entry_id=made.id))


def _context(message: Message, key: Key, points: int, dated: Dated) -> str:
    """What was taken back, as JSON: terminal, journal and trace of the original."""
    origin, pair = key
    context: dict[str, object] = {
        "original": (origin, int.from_bytes(pair[:4], "big"), int.from_bytes(pair[4:], "big")),
        "points": points, "dated": dated.word}
    if message.request.operator is not None:
        context["operator"] = message.request.operator
    if message.by_hq:
        context["held"] = 1
    return json.dumps(context, separators=(",", ":"))
