"""A handset process under a test: its folder, its control channel, its life and death.

`Handset(folder, command)` starts it; `do` sends a command and gives its answer, `event` waits for
the next event of a name. A handset that does not answer within a wide deadline fails the test
with everything it said.
"""

import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from firmware import settings
from tools import font, handset_program
from tools.handset_flash import OUTBOX, write_outbox
from tools.handsets import asks_again

WAIT_S = 60.0
BLOCKS = 16


def provision(folder: Path, made: settings.Settings, journal: int = 7) -> Path:
    """The files of a handset that was never switched on."""
    folder.mkdir(parents=True, exist_ok=True)
    settings.write(str(folder / "settings"), made)
    write_outbox(folder / OUTBOX, made.outbox_blocks, journal)
    if made.language == "zh":
        pseudo_font(folder / "font")
    return folder


def pseudo_font(path: Path) -> None:
    """A font file whose glyphs are noise, another for each letter: ASCII and GB 2312 level 1."""
    font.write(_noise(), path)


@cache
def _noise() -> font.Built:
    letters = font.ascii_letters() + font.gb2312((font.LEVEL_1,))
    noise = {letter: sha256(letter.encode()).hexdigest() for letter in letters}
    return font.build({letter: rows[:32] if ord(letter) < 0x80 else rows
                       for letter, rows in noise.items()}, letters)


class Handset:
    """`with Handset(folder, command) as handset:`; the process is killed at the end."""

    def __init__(self, folder: Path, command: Sequence[str]):
        self.said: list[dict[str, Any]] = []
        self.noise: list[str] = []
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._seen: list[dict[str, Any]] = []
        self._number = 0
        self.process = subprocess.Popen(
            [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=handset_program.environment(),
            cwd=handset_program.ROOT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                self.noise.append(line.decode(errors="replace"))
        self._lines.put({"event": "eof"})

    def _next(self, wanted: str) -> dict[str, Any]:
        try:
            said = self._lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no {wanted}; {self.story()}") from None
        self.said.append(said)
        assert said.get("event") != "eof" or wanted == "end", f"it ended; {self.story()}"
        return said

    def story(self) -> str:
        return f"it said {self.said[-12:]} and {''.join(self.noise)[-3000:]!r}"

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are kept for `event`."""
        self._number += 1
        self.send(json.dumps({"id": self._number, "do": what, **arguments}))
        while True:
            said = self._next(f"answer to {what}")
            if said.get("id") == self._number:
                return said
            self._seen.append(said)

    def event(self, name: str, **values: Any) -> dict[str, Any]:
        """The next event of this name with these values; others before it are passed over."""
        while True:
            said = self._seen.pop(0) if self._seen else self._next(f"event {name} {values}")
            if said.get("event") == name and all(said.get(key) == value
                                                 for key, value in values.items()):
                return said

    def sale(self, keys: str, card: int) -> dict[str, Any]:
        """Key an amount, confirm, tap; the `saved` event."""
        self.do("keys", keys=keys + "#")
        self.do("card", entry=2, card=str(card))
        while True:
            said = self._seen.pop(0) if self._seen else self._next("event saved")
            if said.get("event") == "saved":
                return said
            if said.get("event") == "screen" and asks_again(said["lines"]):
                self.do("keys", keys="#")

    def end(self) -> int:
        """Wait until it has ended; its exit code."""
        while self._next("end").get("event") != "eof":
            pass
        return self.process.wait(WAIT_S)

    def __enter__(self) -> "Handset":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(WAIT_S)  # it reads to the end; closed under it, the pipe would fail it
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass
