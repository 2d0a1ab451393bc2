"""A batch close (type 9): the terminal's totals over a range of traces beside the gateway's.

Law: made online, so every cause is told at once, of today. The range is of the close's own
journal, lies below its own trace (60) and touches nothing that was closed before (38). Then the
batch is closed, whether the totals agree or not: what differs is kept and told (batch.py). From
then on a cashier's void of anything in it gets 42 (void.py). What HQ
withdrew its trust from is held.
"""

from gateway.batch import Batch, compared
from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.sale import held
from gateway.effects import Decision, Facts
from gateway.message import Message
from protocol import codes


def batch_close(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    if causes.distrusted(message, place.terminal) and not message.by_hq:
        return held("distrusted")._replace(dated=dating.date_of(message, place.programme, book))
    now = dating.now(book, place.programme)
    fault = (causes.place_fault(place, now)
             or causes.operator_fault(message, place, book, now))
    if fault and not message.by_hq:
        return Decision(fault)
    request = message.request
    first, last = request.totals[0]
    if not first <= last < request.trace:
        return Decision(codes.MALFORMED)
    journal = message.terminal_id, request.journal
    before = book.batches_of(journal)
    if any(batch.first <= last and first <= batch.last for batch in before):
        return Decision(codes.NOTHING_LEFT)
    newest = max(before, key=lambda batch: batch.trace, default=None)
    record = compared(request.totals, book.taps_of(journal, first, last), (first, last),
                      newest.record.untold if newest else ())
    totals = {0: (first, last), **dict(sorted(record.ours.items()))}
    return Decision(
        codes.APPROVED, Facts(totals=totals, differing=record.differing[:record.told] or None),
        closes=Batch(*journal, request.trace, first, last, book.now, record))
