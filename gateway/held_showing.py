"""How held taps look: a table for a person, lines for a pipe, JSON for a program."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TextIO

from gateway import listing
from gateway.held import HeldError, Verdict
from gateway.held_list import UNREADABLE, HeldTap

COLUMNS = ("tap", "state", "what", "amount", "card", "tapped (UTC)", "why", "merchant", "shop",
           "held (UTC)", "by", "reason")


def taps_as_json(taps: Iterable[HeldTap]) -> str:
    """A list of objects; times in ISO 8601, amounts in minor units."""
    return json.dumps([{**each._asdict(), "key": str(each.key), "held_at": _iso(each.held_at),
                        "tapped_at": _iso(each.tapped_at)} for each in taps], ensure_ascii=False)


def verdicts_as_json(verdicts: Iterable[Verdict]) -> str:
    """A list of objects, one for each tap that got its verdict."""
    return json.dumps([{**each._asdict(), "key": str(each.key)} for each in verdicts],
                      ensure_ascii=False)


def show_taps(taps: Sequence[HeldTap], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in taps], out)


def need_readable(taps: Iterable[HeldTap]) -> None:
    """Raise HeldError where frames of the list do not open: it must not be decided by."""
    closed = sum(each.frame == UNREADABLE for each in taps)
    if closed:
        raise HeldError(f"{closed} of these frames do not open under POINTWIRE_FRAME_KEY. Nothing"
                        " was changed; decide nothing on them: set the right key, or run"
                        " pointwire gateway audit.")


def verdict_line(verdict: Verdict) -> str:
    """One line for a person."""
    if verdict.receipt is None:
        return f"{verdict.key} {verdict.state}"
    return (f"{verdict.key} {verdict.state}: {verdict.points:+d} points, balance"
            f" {verdict.balance}, receipt {verdict.receipt}")


def _cells(tap: HeldTap) -> tuple[str, ...]:
    amount = "" if tap.amount_minor is None else str(tap.amount_minor)
    return (str(tap.key), tap.state, tap.kind or f"frame {tap.frame}", amount, tap.card or "",
            _time(tap.tapped_at), tap.why, tap.merchant, tap.shop, _time(tap.held_at),
            tap.by or "", tap.reason or "")


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
