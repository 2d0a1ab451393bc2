"""Mistakes planted by name, to see that the proof finds them.

    python -m tools.prove.planting "free on PUBACK" --seeds 50

Law: a mistake is text put in the place of other text when a module is loaded, in a process of its
own and nowhere else: nothing on disk changes, and no product code knows that mistakes can be
planted. The text replaced must stand exactly once in its module, so a mistake that no longer fits
the code is an error and not a proof that passes by accident.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NamedTuple

import click

from tools.prove.bugs import BUGS, SEEDS, Bug, Edit
from tools.prove.seen_at import SEEN_AT

SEED_FIRST = 1
FELL_OVER = ("program error", "stopped")  # tools/prove/world.py, which must not be loaded yet


class Unplanted(Exception):
    """A mistake does not fit the code any more: nothing was proven."""


class _Planter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self.planted: set[str] = set()

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None,
                  ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in {edit.module for edit in self._edits}:
            return None
        found = importlib.machinery.PathFinder.find_spec(
            fullname, path)  # type: ignore[arg-type]
        if found is None or found.origin is None:
            raise Unplanted(f"there is no module {fullname}")
        return importlib.util.spec_from_file_location(
            fullname, found.origin, loader=_Source(self, fullname, found.origin),
            submodule_search_locations=found.submodule_search_locations)

    def changed(self, module: str, source: str) -> str:
        for edit in self._edits:
            if edit.module == module:
                count = source.count(edit.text)
                if count != 1:
                    raise Unplanted(f"in {module} the text to replace stands {count} times:"
                                    f"\n{edit.text}")
                source = source.replace(edit.text, edit.replacement)
        self.planted.add(module)
        return source


class _Source(importlib.machinery.SourceFileLoader):
    def __init__(self, planter: _Planter, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._planter = planter

    def get_code(self, fullname: str):  # noqa: ANN201 - the type of the base class
        source = self.get_data(self.path).decode()
        return compile(self._planter.changed(fullname, source), self.path, "exec")


def plant(bug: Bug) -> None:
    """Before any of the modules concerned is imported. Raises Unplanted when it is too late."""
    loaded = sorted({edit.module for edit in bug.edits} & set(sys.modules))
    if loaded:
        raise Unplanted(f"already imported: {', '.join(loaded)}")
    sys.meta_path.insert(0, _Planter(bug.edits))


def shows(bug: Bug, findings: Sequence[str]) -> bool:
    """Whether the checker saw the mistake, and not merely that something fell over: Unplanted
    then, because such a mistake proves nothing."""
    fell = [each for each in findings if each.startswith(FELL_OVER)]
    if fell:
        raise Unplanted(f"it falls over, which no checker is needed to see: {fell[0]}")
    return any(word in each for word in bug.finds for each in findings)


class Sought(NamedTuple):
    """How a search ended: how many seeds it took, the last of them and what was found there."""

    tried: int
    seed: int
    findings: Sequence[str]
    caught: bool


def sought(bug: Bug, seeds: Sequence[int], findings_of: Callable[[int], Sequence[str]]) -> Sought:
    """Seed after seed until one shows the mistake, or all are tried."""
    last = Sought(0, -1, (), False)
    for tried, seed in enumerate(seeds, 1):
        findings = findings_of(seed)
        last = Sought(tried, seed, findings, shows(bug, findings))
        if last.caught:
            break
    return last


def _told_of_options(bug: Bug) -> str:
    """What a reader of the result must know where seeds as they are drawn were not enough."""
    return (f"with options of its own: {' '.join(bug.options)}; of seeds as drawn, 0 and up:"
            f" {bug.as_drawn}")


def _wanted(name: str, as_drawn: bool) -> Bug:
    bug = BUGS.get(name)
    if bug is None:
        raise click.UsageError("no mistake has this name; there are:\n  " + "\n  ".join(BUGS))
    if bug.ring != SEEDS:
        raise click.UsageError(
            "no seed can find it: it shows between two gateways whose statements interleave on"
            f" PostgreSQL. Run\n  {sys.executable} -m tests.support.race {shlex.quote(name)}")
    return bug._replace(options=()) if as_drawn else bug


def in_turn(first: int, count: int, begin: int) -> list[int]:
    """So many seeds from `first` on, and round, beginning with `begin` if it is one of them."""
    seeds = list(range(first, first + count))
    return sorted(seeds, key=lambda seed: (seed < begin, seed)) if begin in seeds else seeds


def _findings(bug: Bug, seed: int) -> list[str]:
    """What the proof says of a seed with the mistake in it."""
    from tools.prove import options as drawing
    from tools.prove.world import run_seed

    wanted = drawing.read(bug.options)
    return list(run_seed(seed, drawing.draw(seed)._replace(**wanted)).findings)


@click.command()
@click.argument("name")
@click.option("--seeds", type=click.IntRange(1), help="At most so many. [default: the bug's own]")
@click.option("--seed", type=click.IntRange(0), default=SEED_FIRST, show_default=True,
              help="The first seed.")
@click.option("--as-drawn", is_flag=True,
              help="Seeds as `pointwire prove` draws them, without the options that some mistakes"
                   " have of their own.")
@click.option("--json", "for_program", is_flag=True)
def main(name: str, seeds: int | None, seed: int, as_drawn: bool, for_program: bool) -> None:
    """Plant the mistake NAME and run seeds until one fails: first the one that found it when it
    was last measured, where that is among them. Exits with 0 when it was caught, with 2 when no
    seed could."""
    bug = _wanted(name, as_drawn)
    plant(bug)
    within = seeds or bug.within_seeds
    tried, number, findings, caught = sought(
        bug, in_turn(seed, within, SEEN_AT.get(name, seed)), lambda one: _findings(bug, one))
    if for_program:
        print(json.dumps({"bug": name, "caught": caught, "seeds": tried, "seed": number,
                          "options": bug.options, "findings": findings[:5]}))
    elif caught:
        print(f"caught by seed {number}, the {tried}. of at most {within}:")
        for finding in findings[:8]:
            print(f"  {finding}")
    else:
        print(f"NOT caught within {within} seeds")
    if bug.options and not for_program:
        print(_told_of_options(bug))
    sys.exit(0 if caught else 1)


if __name__ == "__main__":
    main()
