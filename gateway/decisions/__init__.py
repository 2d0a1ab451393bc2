"""What each message leads to. Pure: (message, book) -> Decision.

Law: a decision reads the book, changes nothing, asks no clock and no database, and returns its
effects; an exception leaves the book as it was. Journaled messages may end final (stored),
trace-0 messages are answered and forgotten. A type without a function here is `unsupported`,
which is transient: the terminal keeps the message until a gateway knows it.
"""

from collections.abc import Callable

from gateway.book import Book
from gateway.decisions.batch_close import batch_close
from gateway.decisions.heartbeat import heartbeat
from gateway.decisions.inquiry import inquiry
from gateway.decisions.login import login
from gateway.decisions.redemption import redemption
from gateway.decisions.refund import refund
from gateway.decisions.sale import sale
from gateway.decisions.void import void
from gateway.effects import Decision
from gateway.message import Message
from protocol import messages

DECISIONS: dict[int, Callable[[Message, Book], Decision]] = {
    messages.SALE: sale,
    messages.REDEMPTION: redemption,
    messages.REFUND: refund,
    messages.VOID: void,
    messages.BATCH_CLOSE: batch_close,
    messages.INQUIRY: inquiry,
    messages.HEARTBEAT: heartbeat,
    messages.LOGIN: login,
}
