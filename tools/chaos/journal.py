"""What happened in a round, in order and with its time: for whoever must find out why.

Each line of the file is an object with `ms` since the round began, `who` and `what`. After the
last kill the lines are kept in memory too, so that a slow drain can be told hop by hop.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEPT_MAX = 200_000
TOLD_MAX = 40


class Journal:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._began = time.monotonic()
        self._last: float | None = None
        self._after: list[tuple[int, str, str]] = []
        self._owing: dict[str, int] = {}

    def note(self, who: str, what: object) -> None:
        ms = int((time.monotonic() - self._began) * 1000)
        if isinstance(what, tuple):
            what = repr(what)
        self._file.write(json.dumps({"ms": ms, "who": who, "what": what}, ensure_ascii=False,
                                    default=str) + "\n")
        if self._last is not None and len(self._after) < KEPT_MAX:
            self._after.append((self._since(), who, _line(what)))

    def last_kill(self) -> None:
        self._last = time.monotonic()
        self.note("chaos", "the last kill")

    def owes(self, who: str, unsettled: int | None) -> None:
        """Remember how long it owed something after the last kill."""
        if unsettled != 0:
            self._owing[who] = self._since()

    def _since(self) -> int:
        return int((time.monotonic() - (self._last or self._began)) * 1000)

    def slowest(self) -> tuple[str, ...]:
        """The last lines of the one that owed something longest, and of all that it needs."""
        if not self._owing:
            return ()
        who = max(self._owing, key=lambda name: self._owing[name])
        told: list[str] = []
        answers = 0
        for ms, name, text in self._after:
            if name == who or not name.startswith("handset"):
                # of many answers in a row the first tells all
                answers = answers + 1 if text.startswith("settled") else 0
                if answers <= 1:
                    told.append(f"{ms / 1000:7.2f} s  {name}: {text}")
        return tuple(told[:TOLD_MAX])

    def close(self) -> None:
        self._file.close()


def _line(what: object) -> str:
    if isinstance(what, Mapping):
        said: Mapping[str, Any] = what
        rest = {name: value for name, value in said.items()
                if name not in ("event", "timestamp", "process", "logger", "level")}
        return f"{said.get('event')} {rest}"
    return str(what)
