"""How HQ's commands and members look: tables, lines for a pipe, JSON for a program."""

from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

import click

from gateway import listing
from gateway.clock import from_day, from_ms
from gateway.frozen_list import FrozenLot
from gateway.member_view import FROZEN, EntryView, MemberView
from gateway.proposal_list import UNREADABLE, ListedProposal
from gateway.proposals import Ended, Proposed

COLUMNS = ("proposal", "state", "command", "member", "points", "names", "bearer", "category",
           "reason", "proposed by", "proposed (UTC)", "ended by", "note", "came to", "receipt")
LOT_COLUMNS = ("lot", "state", "issuer", "earned", "usable through", "remaining", "held",
               "expired", "stands in for")
FROZEN_COLUMNS = ("lot", "member", "points", "issuer", "earned", "ended on")
ENTRY_COLUMNS = ("receipt", "what", "points", "dated (UTC)", "merchant", "amount", "category",
                 "reason", "bearer", "proposal")


as_json = listing.as_json


def proposed_as_json(made: Proposed) -> str:
    """`as_json` with the proposal's numbers of days and instants as what they are, and the receipt
    it names under the name that lists give it: `receipt` is that of what was posted."""
    said = {**made.proposal._asdict(), "points": made.proposal.signed,
            "proposed_at": from_ms(made.proposal.proposed_at),
            "ends_on": from_day(made.proposal.ends_on) if made.proposal.ends_on else None}
    said["named_receipt"] = said.pop("receipt")
    return as_json({**made._asdict(), "proposal": said})


def proposed_line(made: Proposed) -> str:
    proposal = made.proposal
    return (f"proposal {proposal.serial}: {_word(proposal.kind)} for member {proposal.member_id};"
            f" it would come to {made.points:+d} points, balance {made.balance}. Another person"
            f" ends it: pointwire gateway adjust approve {proposal.serial} --by NAME")


def ended_line(ended: Ended) -> str:
    if ended.receipt is None:
        return f"proposal {ended.serial} {ended.state}"
    return (f"proposal {ended.serial} {ended.state}: {ended.points:+d} points, balance"
            f" {ended.balance}, receipt {ended.receipt}")


def show(found: Sequence[ListedProposal], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in found], out)


def show_frozen(found: Sequence[FrozenLot], out: TextIO | None = None) -> None:
    listing.show(FROZEN_COLUMNS, [
        (str(each.lot_id), f"{each.member_id} {each.member}", str(each.points), each.issuer,
         str(each.earned_on), str(each.ended_on)) for each in found], out)


def unreadable(found: Sequence[ListedProposal]) -> int:
    """How many boxes do not open: nothing should be approved by them."""
    return sum(each.reason == UNREADABLE for each in found)


def show_member(seen: MemberView, out: TextIO | None = None) -> None:
    """The figures, then the lots, then the newest entries."""
    click.echo(f"member {seen.member_id} {seen.name}, {seen.tier}, {seen.state}; cards:"
               f" {', '.join(seen.cards) or 'none'}", out)
    click.echo(f"balance {seen.balance}: usable {seen.usable}, debt {seen.debt}; held"
               f" {seen.held}, frozen {seen.frozen}", out)
    listing.show(LOT_COLUMNS, [
        (str(each.lot_id), each.state, each.issuer, str(each.earned_on), str(each.usable_through),
         str(each.remaining), _some(each.held), _some(each.expired), _some(each.replaces))
        for each in seen.lots], out)
    listing.show(ENTRY_COLUMNS, [
        (str(each.receipt), _what(each), f"{each.points:+d}", _time(each.at), each.merchant,
         "" if each.amount_minor is None else str(each.amount_minor), each.category, each.reason,
         each.bearer, _some(each.proposal)) for each in seen.entries], out)


def _cells(each: ListedProposal) -> tuple[str, ...]:
    named = [f"receipt {each.named_receipt}" if each.named_receipt else "",
             f"lot {each.lot_id}" if each.lot_id else "",
             f"through {each.ends_on}" if each.ends_on else "",
             f"amount {each.amount_minor}" if each.amount_minor else ""]
    came_to = "" if each.receipt is None else f"{each.ended_points or 0:+d}"
    return (str(each.serial), each.state, _word(each.kind), f"{each.member_id} {each.member}",
            f"{each.points:+d}" if each.points else "", ", ".join(filter(None, named)),
            each.bearer, each.category, each.reason, each.maker, _time(each.proposed_at),
            each.by or "", each.note or "", came_to, _some(each.receipt))


def _what(each: EntryView) -> str:
    kind = [] if each.kind == FROZEN else [_word(each.kind)]
    return ", ".join([*kind, f"{each.frozen} points frozen"] if each.frozen else kind)


def _word(kind: str) -> str:
    return kind.replace("_", "-")


def _some(number: int | None) -> str:
    return str(number) if number else ""


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
