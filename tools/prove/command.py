"""`pointwire prove`: the promise under every fault, seed by seed.

Exits with 0 when every seed kept the promise and with 1 when one did not; then it says which,
looks for the smallest set of options that still fails, and prints the command that replays it.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
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
from tools.errors import EXIT_STOPPED
from tools.event_log import EventLog
from tools.prove import options as drawing
from tools.prove import options_table, run, shrink
from tools.prove.run import Totals, Wanted
from tools.prove.world import Verdict, run_seed

FAILURES_SHOWN = 5
FINDINGS_SHOWN = 8
SEED_MAX = 2**63 - 1


def _summary(totals: Totals, seconds: float) -> str:
    hours = totals.virtual_us // 3_600_000_000
    rate = f"{totals.seeds / seconds:.1f} seeds/s" if seconds else "at once"
    return (f"{totals.seeds} seeds, {totals.failed} failed; {totals.taps} accepted messages, "
            f"{totals.frames} frames, {totals.retries} retries, {hours} virtual hours\n"
            f"{seconds:.1f} s, {rate}; {totals.faultless} seeds had no fault at all")


def _faults_table(totals: Totals) -> Table:
    table = Table("what happened", "times", "seeds", title="Faults")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, times, seeds in totals.faults:
        table.add_row(run.FAULTS[name], str(times), str(seeds))
    return table


def _as_json(verdicts: list[Verdict], totals: Totals, failed: list[Verdict], seconds: float,
             shortest: shrink.Shrunk | None) -> dict[str, Any]:
    digest = verdicts[0].digest if len(verdicts) == 1 else None
    return {**totals._asdict(), "digest": digest, "faults": {name: {"times": times, "seeds": seeds}
                                           for name, times, seeds in totals.faults},
            "seconds": round(seconds, 2),
            "failures": [{"seed": each.seed, "findings": list(each.findings),
                          "options": drawing.text(each.options), "digest": each.digest,
                          "replay": _replay(each)} for each in failed],
            "shortest": None if shortest is None else {
                "options": drawing.text(shortest.verdict.options), "runs": shortest.runs,
                "findings": list(shortest.verdict.findings),
                "replay": _replay(shortest.verdict)}}


def _replay(verdict: Verdict) -> str:
    return shrink.command(verdict, called.program())


def _show_failure(verdict: Verdict) -> None:
    print(f"\nseed {verdict.seed} FAILED, event log {verdict.digest}")
    print(f"  options: {drawing.text(verdict.options)}")
    for finding in verdict.findings[:FINDINGS_SHOWN]:
        print(f"  {finding}")
    if len(verdict.findings) > FINDINGS_SHOWN:
        print(f"  and {len(verdict.findings) - FINDINGS_SHOWN} more")
    print(f"  replay:  {_replay(verdict)}")


def _all(wanted: list[Wanted], jobs: int | None, quiet: bool) -> list[Verdict]:
    verdicts: list[Verdict] = []
    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet) as progress:
        task = progress.add_task("proving", total=len(wanted), rate="")
        began = time.monotonic()
        for verdict in run.many(wanted, jobs):
            verdicts.append(verdict)
            failed += not verdict.good
            if not verdict.good:
                # at once: who stops a long run, or whose time limit does, keeps what it found
                click.echo(f"seed {verdict.seed} FAILED: {_replay(verdict)}", err=True)
            rate = len(verdicts) / max(time.monotonic() - began, 0.001)
            progress.update(task, advance=1, rate=f"{rate:.1f}/s",
                            description=f"proving, {failed} failed" if failed else "proving")
    return sorted(verdicts, key=lambda verdict: verdict.seed)


@click.command()
@click.option("--seeds", type=click.IntRange(1, 10_000_000), help="How many seeds. [default: 200, "
              "or 1 where --seed names one]")
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="The first seed. [default: 0]")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE",
              help="An option instead of the drawn one; may be given several times.")
@click.option("--calm", is_flag=True, help="Draw nothing: only what --set names happens.")
@click.option("--options", "list_options", is_flag=True,
              help="List all options with range and meaning, and stop.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes. [default: one a core]")
@click.option("--log", type=click.Path(dir_okay=False, writable=True, path_type=Path),
              help="Write the event log of the one seed to this file.")
@click.option("--no-shrink", is_flag=True, help="Do not look for the shortest failing options.")
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
def prove(seeds: int | None, seed: int | None, changes: tuple[str, ...], calm: bool,
          list_options: bool, jobs: int | None, log: Path | None,
          no_shrink: bool, for_program: bool) -> None:
    """Every tap posts exactly once, whatever happens: many seeds, each a world of faults.

    Real firmware, real gateway and database, virtual time.

    \b
    Example: two handsets lose power within a flash operation, nothing else happens:
      pointwire prove --seed 3 --calm --set terminals=2 --set flash_cuts=2

    \b
    Exit codes: 0 every seed kept the promise, 1 one did not, 2 wrong command line,
    7 the file of --log cannot be written, 130 stopped before the end.
    """
    if list_options:
        options_table.show()
        return
    try:
        changed = tuple(drawing.read(changes).items())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    first = seed or 0
    count = seeds or (1 if seed is not None else 200)
    if log is not None and count > 1:
        raise click.UsageError("--log is for one seed; name it with --seed")
    events = EventLog(log)
    wanted = [Wanted(number, calm, changed) for number in range(first, first + count)]
    if count == 1 and not for_program:
        print(f"seed {first}: {drawing.text(wanted[0].options()) or 'no fault'}")
    began = time.monotonic()
    try:
        verdicts = ([run_seed(first, wanted[0].options(), events.echo)] if count == 1
                    else _all(wanted, jobs, for_program))
    except KeyboardInterrupt:
        click.echo("pointwire: stopped before the end; nothing is said of the rest", err=True)
        sys.exit(EXIT_STOPPED)
    seconds = time.monotonic() - began
    failed = [verdict for verdict in verdicts if not verdict.good]
    totals = run.add(verdicts)
    if not for_program:
        _print(verdicts, failed, totals, seconds)
    shortest = None
    if failed and not no_shrink:
        shortest = _shortest(failed[0], for_program)
    if for_program:
        print(json.dumps(_as_json(verdicts, totals, failed, seconds, shortest)))
    events.end(not failed)


def _print(verdicts: list[Verdict], failed: list[Verdict], totals: Totals,
           seconds: float) -> None:
    Console().print(_faults_table(totals))
    print(_summary(totals, seconds))
    if len(verdicts) == 1:
        print(f"event log {verdicts[0].digest}")
    for verdict in failed[:FAILURES_SHOWN]:
        _show_failure(verdict)
    if len(failed) > FAILURES_SHOWN:
        rest = " ".join(str(verdict.seed) for verdict in failed[FAILURES_SHOWN:])
        print(f"\nfailed too: {rest}")


def _shortest(failing: Verdict, quiet: bool) -> shrink.Shrunk:
    if not quiet:
        print(f"\nlooking for the shortest options with which seed {failing.seed} fails ...")
    found = shrink.shrink(failing, lambda options: run_seed(failing.seed, options))
    if not quiet:
        print(f"after {found.runs} runs: {drawing.text(found.verdict.options)}")
        for finding in found.verdict.findings[:FINDINGS_SHOWN]:
            print(f"  {finding}")
        print(f"  replay:  {_replay(found.verdict)}")
    return found
