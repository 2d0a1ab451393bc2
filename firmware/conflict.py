"""The gateway knows our trace with other content (62): what becomes of the tap.

Law: the message is journaled again under a fresh journal, and that one record settles the old
entry as conflict too (outbox_format.py, MOVED). So at every moment exactly one of the two waits,
whatever is cut off and however many 62s come; nothing has to be searched for a copy.
A void that moves names its original by the identity it has now; one that moves because its
original did needs no fresh journal, for nothing stands under its own trace.
"""

from firmware.outbox import OutboxFull
from firmware.outbox_find import identity
from firmware.recall import ORIGINAL, content, original
from protocol import cbor, frames
from protocol.limits import U32_MAX, UP

_DRAWS = 8


def journal_again(outbox, random, key, terminal_id, epoch, old, cancel=False, spare=0,
                  fresh=True):
    """The (journal, trace) under which the message of `old` stands from now on.

    `cancel` as in `Outbox.append`; `spare`: bytes of a frame that must find room behind it;
    `fresh`: in another journal than that of `old`.
    OutboxFull: there is no room yet, and `old` waits as before.
    """
    if fresh and old[0] == outbox.journal:
        outbox.new_journal(drawn(random, outbox.journal))
    said = content(outbox.frame(*old))
    said[1], said[2] = outbox.journal, outbox.next_trace
    voided = original(said)
    if voided:
        said[ORIGINAL] = identity(outbox, voided)
    again = frames.seal(key, UP, terminal_id, epoch, cbor.encode(said))
    outbox.append(said[2], again, True, cancel, old, spare)
    return said[1], said[2]


def next_journal(outbox, random):
    """The journal in use has no trace left: from now on another one."""
    try:
        outbox.new_journal(drawn(random, outbox.journal))
    except OutboxFull:
        pass  # in the next turn


def drawn(random, present):
    """A journal that is not the present one."""
    # a generator that gives nothing but zeros must not stop the handset
    for _ in range(_DRAWS):
        journal = int.from_bytes(random(4), "big")
        if 0 < journal <= U32_MAX and journal != present:
            return journal
    return present % U32_MAX + 1
