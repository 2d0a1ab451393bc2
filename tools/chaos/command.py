"""`pointwire chaos`: real processes, kill -9 and bad links; then the ledger against the handsets.

Law: the exit code is 0 only when nothing was lost, nothing stands twice, every figure agrees, the
audit is clean and everything drained in time. The seed repeats the schedule of kills and faults,
not the interleaving of processes: a failure is found in its folder, which is kept and named; what
went well is removed. However it ends, no process is left behind.
"""

import asyncio
import json
import math
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

from tools import called, demo_stage, state
from tools.chaos import faults, postgres
from tools.chaos.run import Plan, Result, Round
from tools.chaos.stage import CONFIGS, Crew, mosquitto
from tools.chaos.verdict import Verdict
from tools.chaos.view import View
from tools.errors import EXIT_BAD_RESULT, EXIT_STOPPED

ROUND_S = 45
DRAIN_S = 60
SEED_MAX = 2**32


class Asked(NamedTuple):
    """The command line."""

    minutes: float
    terminals: int
    workers: int
    configs: tuple[str, ...]
    names: tuple[str, ...]
    seed: int
    drain_s: int
    keep: bool
    for_program: bool

    @property
    def command(self) -> str:
        """What repeats this schedule."""
        words = [f"{called.program()} chaos --minutes {self.minutes:g} --seed {self.seed}",
                 f"--terminals {self.terminals} --workers {self.workers}"]
        if self.configs != tuple(CONFIGS):
            words += [f"--config {each}" for each in self.configs]
        if self.names != faults.NAMES:
            words += [f"--fault {each}" for each in self.names or ("none",)]
        return " ".join(words)


def plans(asked: Asked) -> list[Plan]:
    """Rounds of about ROUND_S, the configurations in turn, every one of them at least once."""
    rounds = max(round(asked.minutes * 60 / ROUND_S), len(asked.configs))
    lasts_ms = int(asked.minutes * 60_000 / rounds)
    crew = Crew(asked.terminals, asked.workers)
    return [Plan(f"{asked.seed}/{number}", CONFIGS[asked.configs[number % len(asked.configs)]],
                 crew, lasts_ms, asked.names) for number in range(rounds)]


def _number(_context: object, _option: object, minutes: float) -> float:
    if math.isnan(minutes):
        raise click.BadParameter("nan is no length of time.")
    return minutes


@click.command()
@click.option("--minutes", type=click.FloatRange(0.05, 10_000), default=3, show_default=True,
              callback=_number,
              help="How long things are killed, over all rounds; draining comes on top.")
@click.option("--terminals", type=click.IntRange(1, 100), default=6, show_default=True)
@click.option("--workers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--config", "configs", type=click.Choice(list(CONFIGS)), multiple=True,
              help="Database and broker, may be repeated; default: all four in turn.")
@click.option("--fault", "names", type=click.Choice([*faults.NAMES, "none"]), multiple=True,
              help="Faults of the links in use, may be repeated; default: all.")
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="Of the schedule; default: drawn.")
@click.option("--drain", "drain_s", type=click.IntRange(1, 240), default=DRAIN_S,
              show_default=True, metavar="S", help="Seconds after the last kill in which all "
              "that was tapped must have its answer.")
@click.option("--keep", is_flag=True, help="Keep logs, ledger and flashes of a good run too.")
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
def chaos(**options: object) -> None:
    """Kill broker, workers, database and handsets while cashiers tap; then compare the books.

    The seed repeats the schedule of kills and faults, not how the processes interleave.
    """
    asked = _asked(options)
    view = View(Console(stderr=True), len(plans(asked)))
    try:
        results, folder = asyncio.run(_until_stopped(asked, view))
    except asyncio.CancelledError:
        view.tell("stopped; nothing of it runs any more")
        sys.exit(EXIT_STOPPED)
    good = all(map(lambda each: _good(asked, each), results))
    view.tables(results)
    if not good:
        _explain(asked, view, results)
    if folder is not None:
        view.tell(f"logs, journals, ledgers and flashes: {folder}")
    if asked.for_program:
        print(json.dumps(as_json(asked, results, folder), ensure_ascii=False))
    if not good:
        sys.exit(EXIT_BAD_RESULT)


