"""A board for mpremote: MicroPython's unix port at a pseudo-terminal, its files in a folder.

The interpreter's own prompt speaks the raw REPL that mpremote needs. A soft reset ends the
process, and the next one starts, without `main.py` where that was asked for from the raw prompt,
as on a chip. `with VirtualBoard(folder) as board:` gives `board.port`.
"""

import os
import pty
import select
import signal
import termios
import threading
import tty
from pathlib import Path

from tests.support.micropython import need_micropython

_UP = b"\0UP\0"
_PROMPT = b"\r\n>>> "
_INTERRUPT = b"\x03"
_START = r"""
import os, sys
sys.path[:] = ['', '.frozen'{more}]
sys.argv[:] = ['main.py', os.getcwd()]
sys.stdout.write('\0UP\0')
if not {raw}:
    try:
        _text = open('main.py').read()
    except OSError:
        _text = ''
    exec(_text)
"""


def _send(fd: int, data: bytes) -> None:
    """All of it: a terminal takes as much as it has room for."""
    while data:
        data = data[os.write(fd, data):]


class VirtualBoard:
    """`chip`: a folder whose modules stand for a chip's own (esp32, say). `held`: somebody holds
    the technician's keys while it is switched on, so that its program does not start. `silent`:
    its power went, and what is sent to it goes nowhere."""

    def __init__(self, folder: Path, chip: Path | None = None, held: bool = True) -> None:
        self._micropython = need_micropython()
        self._folder, self._chip, self._held = folder, chip, held
        folder.mkdir(exist_ok=True)
        self._outer, self._line = os.openpty()
        tty.setraw(self._line)
        self.port = os.ttyname(self._line)
        self.starts = 0
        self.silent = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "VirtualBoard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)
        os.close(self._outer)
        os.close(self._line)

    def _run(self) -> None:
        raw = False
        while not self._end.is_set():
            raw = self._live(raw)

    # one process from its start to its end; whether that was asked for from the raw prompt
    def _live(self, raw: bool) -> bool:
        pid, inner = self._start(raw)
        # what came before the prompt stood there: the interpreter throws away what waits by then
        held: bytes | None = b""
        begun = b""  # what it said until then
        tail = b""
        try:
            while not self._end.is_set():
                ready, _, _ = select.select([self._outer, inner], [], [], 0.05)
                if self._outer in ready:
                    come = os.read(self._outer, 4096)
                    if self.silent:
                        continue
                    if held is None:
                        _send(inner, come)
                    else:
                        held += come
                if held and _INTERRUPT in held and _UP in begun and not self._held:
                    before, _, held = held.partition(_INTERRUPT)
                    _send(inner, before + _INTERRUPT)
                if inner not in ready:
                    continue
                try:
                    said = os.read(inner, 4096)
                except OSError:
                    said = b""
                if not said:
                    _send(self._outer, b"MPY: soft reboot\r\n")
                    return tail.endswith(b"OK\r\n")
                if held is not None:
                    begun += said
                    if not begun.endswith(_PROMPT):
                        continue
                    # the raw prompt is asked for in its place, and the other one not shown
                    said = b"" if raw else begun.replace(_UP, b"")
                    _send(inner, b"\x01" + held if raw else held)
                    held = None
                tail = (tail + said)[-16:]
                _send(self._outer, said)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(inner)
        return False

    def _start(self, raw: bool) -> tuple[int, int]:
        self.starts += 1
        more = f", {str(self._chip)!r}" if self._chip else ""
        start = self._folder.parent / f"{self._folder.name}.start.py"
        start.write_text(_START.format(raw=raw or self._held, more=more))
        pid, inner = pty.fork()
        if pid == 0:
            # Ctrl-C is an interrupt while code runs; nothing else is touched on its way
            modes = termios.tcgetattr(0)
            modes[0], modes[3] = 0, termios.ISIG
            modes[1] &= ~termios.OPOST
            for each in (termios.VQUIT, termios.VSUSP):
                modes[6][each] = b"\0"
            termios.tcsetattr(0, termios.TCSANOW, modes)
            os.chdir(self._folder)
            os.execve(self._micropython, [self._micropython, "-i", str(start)],
                      {**os.environ, "MICROPYPATH": ".frozen"})
        return pid, inner
