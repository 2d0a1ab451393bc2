"""What a terminal settled before a restore, taken from its word (DESIGN 6.8). Pure.

Law: the word counts where the gateway has lost what it answered: in a recovery, and after its end
for traces that this terminal was asked for; from whom HQ trusts; for what is taken back or taken
off, as a sale decided anew comes to the same. Anywhere else, or where it cannot be true of its
frame, the frame is judged as if it had come alone; but what a terminal that may speak holds as
approved is not refused behind HQ's back. Then:

    the terminal holds                                  the message gets
    0, and nothing but the present is against it        0, an entry, flagged; into debt if need be
    0, its original is wholly taken back meanwhile      38: there is nothing left to post
    0, it cannot be posted yet (no original, no card)   90 in the recovery, 41 after it
    0, with points that its frame cannot have moved     as alone; what that refuses after the
                                                        recovery gets 41
    41                                                  41: HQ has its word on it again
    62                                                  62: it went on under another name, and
                                                        would post under both
    another final code but 40, 60, 63                   that code; nothing is posted
    40                                                  as alone: its void makes it that

An entry so made has `adopted` in its context: the points and the receipt that the terminal holds.
What a void or a refund moves follows from what remains of its original, as ever, so it may differ
from that where lots ended meanwhile; a redemption's points must be the same.
"""

from collections.abc import Callable, Mapping

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.redemption import redemption
from gateway.decisions.refund import refund
from gateway.decisions.sale import held
from gateway.decisions.taken_back import standing
from gateway.decisions.void import original_key, void
from gateway.effects import Decision
from gateway.message import Message
from protocol import codes
from protocol.messages import REDEMPTION, REFUND, VOID

ADOPTED: Mapping[int, Callable[[Message, Book], Decision]] = {
    REDEMPTION: redemption, REFUND: refund, VOID: void}
# refusals that nothing else which comes back, nor its bytes, would make again
REFUSED = frozenset((
    *range(codes.CARD_UNKNOWN, codes.CARD_SUSPECT + 1), codes.MEMBER_SUSPENDED,
    *range(codes.INSUFFICIENT_POINTS, codes.EXCEEDS_ORIGINAL + 1), codes.NOT_VOIDABLE,
    codes.OPERATOR_UNKNOWN, codes.OPERATOR_PIN_WRONG, codes.OPERATOR_NOT_ALLOWED,
    codes.TRACE_CONFLICT))
LATER = Decision(codes.TRY_LATER, why="recovery")


def adopted(message: Message, book: Book) -> Decision | None:
    """What becomes of a message by its terminal's word; None: what becomes of it without."""
    told = message.told
    if told is None or message.request.type not in ADOPTED or not _may_tell(message, book):
        return None
    if told.code == codes.HELD:
        return _held(message, book)
    if told.code in REFUSED:
        return Decision(told.code, why="adopted")
    if told.code != codes.APPROVED:
        return None
    decision = ADOPTED[message.request.type](message, book)
    if decision.code == codes.APPROVED:
        return decision if _can_be(message, decision, book) else _alone(message, book)
    if decision.code in (codes.NOTHING_LEFT, codes.HELD):
        return decision
    return LATER if book.catalogue.recovery is not None else _held(message, book)


def _may_tell(message: Message, book: Book) -> bool:
    terminal, request = book.terminals[message.terminal_id], message.request
    if causes.distrusted(message, terminal) or (
            message.told and message.told.epoch in terminal.revoked_epochs):
        return False
    return book.catalogue.recovery is not None or book.sighting(terminal.id).was_asked(
        request.journal, request.trace)


def _held(message: Message, book: Book) -> Decision:
    programme = causes.place_of(message, book).programme
    return held("recovery")._replace(dated=dating.date_of(message, programme, book))


def _alone(message: Message, book: Book) -> Decision | None:
    """Of a message approved with other points than it can have had; None: what it gets alone."""
    if book.catalogue.recovery is not None:
        return None
    code = ADOPTED[message.request.type](message._replace(told=None), book).code
    goes = code in (codes.APPROVED, codes.HELD, codes.NOTHING_LEFT) or codes.transient(code)
    return None if goes else _held(message, book)


def _can_be(message: Message, decision: Decision, book: Book) -> bool:
    """Whether the frame can have moved the points that its terminal holds: a redemption just
    those, a void or a refund no more than its original did."""
    assert message.told is not None
    if message.request.type == REDEMPTION:
        return decision.facts.points == message.told.points
    return abs(message.told.points) <= _moved_by_original(message, book)


def _moved_by_original(message: Message, book: Book) -> int:
    key = original_key(message, book)
    named = book.originals.get(key) if key else None
    whole = book.originals.get(named.part_of) if named and named.part_of else named
    if whole is None or whole.made is None:
        return 0
    stands = standing(whole.made, whole.made.amount_minor or 0)
    return stands.given + stands.taken
