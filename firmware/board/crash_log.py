"""What went wrong, for a technician: two small files beside the settings, the older given up.

Law: at most 4 KB of flash and LINES_MAX lines a boot, for a task that keeps dying must not wear
the flash out. A line has names and numbers of the program only: an error's message is left out,
for it may quote a card, a PIN or a key. A storage that fails is passed over; no tap depends on it.
"""

import io
import os
import sys

from micropython import const

FILE_SIZE_MAX = const(2048)
LINES_MAX = const(20)
_PLACES_MAX = const(6)


def trace(error):
    """Class and the innermost places (file:line function) of an error, without its message."""
    places = _places(error)
    return " ".join([type(error).__name__] + places[-_PLACES_MAX:])


def _places(error):
    if not hasattr(sys, "print_exception"):  # CPython
        found, at = [], error.__traceback__
        while at is not None:
            code = at.tb_frame.f_code
            found.append("%s:%d %s" % (code.co_filename.split("/")[-1], at.tb_lineno,
                                       code.co_name))
            at = at.tb_next
        return found
    text = io.StringIO()
    sys.print_exception(error, text)  # pyright: ignore[reportArgumentType]
    found = []
    said = text.getvalue()  # pyright: ignore[reportAttributeAccessIssue] - not in the stubs
    for line in said.split("\n"):
        parts = line.split('"')
        if line.startswith("  File ") and len(parts) == 3:
            where = parts[2].replace(", line ", ":").replace(", in ", " ")
            found.append(parts[1].split("/")[-1] + where)
    return found


class CrashLog:
    """`path`: of the newer file; the older has ".old" behind it. `head`: what each line says."""

    def __init__(self, path, head):
        self._path = path
        self._head = head
        self._left = LINES_MAX

    def keep(self, uptime_s, heap_free, task, what):
        """Append a line; silently none when there were enough, or the storage fails."""
        if not self._left:
            return
        self._left -= 1
        line = "%s up=%d heap=%s %s: %s\n" % (self._head, uptime_s, heap_free, task, what)
        try:
            if self._size() + len(line) > FILE_SIZE_MAX:
                os.rename(self._path, self._path + ".old")
            with open(self._path, "a") as file:
                file.write(line[:FILE_SIZE_MAX])
        except OSError:
            pass

    def count(self):
        """How many lines there are."""
        lines = 0
        for path in (self._path, self._path + ".old"):
            try:
                with open(path) as file:
                    while file.readline():
                        lines += 1
            except OSError:
                pass
        return lines

    def _size(self):
        try:
            return os.stat(self._path)[6]
        except OSError:
            return 0
