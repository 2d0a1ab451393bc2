"""Settled frames that the gateway asks for again (reply key 19), after it was put back to a backup.

Law: they go out behind everything that has not been answered yet, one at a time, as the same
bytes; their answers are only told, for they settle nothing. An entry that was settled as a
conflict has no life under its old identity and is never sent. RAM holds the asked ranges and one
place in the ring, so each block is read once, whatever was asked. A reboot forgets all of it: the
next heartbeat asks again for what is still missing.
"""

from array import array

from firmware.outbox_kept import kept_behind
from protocol.codes import TRACE_CONFLICT


class Again:
    """`walking`: there may be more to send. `ended`: a new list was worked off, ask for more."""

    def __init__(self, outbox):
        self._outbox = outbox
        self._ranges = array("I")
        self._place = None
        self._fresh = False
        self.answered = 0
        self.walking = False
        self.ended = False

    def ask(self, ranges):
        """Begin with these [journal, first, last], in place of what was asked before."""
        numbers = array("I")
        for each in ranges:
            numbers.extend(array("I", each))
        self._fresh = numbers != self._ranges
        self._ranges = numbers
        self._place = None
        self.answered = 0
        self.walking = True

    def next(self):
        """The (journal, trace) to send next, or None: look again while `walking`.

        One block of the ring at most is read in a call.
        """
        self._place, key, code = kept_behind(self._outbox, self._place, self._wanted)
        if self._place is None:
            self.walking = False
            # the same list again: nothing more came of it, and the hourly heartbeat will do
            self.ended = self._fresh and self.answered > 0
        return None if code == TRACE_CONFLICT else key

    def _wanted(self, journal, trace):
        ranges = self._ranges
        for at in range(0, len(ranges), 3):
            if ranges[at] == journal and ranges[at + 1] <= trace <= ranges[at + 2]:
                return True
        return False
