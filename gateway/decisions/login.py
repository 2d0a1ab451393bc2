"""An operator logs in (type 12): the number and the PIN, told apart from nothing else. Pure.

Law: an operator of the terminal's merchant only. Unknown is 50; suspended, without a PIN or locked
is 52, whatever the PIN; a wrong PIN is 51, a right one 0 with the operator's name as the line. A
block that holds no PIN is the terminal's fault (60) and no try. A frame that was answered before
is answered so again and changes nothing (tries.py). The PIN itself was tried before the locks were
taken (logins.py); what could not be tried in time is 90, and counts as no try.
"""

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.effects import Decision, Facts
from gateway.message import Message
from gateway.parties import RETIRED
from protocol import codes


def login(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    now = dating.now(book, place.programme)
    if place.terminal.state == RETIRED:
        return Decision(codes.TERMINAL_SUSPENDED)
    fault = (causes.place_fault(place, now)
             or causes.operator_fault(message, place, book, now))
    if fault:
        return Decision(fault)
    operator = book.catalogue.operators[place.merchant.id, message.request.operator]
    before, proof = book.sound_tries(operator.id), message.proof
    if before is None or before.locked(book.now):
        return Decision(codes.OPERATOR_NOT_ALLOWED)
    code, tried = before.answered(message.digest), None
    if code is None:
        if proof is None or proof.version != before.version:
            return Decision(codes.TRY_LATER)
        if proof.right is None:
            return Decision(codes.MALFORMED)
        tried = before.tried(message.digest, proof.right, book.now)
        code = codes.APPROVED if proof.right else codes.OPERATOR_PIN_WRONG
    line = operator.name if code == codes.APPROVED else None
    return Decision(code, Facts(line=line), tried=tried)
