"""What the entries of one member add up to, beside what is stored of it (I3).

Law: balances, lots and draws are what movements and postings say, in every figure, and none is
below zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RECOMPUTE, join_key
from gateway.lots import NOWHERE, Move
from gateway.tables import DERIVED, draws, lots

LOT_FIGURES = DERIVED["lots"]


class Sums(NamedTuple):
    """What a lot's movements add up to, in the order of `LOT_FIGURES`."""

    issued: int = 0
    remaining: int = 0
    held: int = 0
    expired: int = 0
    paid: int = 0


@dataclass
class Totals:
    """`amounts`: by account. `draws`: (drawn, held, away, instead) by taker and lot. `frozen`: by
    lot of which anything ever was, what is now."""

    amounts: dict[int, int] = field(default_factory=dict)
    lots: dict[int, Sums] = field(default_factory=dict)
    draws: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)
    frozen: dict[int, int] = field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether any points of a lot or taker were."""
        return bool(self.lots or self.draws)

    def post(self, account_id: int, amount: int) -> None:
        """One posting of an entry."""
        self.amounts[account_id] = self.amounts.get(account_id, 0) + amount

    def move(self, move: Move) -> None:
        """One movement of an entry."""
        if move.lot_id != NOWHERE:
            known = self.lots.get(move.lot_id, Sums())
            self.lots[move.lot_id] = Sums(
                known.issued + sum(move[1:5]), known.remaining + move.delta,
                known.held + move.held_delta, known.expired + move.expired_delta,
                known.paid + move.paid_delta)
        if move.taker is not None:
            key = move.taker, move.lot_id
            drawn, held, away, instead = self.draws.get(key, (0, 0, 0, 0))
            self.draws[key] = (drawn + move.drawn_delta, held + move.held_delta,
                               away + move.paid_delta, instead + move.instead_delta)


class Stored(NamedTuple):
    """`lots`: figures by lot. `draws`: (points, held, away, instead) by member, then by taker and
    lot."""

    lots: Mapping[tuple, tuple]
    draws: Mapping[int, Mapping[tuple, tuple]]


def read(work: Work, connection: Connection, members: Sequence[tuple],
         walked: Iterable[Totals]) -> Stored:
    """What is stored of these members and of the lots that were moved."""
    ids = sorted({(lot_id,) for totals in walked for lot_id in totals.lots})
    drawn: dict[int, dict[tuple, tuple]] = {}
    for row in work.reader.select(connection, draws, ("member_id", "taker", "lot_id",
                                                      *DERIVED["draws"]), ("member_id",), members):
        drawn.setdefault(row[0], {})[row[1:3]] = row[3:]
    return Stored(work.reader.lookup(connection, lots, LOT_FIGURES, ("id",), ids), drawn)


def check(work: Work, row: Row, totals: Totals, stored: Stored) -> None:
    """A member, its lots and its draws, as stored and as its entries add up."""
    _check_lots(work, totals, stored.lots)
    _check_balances(work, row, totals, stored.lots)
    _check_draws(work, row.id, totals, stored.draws.get(row.id, {}))


def _check_lots(work: Work, totals: Totals, held: Mapping[tuple, tuple]) -> None:
    for lot_id, sums in totals.lots.items():
        stored = held.get((lot_id,))
        if stored is None:
            continue  # named by the entry that opened it
        for name, figure, summed in zip(LOT_FIGURES, stored, sums, strict=True):
            if figure != summed or figure < 0:
                work.docket.find("lots", str(lot_id), f"{name} is {figure}, its movements add up"
                                 f" to {summed}.", RECOMPUTE)


def _check_draws(work: Work, member_id: int, totals: Totals,
                 stored: Mapping[tuple, tuple]) -> None:
    summed = {key: (drawn + held, int(held > 0), away, instead)
              for key, (drawn, held, away, instead) in totals.draws.items()}
    nothing = (0, 0, 0, 0)
    for key in sorted(summed.keys() | stored.keys()):
        row, sums = stored.get(key, nothing), summed.get(key, nothing)
        if key not in summed:
            work.docket.find("draws", join_key(member_id, *key), "no movement made it.", FORGED)
        elif key not in stored:
            work.docket.find("draws", join_key(member_id, *key), "missing, movements tell of it.",
                             RECOMPUTE)
        for name, figure, total in zip(DERIVED["draws"], row, sums, strict=True):
            if figure != total:
                work.docket.find("draws", join_key(member_id, *key), f"{name} is {figure}, its"
                                 f" movements add up to {total}.", RECOMPUTE)


def _check_balances(work: Work, row: Row, totals: Totals, held: Mapping[tuple, tuple]) -> None:
    """I3: balances, lots and postings of one member say the same."""
    mine = [held[lot_id,] for lot_id in totals.lots if (lot_id,) in held]
    posted = totals.amounts.get(row.points_account_id, 0)
    rules = (("available", row.available, sum(lot[1] for lot in mine), "its lots' remaining"),
             ("held", row.held, sum(lot[2] for lot in mine), "its lots' held"),
             ("debt", row.debt, sum(each[0] for (_, lot_id), each in totals.draws.items()
                                    if lot_id == NOWHERE), "its uncovered draws"),
             ("available + held - debt", row.available + row.held - row.debt, posted,
              "its postings"))
    for name, figure, summed, what in rules:
        if figure != summed:
            work.docket.find("members", str(row.id),
                             f"{name} is {figure}, {what} add up to {summed}.", RECOMPUTE)
    if min(row.available, row.held, row.debt) < 0:
        work.docket.find("members", str(row.id), "a balance is below zero.", RECOMPUTE)
