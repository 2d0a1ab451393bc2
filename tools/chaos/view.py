"""What a person sees: a live table while it runs, a table of all rounds in the end.

All of it goes to standard error; standard output is for the JSON object.
"""

import time
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tools.chaos.run import Result, Round

SHOW_GAP_S = 0.25
LINE_GAP_S = 10.0


class View:
    """`tell` a line, `show` a round as it goes; a live table only on a terminal."""

    def __init__(self, console: Console, rounds: int) -> None:
        self._console = console
        self._rounds = rounds
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown = time.monotonic()
        self.number = 0

    def __enter__(self) -> "View":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, line: str) -> None:
        self._console.print(f"chaos: {line}", highlight=False, markup=False, soft_wrap=True)

    def show(self, playing: Round) -> None:
        gap_s = SHOW_GAP_S if self._live is not None else LINE_GAP_S
        if time.monotonic() - self._shown < gap_s:
            return
        self._shown = time.monotonic()
        if self._live is not None:
            self._live.update(self._now(playing), refresh=True)
        else:
            self.tell(_line(playing))

    def _now(self, playing: Round) -> RenderableType:
        title = f"round {self.number} of {self._rounds}: {playing.plan.config.name}"
        table = Table(title=title, show_header=False)
        lasts = f" of {playing.plan.lasts_ms / 1000:.0f} s" if playing.phase == "blows" else " s"
        table.add_row("now", f"{playing.phase}, {time.monotonic() - playing.since:.0f}{lasts}")
        table.add_row("taps saved", str(len(playing.witness.saved)))
        table.add_row("answered", str(len(playing.witness.answers)))
        table.add_row("kills", _counted(playing.blows.kills))
        table.add_row("faults", _counted(playing.blows.faults))
        links = [f"{place + 1}: {' '.join(f'{each.name}={each.value}' for each in link.faulty())}"
                 for place, link in enumerate(playing.stage.links) if link.faulty()]
        return Group(table, Text("\n".join(links)))

    def tables(self, results: Sequence[Result]) -> None:
        rounds, *counts = as_tables(results)
        self._console.print(rounds)
        self._console.print(Columns(counts))


def _line(playing: Round) -> str:
    return (f"{playing.plan.config.name}, {playing.phase}: {len(playing.witness.saved)} taps "
            f"saved, {len(playing.witness.answers)} answered, "
            f"{playing.blows.kills.total()} kills, {playing.blows.faults.total()} faults")


def _counted(counts: Counter) -> str:
    names = {key if isinstance(key, str) else " ".join(key): count
             for key, count in counts.items()}
    return ", ".join(f"{name} {count}" for name, count in sorted(names.items())) or "none"


def as_tables(results: Sequence[Result]) -> tuple[Table, Table, Table]:
    """A row a round; kills by kind and point; faults by name. Eighty columns hold each."""
    return _rounds(results), _kills(results), _faults(results)


def _rounds(results: Sequence[Result]) -> Table:
    table = Table(title="kill -9 and bad links, round by round", box=box.SIMPLE_HEAD,
                  padding=0)
    table.add_column("database, broker", no_wrap=True)
    for column in ("kills", "faults", "taps", "posted", "voids", "refused", "lost", "twice",
                   "drain"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in results:
        found = each.verdict
        drained = "not" if each.drained_s is None else f"{each.drained_s:.1f} s"
        table.add_row(each.plan.config.name, *map(str, (
            each.kills.total(), each.faults.total(), found.taps, found.posted,
            found.taken_back, found.refused, found.lost, found.twice + found.untapped, drained)))
    wrong = sum(each.audit is not None for each in results)
    ends = sum((each.own_ends for each in results), Counter[str]())
    table.caption = (f"audit --rebuild: {f'{wrong} with findings' if wrong else 'clean'}; ended "
                     f"by itself and came back: {_counted(ends)}")
    return table


def _kills(results: Sequence[Result]) -> Table:
    table = Table(title="kills by kind and point", show_header=False, box=box.SIMPLE_HEAD)
    for (kind, point), count in sorted(sum((each.kills for each in results), Counter()).items()):
        table.add_row(kind, point, str(count))
    return table


def _faults(results: Sequence[Result]) -> Table:
    table = Table(title="faults of the links", show_header=False, box=box.SIMPLE_HEAD)
    for name, count in sorted(sum((each.faults for each in results), Counter()).items()):
        table.add_row(name, str(count))
    return table
