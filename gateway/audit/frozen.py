"""What is frozen: points that a lot holds for nobody, beyond what returns hold of it (K1).

Law: no entry takes more of it than there is, or it took what a return holds; none freezes points
of a lot before its own last day is over, nor in a programme of which no rules freeze any. What
movements say is proved by their chain, so what is found here was booked so.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work
from gateway.lots import NOWHERE, Move
from gateway.rules import RulesError, from_json
from gateway.tables import LOT_FACTS, rule_sets
from gateway.validity import EXPIRE

BOOKED = ("If nothing else is found of it, the gateway booked it so, and what is posted is safe."
          " Keep a copy, give the member what is right by an adjustment, and tell who runs the"
          " gateway.")
_EXPIRES_ON = LOT_FACTS.index("expires_on")

Frozen = dict[int, int]  # points by lot


def check_step(work: Work, entry: Row, known: Frozen, moves: Iterable[Move],
               facts: Mapping[tuple, tuple]) -> None:
    """One entry; `known`: what was frozen before it, and behind it when this is done."""
    for move in moves:
        if move.taker is not None or not move.held_delta or move.lot_id == NOWHERE:
            continue
        lot, before = facts.get((move.lot_id,)), known.get(move.lot_id, 0)
        if before + move.held_delta >= 0:
            known[move.lot_id] = before + move.held_delta
        else:
            known.pop(move.lot_id, None)
            _find(work, move.lot_id, f"entry {entry.id} took {-move.held_delta} frozen points of"
                  f" it, {before} were: the rest is what returns hold.")
        if lot is not None and move.held_delta > 0 and entry.booked_on <= lot[_EXPIRES_ON]:
            _find(work, move.lot_id, f"entry {entry.id} froze points of it before it had ended.")


def check_rules(work: Work, connection: Connection,
                found: Sequence[tuple[int, Mapping[int, int]]]) -> None:
    """Programme and frozen lots, each of one member: some rules of the programme freeze points.
    No statement where nothing ever was."""
    freezing = [(programme_id, lots) for programme_id, lots in found if lots]
    wanted = sorted({(programme_id,) for programme_id, _ in freezing})
    may = {programme_id for programme_id, version, body in work.reader.select(
        connection, rule_sets, ("programme_id", "version", "body"), ("programme_id",), wanted)
        if _may_freeze(version, body)}
    for programme_id, lots in freezing:
        for lot_id in lots if programme_id not in may else ():
            _find(work, lot_id, "points of it were frozen, and no rules of its programme freeze"
                  " any.")


def _may_freeze(version: int, body: str) -> bool:
    try:
        return from_json(version, body).at_end != EXPIRE
    except RulesError:
        return True  # the row's seal names who changed it


def _find(work: Work, lot_id: int, wrong: str) -> None:
    work.docket.find("lots", str(lot_id), wrong, BOOKED)
