"""A heartbeat (type 10): the time, the highest trace seen, the configuration to have, what to
send again, the next key.

Law: a suspended terminal still gets the time and learns its state with the next message; one that
is lost or retired learns nothing (53). Key 19 asks for every trace the terminal still keeps and
nobody decided (gaps.py). A heartbeat under an older epoch than HQ recorded gets the newest key
(23). One under the newest epoch says which older ones it still needs (report key 9); the others
are retired for good, but only when nothing is asked for again and in no recovery: a tap that comes
back after a restore, of any of its journals, may be sealed under one of them. Every answer is
remembered by its second: only such a second can be one in which the terminal's clock was set
(sightings.py).
"""

from gateway import sightings
from gateway.book import Book
from gateway.clock import MS
from gateway.effects import Decision, Facts
from gateway.message import Message
from gateway.parties import LOST, RETIRED
from gateway.sightings import Sighting
from gateway.spans import clipped, kept_by
from protocol import codes

UNSETTLED, OLD_EPOCHS = 3, 9  # keys of the report


def heartbeat(message: Message, book: Book) -> Decision:
    terminal = book.terminals[message.terminal_id]
    if terminal.state in (LOST, RETIRED):
        return Decision(codes.TERMINAL_SUSPENDED)
    journal = book.journals.get((message.terminal_id, message.request.journal))
    asked = _asked(message, book)
    return Decision(codes.APPROVED, Facts(
        config_revision=book.catalogue.version,
        highest_trace=journal.highest_trace if journal else 0,
        send_again=asked or None,
        next_epoch=terminal.epoch if terminal.epoch > message.epoch else None),
        done_with=() if asked else _done_with(message, book),
        sighting=_remembered(message, book, asked))


def _remembered(message: Message, book: Book, asked: tuple[tuple[int, int, int], ...]) -> Sighting:
    """What is known of the terminal once it has this answer."""
    known = sightings.answered(book.sighting(message.terminal_id), message.request, book.now // MS)
    catalogue = book.catalogue
    # and once it has ended, for a terminal that was not heard before: the first time, whether or
    # not it is asked for anything, or whoever misses nothing could wait for what to say
    if (asked and catalogue.recovery is not None) or known.recovery < catalogue.restored:
        known = sightings.asked_again(known, catalogue.restored, asked)
    return known


def _asked(message: Message, book: Book) -> tuple[tuple[int, int, int], ...]:
    kept = kept_by(message)
    if kept is None:
        return ()
    missing = book.missing.get((kept.terminal_id, kept.journal), ())
    return tuple((kept.journal, *span) for span in clipped(missing, kept))


def _done_with(message: Message, book: Book) -> tuple[int, ...]:
    """The older epochs that no unsettled frame needs any more, as this heartbeat says."""
    terminal, report = book.terminals[message.terminal_id], message.request.report
    if terminal.epoch != message.epoch or book.catalogue.recovery is not None:
        return ()
    needed = report.get(OLD_EPOCHS)
    if needed is None:
        # a terminal that does not tell of epochs says the same by having nothing unsettled
        if report.get(UNSETTLED) != 0:
            return ()
        needed = ()
    return tuple(epoch for epoch in range(1, terminal.epoch)
                 if epoch not in needed and epoch not in terminal.revoked_epochs)
