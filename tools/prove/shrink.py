"""From a failing seed to the least that still fails: the shortest set of options found.

Law: only whole runs decide, and only a run with the same kind of finding counts as the same
failure. First faults are switched off one by one, then the world is made smaller, then faults
rarer, until nothing more can go or the runs allowed are used up.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tools.prove import options as drawing
from tools.prove.options import Options
from tools.prove.world import Verdict

RUNS_MAX = 120
SMALLER = (("terminals", 1), ("workers", 1), ("members", 2), ("terminals", 2), ("batch_max", 200),
           ("commit_ms_max", 200), ("latency_ms_max", 400), ("outbox_blocks", 16),
           ("keepalive_s", 120), ("redemptions_per_100", 0), ("refunds_per_100", 0))


class Shrunk(NamedTuple):
    """The last verdict that failed, and how many runs it took to find it."""

    verdict: Verdict
    runs: int


def kind(verdict: Verdict) -> str:
    """What sort of failure it is: the first word of its first finding."""
    return verdict.findings[0].partition(":")[0] if verdict.findings else ""


def shrink(failing: Verdict, run: Callable[[Options], Verdict],
           runs_max: int = RUNS_MAX) -> Shrunk:
    runs, best = 0, failing
    changed = True
    while changed and runs < runs_max:
        changed = False
        for candidate in _smaller(best.options):
            if candidate == best.options or runs >= runs_max:
                continue
            runs += 1
            verdict = run(candidate)
            if kind(verdict) == kind(failing):
                best, changed = verdict, True
                break
    return Shrunk(best, runs)


def _smaller(options: Options) -> Iterator[Options]:
    """Candidates, the boldest first."""
    names = drawing.on(options)
    for place in range(0, len(names), 4):
        yield options._replace(**dict.fromkeys(names[place:place + 4], 0))
    for name in names:
        yield options._replace(**{name: 0})
    for name, value in SMALLER:
        if getattr(options, name) > value or name in ("batch_max", "keepalive_s"):
            yield options._replace(**{name: value})
    for taps in (options.taps // 2, options.taps * 3 // 4, options.taps - 1):
        if taps >= 1:
            yield options._replace(taps=taps)
    for name in names:
        if not name.endswith(("per_1000", "per_100", "per_10000")) and getattr(options, name) > 1:
            yield options._replace(**{name: 1})
    usual = Options()
    for name in Options._fields:
        if name.endswith("_max") and getattr(options, name) != getattr(usual, name):
            yield options._replace(**{name: getattr(usual, name)})


def command(verdict: Verdict, program: str = "pointwire") -> str:
    """The one command that replays it; `program`: how it was called this time."""
    words = drawing.text(verdict.options).split()
    sets = "".join(f" --set {word}" for word in words)
    drawn = drawing.draw(verdict.seed) == verdict.options
    return f"{program} prove --seed {verdict.seed}" + ("" if drawn else f" --calm{sets}")
