"""The effects of a batch become rows: one statement for each table touched.

Law: nothing is read here that a decision depends on; rows go in by ascending key; entries,
postings, movements and outcomes are only ever inserted, so that a second insert of the same key
fails and the batch is tried again (a lost race). The caller commits once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import bulk, chain, counting, logins, on_hold_rows, terminal_chains
from gateway.batch_rows import COLUMNS as BATCH_COLUMNS
from gateway.batch_rows import row_of
from gateway.book import Book
from gateway.clock import month_of
from gateway.entries import Entry, Ledgered
from gateway.errors import SealBroken
from gateway.judging import OUTCOME, REFUSAL, Case
from gateway.keyring import Keyring, bound_to
from gateway.lot_rows import RowsMissing, store_draws, store_expired, store_lots, store_moved
from gateway.member import Member, derived
from gateway.registry.cards import first_taps
from gateway.registry.desk import INTAKE, Desk, present
from gateway.registry.terminals import end_epochs, raise_epoch
from gateway.sightings import COLUMNS, sealed
from gateway.tables import (
    ENTRY_LINKED,
    MEMBER_DERIVED,
    SEALED,
    batches,
    entries,
    frames,
    held_dates,
    journals,
    member_spans,
    members,
    outcomes,
    postings,
    refusals,
    reversals,
    sightings,
    terminals,
)
from protocol import codes

ENTRY_COLUMNS = (*ENTRY_LINKED, "link", "head")
POSTING_COLUMNS = ("entry_id", "line", "account_id", "unit", "amount")
MEMBER_COLUMNS = (*MEMBER_DERIVED, "derived_mac")
OUTCOME_COLUMNS = (*SEALED["outcomes"], "row_mac")
REVERSAL_COLUMNS = (*SEALED["reversals"], "row_mac")
FRAME_COLUMNS = (*SEALED["frames"], "row_mac")
HELD_DATE_COLUMNS = (*SEALED["held_dates"], "row_mac")
JOURNAL_COLUMNS = (*SEALED["journals"], "row_mac")
REFUSAL_COLUMNS = (*SEALED["refusals"], "row_mac")
SPAN_COLUMNS = (*SEALED["member_spans"], "row_mac")
JOURNAL_KEY = ("terminal_id", "journal")


class Settled(NamedTuple):
    """A case with its answer, ready to be stored."""

    case: Case
    reply: bytes
    entry: Entry | None


def store(connection: Connection, keyring: Keyring, settled: Sequence[Settled], book: Book,
          done: Ledgered) -> None:
    """Everything the batch decided. Nothing to store, no statement. Raises SealBroken."""
    journaled = {(each.case.message.terminal_id, each.case.message.request.journal)
                 for each in settled if each.case.kind in (OUTCOME, REFUSAL)
                 and each.case.message.request.trace}
    _refuse_broken(book, done, journaled, settled)
    if done.entries:
        store_ledger(connection, keyring.audit_key, done)
        on_hold_rows.store(connection, keyring.audit_key, [
            (each.case.decision, each.entry) for each in settled if each.entry is not None])
    final = [each for each in settled if each.case.kind == OUTCOME]
    if final:
        final.sort(key=lambda each: (each.case.message.origin, each.case.message.key))
        _store_outcomes(connection, keyring, final, book.now)
        _store_reversals(connection, keyring, final)
        _store_held_dates(connection, keyring, final)
        _store_batches(connection, keyring, final)
    if journaled:
        _store_journals(connection, keyring, book, sorted(journaled))
    refused = [each for each in settled if each.case.kind == REFUSAL]
    if refused:
        _store_refusals(connection, keyring, refused, book.now)
    if book.sighted:
        _store_sightings(connection, keyring, book)
    if book.tried:
        logins.store_tries(connection, keyring.audit_key,
                           [book.tries[operator_id] for operator_id in book.tried])
    if book.raised or book.retired or book.activated:
        _store_registry(connection, keyring, book)
    ended = sum(each.case.message.command is not None for each in final)
    if ended:
        counting.take(connection, keyring.audit_key, counting.COMMANDS, ended)


def store_ledger(connection: Connection, audit_key: bytes, done: Ledgered, *,
                 only_expired: bool = False) -> None:
    """Entries with their lines, and what they made of lots, draws and members. `only_expired`:
    they did nothing else, so that lots need no more than two of their figures written."""
    made = sorted(done.entries.values())
    _store_entries(connection, made)
    if only_expired:
        store_expired(connection, made)
    else:
        store_moved(connection, made)
        store_lots(connection, done.lots)
    store_draws(connection, done.draws)
    _store_members(connection, audit_key, done.members)
    if done.spans:
        rows = [(member_id, *span) for member_id, span in sorted(done.spans.items())]
        bulk.insert(connection, member_spans, SPAN_COLUMNS, [
            (*row, chain.seal(audit_key, "member_spans", row)) for row in rows],
            key=("member_id",))


def _refuse_broken(book: Book, done: Ledgered, journaled: set[tuple[int, int]],
                   settled: Sequence[Settled]) -> None:
    if not book.broken:
        return
    # a new seal over a forged figure would make it true
    touched = {("members", member_id) for member_id in done.members}
    touched |= {("journals", *key) for key in journaled}
    touched |= {("entries", each.case.decision.reversal.entry_id) for each in settled
                if each.case.decision.reversal is not None}
    touched |= {("holds", each.case.decision.ends.taker) for each in settled
                if each.case.decision.ends is not None}
    touched |= {("sightings", terminal_id) for terminal_id in book.sighted}
    found = sorted(" ".join(map(str, key)) for key in touched & book.broken)
    if found:
        raise SealBroken(f"Not what was sealed: {', '.join(found)}. Nothing was stored;"
                         " run the audit.")


def _store_entries(connection: Connection, made: Sequence[Entry]) -> None:
    bulk.insert(connection, entries, ENTRY_COLUMNS,
                [(*entry.row, entry.link, entry.head) for entry in made])
    lines = [(entry.id, line, *posting) for entry in made
             for line, posting in enumerate(entry.postings, 1)]
    if lines:
        bulk.insert(connection, postings, POSTING_COLUMNS, lines)


def _store_members(connection: Connection, audit_key: bytes,
                   changed: dict[int, Member]) -> None:
    rows = []
    for member in (changed[member_id] for member_id in sorted(changed) if member_id > 0):
        sealed = derived(member)
        rows.append((*sealed, chain.seal(audit_key, "members", sealed)))
    terminal_chains.store(connection, audit_key, [
        member for member in changed.values() if member.nobody])
    if rows and bulk.update(connection, members, MEMBER_COLUMNS, rows) != len(rows):
        raise RowsMissing("A locked member is gone. Nothing was stored; run the audit.")


def _store_outcomes(connection: Connection, keyring: Keyring, final: Sequence[Settled],
                    now: int) -> None:
    month = month_of(now)
    outcome_rows, frame_rows = [], []
    for case, reply, entry in final:
        message, back = case.message, case.decision.reversal
        origin, key = message.origin, message.key
        outcome_rows.append((origin, key, message.frame_hash, case.decision.code,
                             case.decision.facts.points, entry.id if entry else None, now))
        if back is not None and back.tombstone:
            # the hash tells which void it was; the frame of this key has not come
            outcome_rows.append((*back[:2], message.frame_hash, codes.VOIDED, None, None, now))
        # a verdict's frame is kept with the held row
        box = keyring.lock(month, bound_to("frames", origin, key),
                           b"" if message.by_hq else message.frame, reply)
        kept = (month, origin, key, box)
        frame_rows.append((*kept, chain.seal(keyring.audit_key, "frames", kept)))
    insert_outcomes(connection, keyring.audit_key, sorted(outcome_rows, key=lambda row: row[:2]))
    bulk.insert(connection, frames, FRAME_COLUMNS, frame_rows)


def insert_outcomes(connection: Connection, audit_key: bytes, rows: Sequence[tuple]) -> None:
    """Outcomes by ascending key; a second one of the same key fails."""
    bulk.insert(connection, outcomes, OUTCOME_COLUMNS, [
        (*row, chain.seal(audit_key, "outcomes", row)) for row in rows])


def _store_reversals(connection: Connection, keyring: Keyring, final: Sequence[Settled]) -> None:
    """What voids and refunds of this batch took back, numbered by original."""
    rows = []
    for case, _, _ in final:
        back = case.decision.reversal
        if back is not None:
            row = (back.origin, back.key, back.seq, case.message.origin, case.message.key)
            rows.append((*row, chain.seal(keyring.audit_key, "reversals", row)))
    if rows:
        bulk.insert(connection, reversals, REVERSAL_COLUMNS, sorted(rows))


def _store_held_dates(connection: Connection, keyring: Keyring,
                      final: Sequence[Settled]) -> None:
    """When the taps happened that are held, as far as is known now."""
    rows = []
    for case, _, _ in final:
        dated = case.decision.dated
        if case.decision.code == codes.HELD:
            assert dated is not None, "whoever decides that a message is held says its date"
            row = (case.message.origin, case.message.key, dated.at, dated.earliest, dated.latest,
                   dated.quality)
            rows.append((*row, chain.seal(keyring.audit_key, "held_dates", row)))
    if rows:
        bulk.insert(connection, held_dates, HELD_DATE_COLUMNS, rows)


def _store_batches(connection: Connection, keyring: Keyring, final: Sequence[Settled]) -> None:
    """The days that terminals closed."""
    closed = [each.case.decision.closes for each in final]
    rows = [row_of(keyring.audit_key, batch) for batch in closed if batch is not None]
    if rows:
        bulk.insert(connection, batches, BATCH_COLUMNS, sorted(rows))


def _store_sightings(connection: Connection, keyring: Keyring, book: Book) -> None:
    """What the batch told of its terminals' time, and which answers it gave to heartbeats."""
    bulk.insert(connection, sightings, COLUMNS, [
        sealed(keyring.audit_key, book.sightings[terminal_id])
        for terminal_id in sorted(book.sighted)], key=("terminal_id",))


