"""Two gateways on one PostgreSQL, one of them stopped between two statements.

    findings = run(seed, url)                   [] when nothing is wrong
    python -m tests.support.race "counter by COUNT"      plant a mistake, run seeds, say which

Law: the first gateway stands still behind a drawn statement of its batch until the second one has
done all of its own, or waits for a lock. Then both take everything again, as terminals send again.
What the frames are about (the same frames, a sale and its void, two sales of one member) is drawn.
In the end each frame has one answer, and points are what the model says.
"""

import json
import sys
import threading
from random import Random

from tools.prove import planting
from tools.prove.bugs import BUGS

ROUNDS = 6
STATEMENTS_MAX = 18
LOCKED_S = 0.12
POINTS = 15


def run(seed: int, url: str) -> list[str]:
    """What is wrong after a few rounds with this seed."""
    from sqlalchemy import event

    from gateway.audit import run_audit
    from gateway.database import open_engine
    from gateway.intake import Arrival, Intake
    from tests.support.street import Street

    random = Random(f"race/{seed}")
    engines = [open_engine(url) for _ in range(2)]
    street = Street(engines[0], terminals=3, members=2)
    pause = _Pause()
    event.listen(engines[1], "after_cursor_execute", pause.after)
    stopped, other = (Intake(each, street.keyring, clock=lambda: street.now,
                             pause=lambda seconds: None, attempts_max=12)
                      for each in (engines[1], engines[0]))
    replies: dict[bytes, set[bytes | None]] = {}
    points = 0

    fell: list[str] = []

    def take(intake: Intake, frames: list[bytes]) -> None:
        try:
            answer_all(intake, frames)
        except Exception as error:
            fell.append(f"stopped: {type(error).__name__}: {error}")

    def answer_all(intake: Intake, frames: list[bytes]) -> None:
        for frame, answer in zip(frames, intake.take([Arrival(each, street.now)
                                                      for each in frames]), strict=True):
            if answer.code != 90:
                replies.setdefault(frame, set()).add(answer.reply)

    for _ in range(ROUNDS):
        first, second, made = _frames(street, random)
        points += made
        pause.arm(1 + random.randrange(STATEMENTS_MAX))
        threads = [threading.Thread(target=take, args=(stopped, first)),
                   threading.Thread(target=take, args=(other, second))]
        threads[0].start()
        pause.reached.wait(2)
        threads[1].start()
        threads[1].join(LOCKED_S)
        pause.go.set()
        for each in threads:
            each.join()
        take(other, first + second)
        take(stopped, second + first)
    findings = [f"{len(each)} different replies to one frame" for each in replies.values()
                if len(each) != 1]
    total, debt = street.rows("members", "sum(available), sum(debt)")[0]
    if (total - debt) != points:
        findings.append(f"{points} points must be there, {total} are, debt {debt}")
    findings += fell
    if street.rows("quarantine"):
        findings.append("a message was quarantined")
    findings += map(str, run_audit(engines[0], street.keyring, rebuild=True,
                                   clock=lambda: street.now).findings)
    for engine in engines:
        engine.dispose()
    return findings


class _Pause:
    """Stops the first gateway's thread behind its n-th statement, once."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self._left = 0

    def arm(self, statement: int) -> None:
        self.reached.clear()
        self.go.clear()
        self._left = statement

    def after(self, *_: object) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                self.reached.set()
                self.go.wait(5)


def _frames(street, random: Random) -> tuple[list[bytes], list[bytes], int]:  # noqa: ANN001
    """What the two gateways take, and how many points it makes in the end."""
    terminal, another = random.sample(range(3), 2)
    card = random.randrange(2)
    sort = random.randrange(5)
    tap = street.sale(terminal=terminal, card=card)
    if sort == 0:                       # the broker hands the same frames to both
        more = street.sale(terminal=terminal, card=1 - card)
        return [tap, more], [more, tap], 2 * POINTS
    if sort == 1:                       # one member at two tills
        more = street.sale(terminal=another, card=card)
        return [tap], [more], 2 * POINTS
    if sort == 2:                       # two members at two tills
        more = street.sale(terminal=another, card=1 - card)
        return [tap], [more], 2 * POINTS
    trace = street.message(tap).request.trace
    void = street.void(trace, terminal=terminal)
    return ([tap], [void], 0) if sort == 3 else ([void], [tap], 0)


def main() -> None:
    name, = sys.argv[1:]
    bug = BUGS[name]
    planting.plant(bug)
    from tests.support.databases import POSTGRESQL, fresh_url

    def findings_of(seed: int) -> list[str]:
        with fresh_url(POSTGRESQL) as url:
            return run(seed, url)

    done = planting.sought(bug, range(bug.within_seeds), findings_of)
    sys.stdout.write(json.dumps({"bug": name, "caught": done.caught, "seeds": done.tried,
                                 "findings": done.findings[:5]}) + "\n")


if __name__ == "__main__":
    main()
