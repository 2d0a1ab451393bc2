"""A member as HQ looks at it: balance, lots with their dates, the newest entries and why they are.

Law: one short snapshot, no locks, cards by their last four. What can be used today is worked out
by the functions that decisions use; what an adjustment was for is told with it (Q41).
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Row, func, select

from gateway import ledger
from gateway.clock import business_day, from_day, from_ms, to_ms
from gateway.database import reading
from gateway.errors import GatewayError
from gateway.frozen_list import HQ_NAME, frozen_points
from gateway.intake import Intake
from gateway.loading import MEMBER_COLUMNS, read_spans
from gateway.lot_rows import read_lots
from gateway.lots import Lot
from gateway.member import Member, balance_on, spendable
from gateway.proposal_list import told
from gateway.tables import (
    SEALED,
    cards,
    entries,
    lot_movements,
    lots,
    members,
    merchants,
    postings,
    programmes,
    proposals,
)
from gateway.validity import NO_SPAN

ENTRIES_SHOWN = 20
LOTS_SHOWN = 100
LAST_FOUR = 4
NAMED_MAX = 5
KINDS = {ledger.ACCRUAL: "sale", ledger.REVERSAL: "reversal", ledger.REDEMPTION: "redemption",
         ledger.REFUND: "refund", ledger.EXPIRY: "expiry", ledger.ADJUSTMENT: "adjustment",
         ledger.EXTENSION: "extension", ledger.HOLD_TAKEN: "hold taken",
         ledger.HOLD_RELEASED: "hold released"}
FROZEN = "frozen"


class MemberUnknown(GatewayError):
    """Nobody is meant, or more than one: nothing was shown."""

    code = "member_unknown"


class LotView(NamedTuple):
    """`state`: usable; held (all that is in it waits for a verdict on a return); frozen (it has
    ended, and what is in it waits for head office); ended (what expired can be extended).
    `replaces`: another lot."""

    lot_id: int
    state: str
    issuer: str
    earned_on: date
    usable_through: date
    remaining: int
    held: int
    expired: int
    replaces: int | None


class EntryView(NamedTuple):
    """`kind`: what the entry is, or the command that made it. `points`: on the member's account;
    `at`: when it was dated to. `reason`, `bearer`, `proposal`: of a command. `frozen`: points that
    had ended by then and wait for head office since, which stay on the account."""

    receipt: int
    kind: str
    points: int
    at: datetime
    merchant: str
    amount_minor: int | None
    category: str
    reason: str
    bearer: str
    proposal: int | None
    frozen: int = 0


class MemberView(NamedTuple):
    """`usable`: what can be taken today; `balance`: that less the debt; `held`: by returns,
    `frozen`: of lots that have ended, both for HQ's word; `lots_left_out`: how many lots there
    are besides, all of which end sooner."""

    member_id: int
    name: str
    tier: str
    state: str
    cards: tuple[str, ...]
    balance: int
    usable: int
    held: int
    frozen: int
    debt: int
    lots: tuple[LotView, ...]
    entries: tuple[EntryView, ...]
    lots_left_out: int = 0


def view(intake: Intake, who: str, *, entries_max: int = ENTRIES_SHOWN,
         lots_max: int = LOTS_SHOWN) -> MemberView:
    """The member of this number, or of a card with these last four. Raises MemberUnknown."""
    with reading(intake.engine) as connection:
        member_id = found(connection, who)
        row = connection.execute(
            select(*(members.c[name] for name in MEMBER_COLUMNS), programmes.c.time_zone,
                   programmes.c.cutover_minutes)
            .join(programmes, programmes.c.id == members.c.programme_id)
            .where(members.c.id == member_id)).one()
        today = business_day(to_ms(intake.clock()), row.time_zone, row.cutover_minutes)
        names = {each.id: each.name for each in connection.execute(
            select(merchants.c.id, merchants.c.name).where(
                merchants.c.programme_id == row.programme_id))}
        whose = [(member_id,)]
        spans = read_spans(connection, intake.keyring.audit_key, whose)
        member = Member(*tuple(row)[:len(MEMBER_COLUMNS)],
                        lots=tuple(read_lots(connection, whose).get(member_id, ())),
                        span=spans.get(member_id) or NO_SPAN)
        shown, left_out = _shown(connection, member_id, lots_max)
        frozen = int(connection.execute(select(func.coalesce(func.sum(frozen_points()), 0))
                                        .where(lots.c.member_id == member_id)).scalar_one())
        return MemberView(
            member.id, member.masked_name, member.tier, member.state,
            _cards(connection, cards.c.member_id == member_id), balance_on(member, today),
            spendable(member, today), member.held - frozen, frozen, member.debt,
            tuple(_lot(lot, of_it, member, today, names) for lot, of_it in shown),
            tuple(_entries(connection, intake, member, names, entries_max)), left_out)


def number_of(engine: Engine, who: str) -> int:
    """`found`, by a read of its own."""
    with reading(engine) as connection:
        return found(connection, who)


def found(connection: Connection, who: str) -> int:
    """The member whose number this is, or who has a card with these last four."""
    if not (who.isascii() and who.isalnum() and len(who) <= 18):
        raise MemberUnknown(f"{who[:20]!r} is no member's number and no last four of a card."
                            " Nothing was done; give one of the two.")
    ids = set(connection.execute(select(members.c.id).where(
        members.c.id == int(who))).scalars()) if who.isdigit() else set[int]()
    if len(who) == LAST_FOUR:
        ids |= set(connection.execute(select(cards.c.member_id).where(
            cards.c.identity.like(f"%{who}"), cards.c.member_id.is_not(None))
            .limit(NAMED_MAX + 1)).scalars())
    if not ids:
        ends = ", and no card of a member ends so" if len(who) == LAST_FOUR else ""
        raise MemberUnknown(f"Nobody has the number {who}{ends}. Nothing was done; give a"
                            " member's number or the last four of a card, not a name or a whole"
                            " card.")
    if len(ids) > 1:
        named = ", ".join(map(str, sorted(ids)[:NAMED_MAX]))
        raise MemberUnknown(f"{who} may be any of the members {named}. Nothing was done; say"
                            " which, with zeroes in front of a number of four digits.")
    return ids.pop()


def of_card(connection: Connection, number: str) -> int:
    """The member of a card by its whole number, written as on the card or without spaces; no
    message repeats it. Raises MemberUnknown."""
    number = "".join(number.split()).replace("-", "")
    member_id = connection.execute(select(cards.c.member_id).where(
        cards.c.identity == number)).scalar_one_or_none()
    if member_id is None:
        raise MemberUnknown("No member has that card. Nothing was changed; look at the number, and"
                            " give the whole of it.")
    return member_id


def _cards(connection: Connection, whose) -> tuple[str, ...]:
    return tuple(f"****{row.identity[-LAST_FOUR:]} {row.state}" for row in connection.execute(
        select(cards.c.identity, cards.c.state).where(whose).order_by(cards.c.id)))


def _shown(connection: Connection, member_id: int,
           lots_max: int) -> tuple[list[tuple[Lot, int]], int]:
    """Lots with something in them, or in which something expired, what ends last first, and how
    many points are frozen in each; and how many lots are left out."""
    c = lots.c
    told = (c.member_id == member_id) & ((c.remaining > 0) | (c.held > 0) | (c.expired > 0))
    rows = connection.execute(
        select(*(c[name] for name in Lot._fields), frozen_points().label("frozen"),
               func.count().over().label("there_are"))
        .where(told).order_by(c.expires_on.desc(), c.id.desc()).limit(lots_max)).all()
    return ([(Lot._make(row[:len(Lot._fields)]), int(row.frozen)) for row in rows],
            rows[0].there_are - len(rows) if rows else 0)


def _lot(lot: Lot, frozen: int, member: Member, today: int, names: dict[int, str]) -> LotView:
    lives = lot.lives(today, member.span)
    state = ("usable" if lives and (lot.remaining or not lot.held) else
             "frozen" if frozen else "held" if lot.held else "ended")
    return LotView(lot.id, state, names.get(lot.merchant_id, HQ_NAME), from_day(lot.earned_on),
                   from_day(lot.last_day(member.span)), lot.remaining, lot.held, lot.expired,
                   lot.replaces)


def _entries(connection: Connection, intake: Intake, member: Member, names: dict[int, str],
             entries_max: int) -> list[EntryView]:
    c, moved = entries.c, lot_movements.c
    frozen = select(func.coalesce(func.sum(moved.held_delta), 0)).where(
        moved.entry_id == c.id, moved.taker.is_(None), moved.held_delta > 0).scalar_subquery()
    rows = connection.execute(
        select(c.id, c.kind, c.merchant_id, c.amount_minor, c.dated_at, c.context,
               postings.c.amount, frozen.label("frozen"))
        .select_from(entries.outerjoin(postings, (postings.c.entry_id == c.id) & (
            postings.c.account_id == member.points_account_id)))
        .where(c.member_id == member.id).order_by(c.chain_seq.desc()).limit(entries_max)).all()
    contexts = {row.id: json.loads(row.context) for row in rows}
    reasons = _reasons(connection, intake, [context["proposal"] for context in contexts.values()
                                            if "proposal" in context])
    return [_entry(row, contexts[row.id], reasons, names) for row in rows]


def _entry(row: Row, context: dict, reasons: dict[int, str], names: dict[int, str]) -> EntryView:
    proposal = context.get("proposal")
    ordered = proposal is not None
    kind = KINDS.get(row.kind, str(row.kind))
    if row.kind == ledger.EXPIRY and row.frozen and not row.amount:
        kind = FROZEN  # nothing expired
    return EntryView(
        row.id, context.get("command") or kind, row.amount or 0,
        from_ms(row.dated_at), names.get(row.merchant_id, ""), row.amount_minor,
        context.get("category", ""), reasons.get(proposal, "") if ordered else "",
        names.get(context["bearer"], HQ_NAME) if ordered else "", proposal,
        int(row.frozen))


def _reasons(connection: Connection, intake: Intake, serials: Sequence[int]) -> dict[int, str]:
    """Why commands were proposed, by serial."""
    columns = [proposals.c[name] for name in SEALED["proposals"]]
    return {row.serial: told(intake.keyring, row).reason for row in connection.execute(
        select(*columns).where(proposals.c.serial.in_(serials)))} if serials else {}
