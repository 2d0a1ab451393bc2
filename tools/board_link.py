"""A board on a serial port, by mpremote: its files, and its outbox by the handset's own code.

Law: nothing is assumed of what runs there. The program on the board is stopped (Ctrl-C, soft
reset), and what looks at the outbox or formats it are the modules of firmware/ themselves, lent
to the board for that moment by mpremote's mount: no file of theirs is left behind, and a board
without a program can be asked too. A frame never leaves the board, only whose it is.
"""

import ast
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from tools import handset_program
from tools.errors import NotReady
from tools.handset_flash import OUTBOX

CHUNK_SIZE = 1024
# so long it may say nothing where one byte is due: a board whose power went leaves the line open
SILENCE_S = 10
# of a walk round a full ring or an erase of all its blocks, without a word in between
OUTBOX_WAIT_S = 180
LENT = ("firmware/__init__.py", "firmware/errors.py", "firmware/board/__init__.py",
        "firmware/board/flash_file.py", "firmware/outbox*.py", "firmware/states.py",
        "protocol/*.py")

MISSING = "missing"  # no partition for an outbox
BLANK = "blank"

DIGESTS = """
import os, hashlib
def _digest(name):
    found = hashlib.sha256()
    part = bytearray(1024)
    with open(name, "rb") as file:
        while True:
            size = file.readinto(part)
            if not size:
                return found.digest()
            found.update(memoryview(part)[:size])
_found = {}
for _row in os.ilistdir():
    if _row[1] == 0x8000 and _row[0] in _WANTED or _row[0].endswith((".mpy", ".new")):
        _found[_row[0]] = _digest(_row[0])
print(_found)
"""

# journals are sealed in order, so the first unsettled frame of each has its oldest epoch; the
# terminal and the epoch are the five bytes of its key id (WIRE)
ASK_OUTBOX = """
import os
from firmware.outbox import Outbox, OutboxUnreadable, format_outbox
def _device():
    try:
        import esp32
    except ImportError:
        from firmware.board.flash_file import FlashFile
        return FlashFile(_PATH, _BLOCKS)
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="outbox")
    return found[0] if found else None
def _look():
    device = _device()
    if device is None:
        return "missing", 0, []
    outbox = Outbox(device)
    try:
        outbox.mount()
    except OutboxUnreadable as error:
        return error.reason, 0, []
    whose, key = [], outbox.following(None)
    while key:
        whose.append(bytes(outbox.frame(key[0], key[1])[9:14]))
        key = outbox.following((key[0], 0xFFFFFFFF))
    return "", outbox.unsettled, whose
"""


class OutboxSeen(NamedTuple):
    """`fault`: "" where it can be read, else its reason. `sealed`: terminal and oldest epoch of
    the `unsent` taps, of each journal."""

    fault: str
    unsent: int
    sealed: tuple[tuple[int, int], ...]


class Board:
    """A board that waits at its raw prompt."""

    def __init__(self, transport: Any, home: str) -> None:
        self._transport = transport
        self._home = home

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        """SHA-256 in hex of those of these files that are there, and of what programs leave."""
        said = self._transport.exec(f"_WANTED = {tuple(names)!r}\n{DIGESTS}")
        return {name: found.hex() for name, found in ast.literal_eval(said.decode()).items()}

    def read(self, name: str) -> bytes | None:
        """A file's content, None where it is not there."""
        try:
            return bytes(self._transport.fs_readfile(name))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes, sent: Callable[[int], None]) -> None:
        """Write a file; `sent(bytes so far)` on the way."""
        self._transport.fs_writefile(name, data, CHUNK_SIZE, lambda size, _: sent(size))

    def rename(self, name: str, to: str) -> None:
        self._transport.exec(f"import os\nos.rename({name!r}, {to!r})")

    def remove(self, name: str) -> None:
        self._transport.fs_rmfile(name)

    def outbox(self, blocks: int) -> OutboxSeen:
        """How its outbox is. It is mounted as at each boot, and nothing of it is lost by that."""
        fault, unsent, whose = ast.literal_eval(self._ask(blocks, "print(_look())"))
        return OutboxSeen(fault, unsent, tuple(
            (int.from_bytes(each[:4], "big"), each[4]) for each in whose))

    def format_outbox(self, blocks: int, journal: int) -> None:
        """Erase the outbox and begin this journal. Asks nobody."""
        self._ask(blocks, f"format_outbox(_device(), {journal})\nprint('()')")

    def _ask(self, blocks: int, what: str) -> str:
        transport = self._transport
        with tempfile.TemporaryDirectory() as folder:
            _lend(Path(folder))
            transport.mount_local(folder)
            try:
                said, error = transport.exec_raw(
                    f"_PATH, _BLOCKS = {self._home + '/' + OUTBOX!r}, {blocks}\n{ASK_OUTBOX}"
                    f"{what}\n", timeout=OUTBOX_WAIT_S)
            finally:
                transport.exec(f"import os\nos.chdir({self._home or '/'!r})")
                transport.umount_local()
        if error:
            raise NotReady(f"the board could not look at its outbox: {_last_line(error)}. It was "
                           "not formatted, and no file was changed by that.")
        return said.decode()


def _lend(folder: Path) -> None:
    compiler = handset_program.compiler()
    for pattern in LENT:
        for source in sorted(handset_program.ROOT.glob(pattern)):
            target = (folder / source.relative_to(handset_program.ROOT)).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([compiler, "-o", str(target), "-s", source.name, str(source)],
                           check=True, capture_output=True)


@contextmanager
def open_board(port: str) -> Iterator[Board]:
    """The board at this port; NotReady in one line for whatever the serial line does."""
    try:
        import serial
        from mpremote.transport import TransportError, TransportExecError
        from mpremote.transport_serial import SerialTransport
    except ImportError:
        raise NotReady("mpremote is not installed here. Nothing was copied; `make .venv/.dev` "
                       "installs it.") from None
    try:
        # mpremote tells its own troubles by print
        with redirect_stdout(sys.stderr):
            transport = SerialTransport(port, timeout=SILENCE_S)
            try:
                transport.enter_raw_repl()
                home = str(transport.eval("__import__('os').getcwd()"))
                yield Board(transport, home.rstrip("/"))
                transport.exit_raw_repl()
            finally:
                transport.close()
    except TransportExecError as error:
        raise _broken(port, _last_line(error.error_output.encode())) from None
    except (TransportError, serial.SerialException, OSError) as error:
        raise _broken(port, str(error)) from None
    except (ValueError, SyntaxError, IndexError, struct.error):
        # mpremote takes what is missing for a byte; and a cable may garble an answer
        raise _broken(port, "it fell silent, or what it says makes no sense") from None


def _broken(port: str, why: str) -> NotReady:
    return NotReady(
        f"{port}: {why}. No unsent tap was erased. Hold * and # while switching the handset on, "
        "see that nothing else has the port open, and say it again: what landed is not sent "
        "twice.")


def _last_line(error: bytes) -> str:
    lines = error.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
