"""A flash with a past: the ring of a handset that has been in use for a while.

It is written by the firmware's own outbox, tap by tap, and made once for each kind in a process.
"""

from functools import lru_cache
from random import Random

from firmware.outbox import Outbox, format_outbox
from protocol import codes, frames, messages
from protocol.limits import UP
from simulator.flash import NorFlash

ENTRY_TAP = 2
CARD_BEFORE = 6200001234567892  # the reserved test number


@lru_cache(maxsize=64)
def used(blocks: int, lived: int, terminal_id: int, epoch: int, key: bytes) -> NorFlash:
    """A flash whose outbox took and settled so many taps; whoever wants it copies it.

    They were settled as conflicts: posted under another identity, so that no gateway that lacks
    them is ever sent them again.
    """
    device = NorFlash(blocks, Random(0))
    format_outbox(device, 1)
    outbox = Outbox(device)
    outbox.mount()
    for trace in range(1, lived + 1):
        said = messages.request(messages.SALE, 1, trace, card=(ENTRY_TAP, CARD_BEFORE),
                                amount_minor=trace)
        outbox.append(trace, frames.seal(key, UP, terminal_id, epoch,
                                         messages.encode_request(said)))
        outbox.settle(1, trace, codes.TRACE_CONFLICT)
    return device
