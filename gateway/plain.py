"""Lots of members who owe nothing and from whom nothing is taken: what a Holding comes to. Pure.

Law: the same as lots.py, to the last line, for a member without draws whose points expire when
they end: property tests hold the two equal. It is here because nearly all of the million lots that
end in a night are as plain as that, and a Holding takes several times as long. Whatever is not
plain goes to a Holding.
"""

from collections.abc import Iterable

from gateway.lots import Ended, Lot, Move, age
from gateway.validity import Span


def lapse(lots: Iterable[Lot], today: int, span: Span) -> Ended:
    """What remains of lots that ended before `today` is nobody's any more (`Holding.expire`)."""
    available = held = lapsed = 0
    made = tuple.__new__  # a named tuple's own is slower
    kept: dict[int, Lot] = {}
    moved: list[Move] = []
    for lot in lots:
        (lot_id, member_id, merchant_id, earned_on, expires_on, origin, opened_by, replaces,
         issued, remaining, of_it_held, expired, paid) = lot
        held += of_it_held
        if remaining and expires_on < today and span.last_day(expires_on) < today:
            lapsed += remaining
            moved.append(made(Move, (lot_id, -remaining, 0, 0, remaining, 0, None, 0)))
            lot = made(Lot, (lot_id, member_id, merchant_id, earned_on, expires_on, origin,
                             opened_by, replaces, issued, 0, of_it_held, expired + remaining,
                             paid))
        else:
            available += remaining
        kept[lot_id] = lot
    moved.sort()
    if moved and moved[0].lot_id < 0:
        moved.sort(key=_oldest_first)
    return Ended(available, held, 0, lapsed, kept, (), tuple(moved), (), ())


def _oldest_first(move: Move) -> tuple[bool, int]:
    return age(move.lot_id)
