"""Rare questions to the outbox, each answered by one walk round the ring.

Law: nothing is written here, and nobody else writes meanwhile. Part of the outbox, and so it may
know its insides; apart, so that a handset loads it only when one of them is asked.
"""

from firmware.outbox_format import MOVED, TAP, read_origin
from firmware.recall import content, original
from firmware.session import type_of
from protocol.fields import VOID


def void_of(outbox, key, but=None, waiting=False):
    """(journal, trace) of a void of the message `key` that is kept, or None. `but`: not this
    one; `waiting`: only one that is unsettled. Such a one may name `key` as it was called before.
    """
    ring = outbox._ring
    for _ in ring.walk(ring.tail, 1):
        record = ring.record
        if record.kind == TAP:
            void = record.journal, record.trace
            if void != but and (not waiting or outbox.waits(*void)):
                frame = outbox._search.frame()
                named = original(content(frame)) if type_of(frame) == VOID else None
                if named == key or (named and outbox.waits(*void)
                                    and identity(outbox, named) == key):
                    return void
    return None


def identity(outbox, key):
    """The (journal, trace) under which this message stands now; its own unless it has moved."""
    ring = outbox._ring
    for _ in ring.walk(ring.tail, 1):  # a later move stands behind an earlier one
        if _origin(ring) == key:
            key = ring.record.journal, ring.record.trace
    return key


def tell_moves(outbox, tell):
    """`tell("conflict", old, new)` for each unsettled tap that stands in for another."""
    ring = outbox._ring
    for _ in ring.walk(ring.tail, 1):
        old, new = _origin(ring), (ring.record.journal, ring.record.trace)
        if old and outbox.waits(*new):
            tell("conflict", old, new)


def _origin(ring):
    record = ring.record
    return read_origin(ring.buffer, ring.at, record.size) if record.flags & MOVED else None
