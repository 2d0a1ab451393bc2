"""What is voided because nobody answered it, and what the answer to a void means. Pure.

Law (DESIGN 5.5):
- A redemption, refund, reward, top-up, payment or activation is made while the member waits.
  Unanswered 30 s after it was saved, or found unsettled by a mount, it is voided: a void of its
  own (journal, trace) is journaled behind it, once.
- From then on its answer settles it only when its void stands in the outbox. So whoever was told
  "cancelling" is never left with a posting, not even when the outbox is full just then.
- A void goes out when its original was answered: what the gateway has under that name may be
  another tap of an older life of this flash, and only a final answer tells. To a message that
  needs its answer the gateway may say "later" for ever: there any answer lets the void go.
- An original that moves after a conflict (62) takes a void that waits along: it names the new
  identity, and never goes out under the old one. If the void was answered, the new one gets
  a void of its own.
- The gateway knows no original under a void's name (37) when the void came first from another
  journal. It is asked again when the original is answered, and where that posted, voided again.

What waits is a list of rows, [key, due_ms, key of its void or None, not before ms]. It is empty
nearly always, and functions on it are loaded only while it is not (tools/handset_units.py).
"""

from micropython import const

from protocol import codes
from protocol.fields import ACTIVATE, PAYMENT, REDEMPTION, REFUND, REWARD, SALE, TOP_UP
from protocol.limits import VOID_AFTER_S

# so many may be unanswered at once; what a cashier begins beyond that is not taken
WAITING_MAX = const(8)
_RETRY_MS = const(10000)

# what becomes of a void that was answered
SETTLE = const(1)
QUIETLY = const(2)  # settle it; its refusal says nothing about what the cashier wanted
LATER = const(3)    # keep it, and ask the gateway again
AGAIN = const(4)    # journal another void of the same original, then settle this one quietly


def online_only(kind):
    """Whether a message of this type is made while the member waits for its answer."""
    # a sale is asked first: that is what nearly all are, and a tap is timed
    return kind != SALE and kind in (REDEMPTION, REFUND, REWARD, TOP_UP, PAYMENT, ACTIVATE)


def void_answered(code, waits, original_code):
    """What becomes of a void with this final answer. `waits`: its original is unsettled;
    `original_code`: else what that was settled with, None where nobody knows any more."""
    if code in (codes.APPROVED, codes.NOTHING_LEFT):
        return SETTLE
    if original_code == codes.TRACE_CONFLICT:
        return QUIETLY
    if code == codes.ORIGINAL_NOT_FOUND:
        if waits:
            return LATER
        if original_code in (codes.APPROVED, codes.TOO_OLD, codes.HELD):
            return AGAIN
    return SETTLE


# -- what is unanswered and must not stay so ----------------------------------------------------


def saved(rows, key, now):
    """A message that needs its answer stands in the outbox from now on."""
    rows.append([key, now + VOID_AFTER_S * 1000, None, 0])


def found(rows, key, void):
    """A mount found it unsettled, and the void of it that stands there, or None."""
    rows.append([key, 0, void, 0])


def voided(rows, key, void):
    row = of(rows, key)
    if row:
        row[2] = void


def moved(rows, old, new, cancelled):
    """It stands under another name. `cancelled`: it is to be voided under that one too."""
    for row in rows:
        if row[2] == old:
            row[2] = new
    row = of(rows, old)
    if row:
        row[0], row[2] = new, None
        if cancelled:
            row[1] = 0


def settled(rows, key):
    row = of(rows, key)
    if row:
        rows.remove(row)


def of(rows, key):
    """The row of a key, or None."""
    for row in rows:
        if row[0] == key:
            return row
    return None


def voided_by(rows, void):
    """The unsettled key whose void this is, or None."""
    for row in rows:
        if row[2] == void:
            return row[0]
    return None


def owes(rows, key, now):
    """Whether this one must be voided before anything else becomes of it."""
    row = of(rows, key)
    return row is not None and row[2] is None and row[1] <= now


def owed(rows, now):
    """The next key that must be voided now, or None."""
    for row in rows:
        if row[2] is None and row[1] <= now and row[3] <= now:
            return row[0]
    return None


def no_room(rows, key, now):
    """There was no room for its void: again in 10 s."""
    row = of(rows, key)
    if row:
        row[3] = now + _RETRY_MS


def due(rows, now):
    """Milliseconds until one may be owed, or None."""
    times = [max(row[1], row[3]) for row in rows if row[2] is None]
    return max(min(times) - now, 0) if times else None