def _asked(options: dict) -> Asked:
    given = options.pop("names")
    options["names"] = tuple(each for each in given if each != "none") if given else faults.NAMES
    options["configs"] = options["configs"] or tuple(CONFIGS)
    if options["seed"] is None:
        options["seed"] = random.randrange(SEED_MAX)
    return Asked(**options)


def _good(asked: Asked, result: Result) -> bool:
    return result.exact and (result.drained_s or 0) <= asked.drain_s


async def _until_stopped(asked: Asked, view: View) -> tuple[list[Result], Path | None]:
    """Ctrl-C and SIGTERM end it in order, at any moment."""
    playing = asyncio.ensure_future(_rounds(asked, view))
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, playing.cancel)
    return await playing


async def _rounds(asked: Asked, view: View) -> tuple[list[Result], Path | None]:
    mosquitto()
    if any(each.config.postgresql for each in plans(asked)):
        postgres.check()
    runtime, note = demo_stage.choose_runtime(None)
    if note:
        view.tell(note)
    view.tell(f"seed {asked.seed} (the schedule, not the interleaving): {asked.command}")
    folder = Path(tempfile.mkdtemp(prefix="pointwire-chaos-"))
    results: list[Result] = []
    keep = True
    try:
        program = demo_stage.program(state.Home(folder), runtime)
        with view:
            for number, plan in enumerate(plans(asked), 1):
                view.number = number
                place = folder / f"{number}-{plan.config.name}"
                results.append(await Round(plan, place, program, view.show).play())
                view.tell(_said(results[-1]))
                if _good(asked, results[-1]) and not asked.keep:
                    shutil.rmtree(place, ignore_errors=True)
        keep = asked.keep or not all(_good(asked, each) for each in results)
    except Exception:
        keep = any(folder.glob("*/logs/*"))
        if keep:
            view.tell(f"logs, journals, ledgers and flashes: {folder}")
        raise
    except asyncio.CancelledError:
        keep = asked.keep
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return results, folder if keep else None


def _said(result: Result) -> str:
    found = result.verdict
    drained = ("not drained" if result.drained_s is None
               else f"drained in {result.drained_s:.1f} s")
    return (f"{result.plan.config.name}: {sum(result.kills.values())} kills, "
            f"{sum(result.faults.values())} faults, {found.taps} taps, {found.posted} posted, "
            f"{found.taken_back} of them voids, {found.refused} refused, {found.lost} lost, "
            f"{found.twice} twice, {drained}")


def _explain(asked: Asked, view: View, results: Sequence[Result]) -> None:
    for result in results:
        if _good(asked, result):
            continue
        for line in result.verdict.findings:
            view.tell(f"{result.plan.config.name}: {line}")
        if result.audit is not None:
            view.tell(f"{result.plan.config.name}: audit: {result.audit}")
        if result.drained_s is None or result.drained_s > asked.drain_s:
            view.tell(f"{result.plan.config.name}: who owed longest, since the last kill:")
            for line in result.slowest:
                view.tell(line)
    view.tell(f"the same schedule again: {asked.command}")


def as_json(asked: Asked, results: Sequence[Result], folder: Path | None) -> dict[str, object]:
    """For programs: totals, and each round."""
    rounds = [_round(each) for each in results]
    kills = sum((each.kills for each in results), Counter())
    names = Verdict._fields[:-1]
    totals = {name: sum(getattr(each.verdict, name) for each in results) for name in names}
    drained = [each.drained_s for each in results]
    slowest = None if None in drained else round(max(map(float, filter(None, drained))), 1)
    return {"seed": asked.seed, "good": all(_good(asked, each) for each in results),
            "kills": sum(kills.values()), **totals, "drained_s_max": slowest,
            "rounds": rounds, "folder": None if folder is None else str(folder)}


def _round(result: Result) -> dict[str, object]:
    found = result.verdict._asdict()
    drained = None if result.drained_s is None else round(result.drained_s, 1)
    return {"config": result.plan.config.name, **found, "drained_s": drained,
            "audit": result.audit or "clean", "connections": result.connections,
            "kills": {" ".join(key): count for key, count in sorted(result.kills.items())},
            "faults": dict(sorted(result.faults.items())),
            "ended_by_themselves": dict(sorted(result.own_ends.items()))}
