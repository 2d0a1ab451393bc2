"""A heartbeat (type 10): the time, the highest trace seen, the configuration to have.

Law: a suspended terminal still gets the time and learns its state with the next message; one
that is lost or retired learns nothing (53).
"""

from gateway.book import LOST, RETIRED, Book, Decision, Facts, Message
from protocol import codes


def heartbeat(message: Message, book: Book) -> Decision:
    terminal = book.terminals[message.terminal_id]
    if terminal.state in (LOST, RETIRED):
        return Decision(codes.TERMINAL_SUSPENDED)
    journal = book.journals.get((message.terminal_id, message.request.journal))
    return Decision(codes.APPROVED, Facts(
        config_revision=book.catalogue.version,
        highest_trace=journal.highest_trace if journal else 0))
