"""`pointwire prove-every`: one tap with every single fault at every step, or every two of them.

Exits with 0 when the promise held each time and with 1 when it did not. Law: each failure is
named at once on standard error with the command that replays it, so that who stops a run of hours
keeps what it found; the first of them are told once more at the end, with what was found.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tools import called
from tools.errors import EXIT_BAD_RESULT, EXIT_STOPPED
from tools.prove import every
from tools.prove.cores import shared
from tools.prove.every import Fault

FAILURES_SHOWN = 10
NUMBER_SIZE_MAX = 18
ALL_KINDS = "all"
Case = tuple[Fault, ...]


def _tried(case: Case) -> tuple[Case, tuple[str, ...]]:
    return case, every.run(case).findings


def _read(word: str) -> Fault:
    kind, _, place = word.rpartition("@")
    if not kind or not _counts(place):
        raise click.UsageError(f"a fault is KIND@PLACE, not {word[:60]!r}")
    tap, _, rest = kind.rpartition(": ")
    if tap and tap not in every.TAPS:
        raise click.UsageError(f"no tap is called {tap[:60]!r}; there are: "
                               + ", ".join(every.TAPS))
    return Fault(rest, int(place), tap or every.SALE)


def _counts(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= NUMBER_SIZE_MAX


def _part(word: str) -> tuple[int, int]:
    number, _, of = word.partition("/")
    if not (_counts(number) and _counts(of) and 1 <= int(number) <= int(of)):
        raise click.UsageError(f"--part is N/OF with N from 1 to OF, not {word[:60]!r}")
    return int(number), int(of)


def _known(tap: str) -> dict[str, list[int]]:
    """The places of each kind of fault of a tap."""
    known: dict[str, list[int]] = {}
    for kind, place, _ in every.singles(every.watch(tap)):
        known.setdefault(kind, []).append(place)
    return known


def _list(wanted: str) -> None:
    """All kinds, or the places of one, as --fault takes them."""
    tap, _, kind = wanted.rpartition(": ")
    if wanted != ALL_KINDS:
        places = _known(tap or every.SALE).get(kind) if not tap or tap in every.TAPS else None
        if places is None:
            raise click.UsageError(f"there is no fault {wanted[:60]!r}; --list shows all kinds")
        click.echo(f"{wanted}@PLACE, PLACE is a {every.unit(kind)}:")
        click.echo(" ".join(map(str, places)))
        return
    table = Table("fault", "places", "first", "last", "a place is a")
    for each in every.TAPS:
        for kind, places in _known(each).items():
            table.add_row(str(Fault(kind, 0, each)).partition("@")[0], str(len(places)),
                          str(min(places)), str(max(places)), every.unit(kind))
    Console().print(table)


def _named(case: Case, for_program: bool) -> None:
    tap = case[0].tap
    if any(fault.tap != tap for fault in case):
        raise click.UsageError("all faults of one run are faults of one tap")
    for one, other in combinations(case, 2):
        if every.shuts_out(one, other):
            raise click.UsageError(f"both need the same hook, so {str(other)!r} would never happen"
                                   f" beside {str(one)!r}; name them one at a time")
    known = _known(tap)
    for kind, place, _ in case:
        if kind not in known:
            raise click.UsageError(f"there is no fault {kind!r} of a {tap}; there are: "
                                   + "; ".join(sorted(known)))
        if place not in known[kind]:
            places = known[kind]
            raise click.UsageError(f"{kind!r} has {len(places)} places, from {places[0]} to"
                                   f" {places[-1]} (each a {every.unit(kind)}), and {place} is"
                                   f" none of them; --list '{kind}' shows all")
    began = time.monotonic()
    verdict = every.run(case, None if for_program else print)
    failures = [] if verdict.good else [(case, verdict.findings)]
    if for_program:
        _say([case], failures, time.monotonic() - began, "", True)
    for finding in () if for_program else verdict.findings:
        print(finding)
    if not for_program:
        print(f"1 case, {len(failures)} failed: the promise"
              f" {'was broken' if failures else 'was kept'}")
    if failures:
        sys.exit(EXIT_BAD_RESULT)


def _wanted(pairs: bool) -> tuple[Iterator[Case], str]:
    """The cases, and what of them is not tried."""
    if pairs:
        watched = every.watch()
        return every.pairs(watched), (
            f"not tried: {every.not_paired(watched)} pairs of which both need the same hook, as"
            f" two cuts of one flash or two fates of one frame; of the heap's calls all but each"
            f" {every.HEAP_STEP_OF_PAIRS}th; pairs around a void or an online message")
    return ((fault,) for tap in every.TAPS for fault in every.singles(every.watch(tap))), ""


def _replay(case: Case) -> str:
    return f"{called.program()} prove-every " + " ".join(f"--fault '{fault}'" for fault in case)


def _table(cases: Sequence[Case]) -> Table:
    table = Table("fault", "steps", title="Every step of a sale, a void, an online message")
    table.columns[1].justify = "right"
    kinds = (str(fault).partition("@")[0] for case in cases for fault in case)
    for kind, count in Counter(kinds).items():
        table.add_row(kind, str(count))
    return table


# what is of no use to a run that is named, and to a list
_OF_A_SEARCH = {"pairs": "--pairs", "part": "--part", "jobs": "--jobs"}


def _one_thing_asked(named: tuple[str, ...], listed: str | None) -> None:
    """Raise where a word of the command line would be passed over without a word."""
    asked = "--list" if listed is not None else "--fault" if named else None
    others = dict(_OF_A_SEARCH)
    if asked == "--list":
        others |= {"named": "--fault", "for_program": "--json"}
    given = click.get_current_context().get_parameter_source
    for parameter, word in others.items():
        if asked and given(parameter) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{word} says nothing beside {asked}; leave one of them out")


@click.command()
@click.option("--pairs", is_flag=True, help="Every two faults instead of every one.")
@click.option("--part", default="1/1", metavar="N/OF", show_default=True,
              help="Only each OF-th case, beginning with the N-th.")
@click.option("--fault", "named", multiple=True, metavar="KIND@PLACE",
              help="Only these, together, in one run; prints the event log.")
@click.option("--list", "listed", is_flag=False, flag_value=ALL_KINDS, metavar="[KIND]",
              help="List the kinds of faults, or the places of one kind, and stop.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes. [default: one a core]")
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
def prove_every(pairs: bool, part: str, named: tuple[str, ...], listed: str | None,
                jobs: int | None, for_program: bool) -> None:
    """One tap with every single fault at every step of its way, or with every two.

    Real firmware, real gateway and database, virtual time.

    \b
    Exit codes: 0 the promise held each time, 1 it did not, 2 wrong command line,
    130 stopped before the end.
    """
    number, of = _part(part)
    _one_thing_asked(named, listed)
    if listed is not None:
        _list(listed)
        return
    if named:
        _named(tuple(_read(word) for word in named), for_program)
        return
    wanted, not_tried = _wanted(pairs)
    cases = list(islice(wanted, number - 1, None, of))
    if not cases:
        raise click.UsageError(f"--part {part} holds no case: there are fewer than {number}")
    failures: list[tuple[Case, tuple[str, ...]]] = []
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), disable=for_program) as progress:
            task = progress.add_task("proving", total=len(cases))
            for case, findings in shared(_tried, cases, jobs):
                if findings:
                    failures.append((case, findings))
                    click.echo(f"FAILED: {_replay(case)}", err=True)
                progress.update(task, advance=1,
                                description=f"proving, {len(failures)} failed")
    except KeyboardInterrupt:
        click.echo("pointwire: stopped before the end; nothing is said of the rest", err=True)
        sys.exit(EXIT_STOPPED)
    _say(cases, failures, time.monotonic() - began, not_tried, for_program)
    if failures:
        sys.exit(EXIT_BAD_RESULT)


def _say(cases: Sequence[Case], failures: list[tuple[Case, tuple[str, ...]]], seconds: float,
         not_tried: str, for_program: bool) -> None:
    if for_program:
        told: dict[str, Any] = {
            "cases": len(cases), "failed": len(failures), "seconds": round(seconds, 1),
            "not_tried": not_tried,
            "failures": [{"faults": [str(fault) for fault in case], "findings": list(findings),
                          "replay": _replay(case)} for case, findings in failures]}
        print(json.dumps(told))
        return
    if not not_tried:
        Console().print(_table(cases))
    print(f"{len(cases)} {'pairs' if not_tried else 'single faults'}, {len(failures)} failed; "
          f"{seconds:.0f} s, {len(cases) / max(seconds, 0.001):.1f} a second")
    if not_tried:
        print(not_tried)
    for case, findings in failures[:FAILURES_SHOWN]:
        print(f"\n{' and '.join(map(str, case))} FAILED: {findings[0]}")
        print(f"  replay: {_replay(case)}")
    if len(failures) > FAILURES_SHOWN:
        print(f"\nand {len(failures) - FAILURES_SHOWN} more, each named above; --json tells what"
              " was found of all")
