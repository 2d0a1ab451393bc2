"""A void (type 3): the whole of an original taken back. The table stands in WIRE, "Void (3)".

Law: a void is never refused for lack of points, nor for a card's or member's state: it takes back
what its own merchant gave. A void of its own terminal's message may have been made offline, so it
is not refused or held for operator, terminal or merchant either, except where HQ withdrew its
trust (41): an automatic cancel must end (J9). An original that has not come yet gets its outcome
here, 40, the tombstone; only in the void's own journal, for a trace below the void's. That bound
holds for originals that have come as well, so that the order of arrival changes nothing.
Where the rules hold what a return claims (K5), a void in the original's own journal that names no
operator takes it at once: so a terminal cancels by itself what nobody saw accepted (J9).

    the original is                                     the void gets
    posted                                              0, its entry is reversed
    refused, held (HQ then cannot post it)              0, no points
    not there, own journal, trace below the void's      0, no points, tombstone
    taken back already, refunded wholly                 38
    a void, a refund that is not the last that stands   42
    in a batch that was closed before the void was made 42
    the last refund that stands                         0, its part stands again
    refunded in part                                    0, the rest is reversed
    not there, another journal of this terminal, while
    taps come back after a restore (DESIGN 6.8)         90
    not there otherwise, another merchant's             37
"""

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.causes import Place
from gateway.decisions.taken_back import restated
from gateway.effects import Decision, Facts, Made, Reversal
from gateway.ledger import REVERSAL
from gateway.message import COMMANDS, NO_MESSAGE, Key, Message
from protocol import codes
from protocol.messages import BATCH_CLOSE, REDEMPTION, REFUND, SALE, VOID

NEVER = (VOID, BATCH_CLOSE, NO_MESSAGE)
# what can be taken back once it has posted; top-up, activate ... join it here
REVERSIBLE = (SALE, REDEMPTION)

NOT_FOUND = Decision(codes.ORIGINAL_NOT_FOUND)
TRY_LATER = Decision(codes.TRY_LATER)
NOT_VOIDABLE = Decision(codes.NOT_VOIDABLE)


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
    if not own and not message.accepted:
        fault = _online_fault(message, place, book)
        if fault:
            return Decision(fault)
    original = book.originals.get(key)
    if original is None:
        if mine:
            return NOT_VOIDABLE if _closed(message, key, book) else _nothing_to_take(
                key, tombstone=True)
        # a restored gateway asks for one journal after the other, and the void may have moved
        # into a newer one than its original (WIRE, 62)
        coming_back = own and book.catalogue.recovery is not None and not message.by_hq
        return TRY_LATER if coming_back else NOT_FOUND
    if _merchant_of(key, original.made, book) != place.merchant.id:
        return NOT_FOUND
    if original.type in NEVER or key[0] == COMMANDS:
        return NOT_VOIDABLE
    book.sound_original(key)
    if original.reversed:
        return Decision(codes.NOTHING_LEFT)
    if _closed(message, key, book):
        return NOT_VOIDABLE
    made = original.made
    if made is None:
        return _nothing_to_take(key)
    if original.type == REFUND:
        return _put_back(message, book, place, key)
    if original.type not in REVERSIBLE:
        return Decision(codes.UNSUPPORTED)
    if original.refunds and original.refunded_minor == made.amount_minor:
        return Decision(codes.NOTHING_LEFT)
    by_itself = mine and message.request.operator is None
    return restated(message, book, place, key, REVERSAL, remaining_minor=0,
                    may_hold=not by_itself and not message.by_hq)


def _put_back(message: Message, book: Book, place: Place, key: Key) -> Decision:
    """A refund is voided: only the last that stands, but after a restore, where they may come back
    in another order. What remains follows from the others."""
    part_of = book.originals[key].part_of
    whole = book.originals.get(part_of) if part_of else None
    if whole is None or whole.made is None or whole.reversed:
        return NOT_VOIDABLE
    mine = next((each for each in whole.refunds if each.by == key), None)
    if mine is None or (mine is not whole.refunds[-1] and message.told is None):
        return NOT_VOIDABLE
    left_minor = (whole.made.amount_minor or 0) - whole.refunded_minor
    return restated(message, book, place, key, REVERSAL,
                    remaining_minor=left_minor + mine.amount_minor)


def _closed(message: Message, key: Key, book: Book) -> bool:
    """Whether the terminal's day with this message was over when the void was made (J9). A void of
    the same journal says by its trace that it was made before: so the terminal's automatic cancel,
    which comes before any close of what it cancels, always works, whenever it arrives."""
    if message.accepted:
        return False
    terminal_id, pair = key
    journal, trace = int.from_bytes(pair[:4], "big"), int.from_bytes(pair[4:], "big")
    mine = key == message.own_original
    return any(batch.holds(trace) and not (mine and message.request.trace < batch.trace)
               for batch in book.batches_of((terminal_id, journal)))


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
