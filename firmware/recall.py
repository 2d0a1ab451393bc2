"""What the outbox says about a tap, in words for people."""

from firmware import states
from firmware.outbox_kept import money_of
from firmware.session import type_of
from protocol import cbor, codes, frames
from protocol.fields import BATCH_CLOSE, SALE, VOID
from protocol.limits import FRAME_UP_SIZE_MAX

ORIGINAL = 10


def content(frame):
    """The message in one of our own frames: {key: value}."""
    return cbor.decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)


def amount_of(said):
    """The money that a message names, 0 for none."""
    if 8 in said:
        return sum([line[1] for line in said[8]])
    return said.get(7, 0)


def original(said):
    """The own (journal, trace) that a void with this content is for; None for other originals."""
    named = said.get(ORIGINAL)
    return tuple(named) if type(named) in (list, tuple) and len(named) == 2 else None


def first_state(outbox, cancels, alert):
    """The screen after a boot or a fault. `cancels`: the rows of what waits for its void; the
    newest counts where nothing was taken behind it."""
    record = outbox.last()
    if cancels and (record.journal, record.trace) in (cancels[-1][0], cancels[-1][2]):
        key, void = cancels[-1][0], cancels[-1][2]
        if outbox.waits(*key):
            said = content(outbox.frame(*key))
            amount_minor = said.get(7, 0)
            if not void:  # nobody knows yet whether it did what it was for
                return states.waiting(said[0], key, amount_minor, alert)
            # an answered void of what still waits was not refused: such a one waits too
            code = None if outbox.waits(*void) else codes.APPROVED
            return states.cancelling(key, void, amount_minor, code, True, alert)
    if record and record.settled is None and type_of(record.frame) == VOID:
        void, key = (record.journal, record.trace), original(content(record.frame))
        if not key:  # it names a receipt
            return states.waiting(VOID, void, 0, alert)
        # how much is handed back only its answer tells
        purpose = SALE if _type_at(outbox, key) == SALE else VOID
        return states.cancelling(key, void, 0, None, outbox.waits(*key), alert, purpose)
    key = (record.journal, record.trace) if record and record.settled is None else None
    return states.start(last_tap(outbox, record), alert, key)


# None: its block was given up
def _type_at(outbox, key):
    try:
        return type_of(outbox.frame(*key))
    except KeyError:
        return None


def unpaid(outbox, key):
    """Whether a void of the tap `key` hands back nothing: cashiers cancel sales by tap, and all
    else only by receipt. What had no answer is voided by itself, and nobody has paid it."""
    return _type_at(outbox, key) not in (SALE, None)


def last_tap(outbox, record):
    """What was saved last, for the first screen after a boot: ("last", trace, amount, card id,
    settled, given), ("last_void", trace of the original, code, receipt, given), ("last_day",
    trace, settled) of the end of a day, or None. `given`: (type, money) that the gateway took off
    or wants handed back, or None."""
    if record is None:
        return None
    said, settled = content(record.frame), record.settled
    kind, given = said[0], None
    key = original(said) if kind == VOID else None
    if (settled and states.did(kind, settled[0], settled[2])
            and not (key and unpaid(outbox, key))):
        money_minor = money_of(outbox, record.journal, record.trace)
        given = None if money_minor is None else (kind, money_minor)
    if key and settled:
        return "last_void", key[1], settled[0], settled[2], given
    if kind == BATCH_CLOSE:
        return "last_day", record.trace, settled
    card = said.get(6)
    return "last", record.trace, amount_of(said), card[1] if card else None, settled, given
