"""The unix board's printer: a slip is an event of the control channel, so that a page can show it.

`state` is the driver's (board/printer.py): while it is not "idle" up to four slips wait.
"""

import json

from firmware.slip import layout

WAITING_MAX = 4


class UnixPaper:
    """`control` writes the lines; its settings say the digits of an amount. `waiting`, `dropped`
    and `last` are the driver's too."""

    def __init__(self, control):
        self.control = control
        self.state = "idle"
        self.jobs = []
        self.waiting = self.dropped = 0
        self.last = None

    def print_slip(self, slip, copy):
        self.last = slip
        if not any([job[0] is slip for job in self.jobs]):
            if self.waiting >= WAITING_MAX:
                self.jobs.pop(0)
                self.dropped += 1
            self.jobs.append((slip, copy))
        self.paper_is(self.state)

    def paper_is(self, state):
        """It is in this state from now on; what waits is printed where it can be."""
        self.state = state
        digits = self.control.settings.currency_digits
        while self.jobs and state == "idle":
            slip, copy = self.jobs.pop(0)
            lines = layout(slip, digits, copy)
            self.control.write(json.dumps({"event": "slip", "copy": copy, "lines": lines}) + "\n")
        self.waiting = len(self.jobs)

    def drop(self):
        self.jobs = []
        self.waiting = 0
