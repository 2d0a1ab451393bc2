"""Holds on returns: HQ's verdict on what waits, and the time limit behind which it is released.

Law (K5, J12): the end of a hold is an outcome of its own (origin HOLDS, key: the entry that
holds), so it has one, however often and by how many it is asked for, the job included. It goes
the road of every message (`Intake.settle`): the same locks, one entry of the same ledger. A void
of the return that came first wins. Who decided what, and why, is kept encrypted, 400 days (DESIGN
6.7).
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from gateway.book import Loaded
from gateway.catalogue import read_catalogue
from gateway.clock import business_day, from_ms, to_ms
from gateway.database import reading
from gateway.decisions.hold import HoldError, end_of_hold
from gateway.errors import GatewayError, TryLater
from gateway.intake import Intake
from gateway.judging import OUTCOME, Case
from gateway.keyring import Keyring
from gateway.message import HOLDS, Message
from gateway.on_hold import LAPSED, OPEN, RELEASED, STATES, TAKEN, HoldEnd
from gateway.tables import holds, members
from gateway.words import REASON_SIZE_MAX, need_line, need_name, note_of
from protocol.frames import frame_hash
from protocol.messages import request

BY_TIME = "jobs"

log = logging.getLogger("gateway.holds")


class Ended(NamedTuple):
    """What became of a hold. `points`, `balance`, `receipt`: of the entry that ended it."""

    hold: int
    state: str
    points: int | None
    balance: int | None
    receipt: int | None


def take(intake: Intake, entry_id: int, by: str, reason: str) -> Ended:
    """Take what a return claims. Raises HoldError (nothing changed) and TryLater."""
    return _end(intake, HoldEnd(entry_id, TAKEN), by, reason)


def release(intake: Intake, entry_id: int, by: str, reason: str) -> Ended:
    """Give the points back to the member; the return stands. Raises as `take`."""
    return _end(intake, HoldEnd(entry_id, RELEASED), by, reason)


def _end(intake: Intake, word: HoldEnd, by: str, reason: str) -> Ended:
    need_name("name of who decides", by, HoldError)
    need_line("reason", reason, 1, REASON_SIZE_MAX, HoldError)
    note = note_of(by, reason, verdict=STATES[word.state])
    message = Message(0, 0, b"", frame_hash(b"hold" + word.key), to_ms(intake.clock()),
                      request(0, 0, 0), by_hq=True, hold=word)

    def judging(batch: Sequence[Message], loaded: Loaded) -> list[Case]:
        return [_judge(batch[0], loaded, word, note)]

    settled = intake.settle(message, judging)
    facts = settled.case.decision.facts
    return Ended(word.entry_id, STATES[word.state], facts.points, facts.balance,
                 settled.entry.id if settled.entry else None)


def _judge(message: Message, loaded: Loaded, word: HoldEnd, note: bytes) -> Case:
    if (HOLDS, message.key) in loaded.seen.outcomes:
        raise HoldError(f"What receipt {word.entry_id} held has ended already. Nothing was"
                        " changed.")
    decision = end_of_hold(message, loaded.book)
    loaded.book.join(decision)
    return Case(message, OUTCOME, decision, box=note, reason=STATES[word.state])


def release_due(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """The job (jobs.Chunk): release holds on which HQ had no word in time; how many."""
    intake = Intake(engine, keyring, clock=lambda: from_ms(now))
    done, after = 0, 0
    while not done:
        with reading(engine) as connection:
            due = _due(connection, now, after, rows_max)
        if not due:
            return 0
        done, after = sum(_lapse(intake, each) for each in due), due[-1]
    return done


def _due(connection: Connection, now: int, after: int, rows_max: int) -> list[int]:
    """Open holds behind their last day, by ascending entry."""
    found: list[int] = []
    for each in read_catalogue(connection).programmes.values():
        today = business_day(now, each.time_zone, each.cutover_minutes)
        found += connection.execute(
            select(holds.c.entry_id).join(members, members.c.id == holds.c.member_id)
            .where(holds.c.state == OPEN, holds.c.due_on < today, holds.c.entry_id > after,
                   members.c.programme_id == each.id)
            .order_by(holds.c.entry_id).limit(rows_max)).scalars()
    return sorted(found)[:rows_max]


def _lapse(intake: Intake, entry_id: int) -> bool:
    """Release one; False where somebody else ended it, or where what it is built on was tampered
    with, whatever of it that was: the others have their turn."""
    try:
        _end(intake, HoldEnd(entry_id, LAPSED), BY_TIME, "no verdict in time")
    except HoldError:
        return False
    except TryLater:
        raise
    except GatewayError as fault:
        log.error("hold %d is left as it is: %s", entry_id, fault)
        return False
    return True