def _store_journals(connection: Connection, keyring: Keyring, book: Book,
                    keys: Sequence[tuple[int, int]]) -> None:
    rows = []
    for key in keys:
        row = tuple(book.journals[key])
        rows.append((*row, chain.seal(keyring.audit_key, "journals", row)))
    bulk.insert(connection, journals, JOURNAL_COLUMNS, rows, key=JOURNAL_KEY)


def _store_refusals(connection: Connection, keyring: Keyring, refused: Sequence[Settled],
                    now: int) -> None:
    month = month_of(now)
    serials = counting.take(connection, keyring.audit_key, counting.REFUSALS, len(refused))
    rows = []
    for serial, (case, reply, _) in zip(serials, refused, strict=True):
        message = case.message
        bound = bound_to("refusals", message.frame_hash)
        row = (message.frame_hash, serial, message.terminal_id, message.request.journal,
               message.request.trace, case.decision.code, now,
               keyring.lock(month, bound, message.frame, reply))
        rows.append((*row, chain.seal(keyring.audit_key, "refusals", row)))
    bulk.insert(connection, refusals, REFUSAL_COLUMNS, rows)


def _store_registry(connection: Connection, keyring: Keyring, book: Book) -> None:
    """What messages change in the registry: higher key epochs, epochs that are needed no more,
    stock cards that became active."""
    desk = Desk(connection, keyring, INTAKE, book.now)
    for terminal_id, epoch in sorted(book.raised.items()):
        raise_epoch(desk, present(desk, terminals, "terminal", id=terminal_id), epoch)
    if book.retired:
        end_epochs(desk, book.retired)
    if book.activated:
        first_taps(desk, sorted(book.activated))
    desk.finish()
