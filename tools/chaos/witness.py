"""What the handsets said, as they said it: what their merchants were told.

Law: it only listens. A message said to be saved is owed from then on, whatever the flash says
later; an answer said once is never said otherwise.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Key = tuple[int, int, int]  # terminal, journal, trace


class Answer(NamedTuple):
    code: int
    points: int
    receipt: int | None


class Saved(NamedTuple):
    """`original`: (journal, trace) of what a void takes back."""

    type: int
    original: tuple[int, int] | None


class Witness:
    """`saved`: key -> what it was. `answers`: key -> what was told. `findings`: what no
    handset may ever say. `counts`: events by name."""

    def __init__(self) -> None:
        self.saved: dict[Key, Saved] = {}
        self.answers: dict[Key, Answer] = {}
        self.moved: dict[Key, Key] = {}
        self.findings: list[str] = []
        self.counts: Counter[str] = Counter()

    def hear(self, terminal_id: int, said: Mapping[str, Any]) -> None:
        self.counts[said["event"]] += 1
        match said["event"]:
            case "saved":
                key = (terminal_id, said["journal"], said["trace"])
                if key in self.saved:
                    self.findings.append(f"{key} was saved twice")
                self.saved[key] = Saved(said["type"], _pair(said["original"]))
            case "settled":
                self._settled((terminal_id, said["journal"], said["trace"]), said)
            case "conflict":
                self.moved[(terminal_id, *said["old"])] = (terminal_id, *said["new"])
            case "recovery":
                self.findings.append(f"terminal {terminal_id} cannot read its outbox: "
                                   f"{said['reason']}, {said['why']}")
            case "died":
                self.findings.append(f"terminal {terminal_id}: task {said['task']} died: "
                                   f"{said['why']}")
            case "not_saved":
                self.findings.append(f"terminal {terminal_id} could not save: {said['why']}")

    def _settled(self, key: Key, said: Mapping[str, Any]) -> None:
        answer = Answer(said["code"], said.get("points") or 0, said.get("receipt"))
        if self.answers.setdefault(key, answer) != answer:
            self.findings.append(f"{key} was answered {self.answers[key]}, then {answer}")


def _pair(said: Sequence[int] | None) -> tuple[int, int] | None:
    return None if said is None else (said[0], said[1])
