"""Settled frames that the gateway asks for again (reply key 19), for want of a newer backup.

Law: they go out behind everything that has not been answered yet, one at a time, as the same
bytes; their answers are only told, for they settle nothing. An entry that was settled as a
conflict has no life under its old identity and is never sent, and what waited when it was asked
for goes anyway: only what had its answer by then is sent again. RAM holds the asked ranges and one
place in the ring, so each block is read once, whatever was asked. A reboot forgets all of it: the
next heartbeat asks again for what is still missing.
"""

from array import array

from firmware.outbox_kept import end_of_ring, kept_behind
from protocol.codes import TRACE_CONFLICT


class Again:
    """`walking`: there may be more to send. `ended`: a new list was worked off, ask for more.
    `answered`: how many of it the gateway has answered for good."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.ranges = array("I")
        self.place = self.limit = None
        self.fresh = self.walking = self.ended = False
        self.answered = 0


def ask(again, ranges):
    """Begin with these [journal, first, last], in place of what was asked before."""
    numbers = array("I")
    for each in ranges:
        numbers.extend(array("I", each))
    again.fresh = numbers != again.ranges
    again.ranges = numbers
    again.place = None
    again.limit = end_of_ring(again.outbox)
    again.answered = 0
    again.walking = True


def following(again):
    """The (journal, trace) to send next, or None: look again while `walking`.

    One block of the ring at most is read in a call.
    """
    again.walking = False  # where the outbox fails the next heartbeat asks anew
    again.place, key, code = kept_behind(again.outbox, again.place, again.ranges, again.limit)
    again.walking = again.place is not None
    if not again.walking:
        # the same list again: nothing more came of it, and the hourly heartbeat will do
        again.ended = again.fresh and again.answered > 0
    return None if code == TRACE_CONFLICT else key
