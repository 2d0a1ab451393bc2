"""The audit: a street with a past is clean; whatever is edited, deleted or forged is named.

One street for each kind of database; each test tampers with it and puts it back.
"""

import json
import logging
import os
from collections.abc import Iterator
from zlib import crc32

import pytest
from click.testing import CliRunner
from sqlalchemy import Column, Row, UniqueConstraint, delete, insert, text, update

from gateway import chain, counting
from gateway.audit import AuditError, Report, run_audit
from gateway.audit.report import key_text
from gateway.cli import gateway
from gateway.keyring import Keyring
from gateway.message import COMMANDS
from gateway.registry import RegistryError
from gateway.tables import (
    accounts,
    cards,
    counters,
    entries,
    frames,
    journals,
    lot_movements,
    lots,
    members,
    metadata,
    outcomes,
    postings,
    proposals,
    quarantine,
    refusals,
    registry_events,
    reversals,
)
from protocol import codes
from tests.support.busy_street import SECOND_JOURNAL, busy_street
from tests.support.databases import KINDS, SQLITE, fresh_engine
from tests.support.intruder import Intruder, where
from tests.support.street import KEYS, Street

TABLES = [table.name for table in metadata.sorted_tables]
COLUMNS = [f"{table.name}.{column.name}" for table in metadata.sorted_tables
           for column in table.columns if not column.primary_key]


@pytest.fixture(scope="module", params=KINDS)
def street(request) -> Iterator[Street]:
    logging.disable(logging.ERROR)  # the seeded fault of busy_street
    with fresh_engine(request.param) as engine:
        built = busy_street(engine)
        logging.disable(logging.NOTSET)
        yield built
        assert look(built).ok, "a test left something behind"


def look(street: Street, **options) -> Report:
    return run_audit(street.engine, street.keyring, clock=lambda: street.now, **options)


def named(report: Report) -> set[tuple[str, str]]:
    return {(found.table, found.row) for found in report.findings}


def said(report: Report, table: str, row: str) -> str:
    return " ".join(found.wrong for found in report.findings
                    if (found.table, found.row) == (table, row))


def some_row(rows: list[Row], name: str) -> Row:
    """One row of several, another one for each column."""
    return rows[crc32(name.encode()) % len(rows)]


def another(value: object, column: Column) -> object:
    """A value of the same kind that is not the same."""
    if value is None:
        return "x" if column.type.python_type is str else 1
    if isinstance(value, int):
        unique = any(column.name in each.columns for each in column.table.constraints
                     if isinstance(each, UniqueConstraint))
        return value + (1000 if unique else 1)
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"
    return f"{value}x"


def edited(row: Row, **values: object) -> dict[str, object]:
    return {**row._mapping, **values}


# ---- clean ----

def test_a_street_with_a_past_is_clean_and_every_row_of_it_was_looked_at(street):
    report = look(street, rebuild=True)
    assert report.findings == ()
    with Intruder(street.engine) as intruder:
        rows = {table.name: len(intruder.rows(table)) for table in metadata.sorted_tables}
    assert dict(report.checked) == rows
    assert min(rows.values()) > 0, "busy_street leaves a table empty"
    assert {each.table for each in report.rebuilt} == {
        "members", "lots", "draws", "member_spans", "terminal_chains", "holds", "journals",
        "cards", "terminals", "counters", "batches", "open_days", "day_totals"}


def test_pages_of_two_rows_say_the_same_as_one_page(street):
    assert look(street, rebuild=True, page_rows=2).checked == look(street).checked
    with Intruder(street.engine, postings, lots) as intruder:
        intruder.run(update(postings).values(amount=postings.c.amount + 1))
        intruder.run(update(lots).values(remaining=0))
        assert named(look(street, page_rows=2)) == named(look(street))


def test_a_new_database_is_clean(engine):
    assert run_audit(engine, Keyring(*KEYS)).ok


def test_taps_that_come_in_meanwhile_are_no_findings(street):
    with Intruder(street.engine):
        tables: list[str] = []

        def tap_meanwhile(table: str, done: int, total: int) -> None:
            if table not in tables:
                tables.append(table)
                street.answers(street.sale(1200, card=1), b"rubbish", street.sale(700))

        report = look(street, rebuild=True, progress=tap_meanwhile, page_rows=3)
        assert sorted(tables) == sorted(TABLES)
        assert report.findings == ()
        assert look(street, rebuild=True).findings == ()


# ---- one row, edited or deleted ----

@pytest.mark.parametrize("name", COLUMNS)
def test_an_edited_row_is_named(street, name: str):
    table = metadata.tables[name.split(".")[0]]
    column = table.c[name.split(".")[1]]
    with Intruder(street.engine, table) as intruder:
        row = some_row(intruder.rows(table), name)
        value = another(row._mapping[column.name], column)
        intruder.run(update(table).where(where(row, table)).values({column.name: value}))
        assert (table.name, key_text(table, row)) in named(look(street))


@pytest.mark.parametrize("name", TABLES)
def test_a_deleted_row_is_named(street, name: str):
    table = metadata.tables[name]
    with Intruder(street.engine, table) as intruder:
        for row in {some_row(intruder.rows(table), name), intruder.rows(table)[-1]}:
            intruder.run(delete(table).where(where(row, table)))
            # of a refused or quarantined frame only its serial is known elsewhere
            names = {(name, key_text(table, row))}
            if table in (refusals, quarantine):
                names = {(name, f"serial {row.serial}")}
            if table is reversals:
                names = {(name, f"by {row.by_origin}:{row.by_key.hex()}")}
            assert names <= named(look(street))
            intruder.run(insert(table), [edited(row)])


def test_a_held_tap_that_is_deleted_with_its_frame_is_named_by_its_trace(street):
    with Intruder(street.engine, outcomes, frames) as intruder:
        held = next(row for row in intruder.rows(outcomes) if row.code == 41)
        for table in (outcomes, frames):
            intruder.run(delete(table).where(table.c.origin == held.origin,
                                             table.c.operation_key == held.operation_key))
        assert named(look(street)) == {("outcomes", key_text(outcomes, held))}


def test_a_verdict_of_hq_that_is_deleted_with_all_that_came_of_it_is_missed(street):
    with Intruder(street.engine, outcomes, frames) as intruder:
        verdict = next(row for row in intruder.rows(outcomes)
                       if row.origin == 0 and row.entry_id is None)
        for table in (outcomes, frames):
            intruder.run(delete(table).where(table.c.origin == 0,
                                             table.c.operation_key == verdict.operation_key))
        terminal, journal = (int.from_bytes(verdict.operation_key[at:at + 4], "big")
                             for at in (0, 4))
        assert named(look(street)) == {
            ("outcomes", f"terminal {terminal} journal {journal}")}
        assert "1 missing" in said(look(street), "outcomes",
                                   f"terminal {terminal} journal {journal}")


def test_a_refused_command_is_not_to_be_approved_after_all(street):
    """Its end deleted with all that tells of it, a proposal would wait once more."""
    with Intruder(street.engine, outcomes, frames) as intruder:
        end = next(row for row in intruder.rows(outcomes)
                   if row.origin == COMMANDS and row.entry_id is None)
        for table in (outcomes, frames):
            intruder.run(delete(table).where(table.c.origin == COMMANDS,
                                             table.c.operation_key == end.operation_key))
        assert named(look(street)) == {("outcomes", f"origin {COMMANDS}")}


def test_a_command_cannot_be_hung_on_another_proposal(street):
    with Intruder(street.engine, proposals) as intruder:
        first, second = intruder.rows(proposals)[:2]
        intruder.run(update(proposals).where(where(first, proposals)).values(
            edited(second, serial=first.serial)))
        assert {("proposals", "1"), ("outcomes", f"{COMMANDS}:{first.serial:016x}")} <= named(
            look(street))


def test_a_void_that_is_made_never_to_have_been_is_named(street):
    """So that a second void could take the points once more."""
    with Intruder(street.engine, reversals) as intruder:
        rows = intruder.rows(reversals)
        tombs = {(row.origin, row.operation_key) for row in intruder.rows(outcomes)
                 if row.code == codes.VOIDED}
        assert tombs
        for row in rows:
            intruder.run(delete(reversals).where(where(row, reversals)))
            names = {("reversals", f"by {row.by_origin}:{row.by_key.hex()}")}
            if (row.origin, row.operation_key) in tombs:
                names |= {("reversals", key_text(reversals, row))}
            assert names <= named(look(street))
            intruder.run(insert(reversals), [edited(row)])
        intruder.run(update(reversals).where(where(rows[0], reversals)).values(
            operation_key=b"\0\0\0\7\0\0\0\7"))
        key = f"{rows[0].origin}:0000000700000007"
        assert {("reversals", f"{key}:1"), ("outcomes", key)} <= named(look(street))


def test_rows_that_retention_dropped_are_missed_only_until_their_time(street):
    missed = [found for found in run_audit(
        street.engine, street.keyring, clock=lambda: street.now.replace(year=2026)).findings]
    assert missed and {found.table for found in missed} == {"frames"}


# ---- forged ----

def test_a_forged_posting_is_named(street):
    with Intruder(street.engine, postings) as intruder:
        line = intruder.rows(postings)[0]
        intruder.run(insert(postings), [edited(line, line=9), edited(line, entry_id=999)])
        assert {("postings", f"{line.entry_id}:9"), ("postings", "999:1")} <= named(look(street))


def test_a_posting_in_another_unit_than_its_account_is_named(street):
    with Intruder(street.engine, accounts, postings) as intruder:
        due = next(row for row in intruder.rows(accounts) if row.kind == "merchant_due")
        mine = {("postings", f"{row.entry_id}:{row.line}") for row in intruder.rows(postings)
                if row.account_id == due.id}
        intruder.run(update(accounts).where(accounts.c.id == due.id).values(unit=1))
        found = named(look(street))
        assert mine and found == {*mine, ("accounts", str(due.id))}


def test_a_forged_entry_is_named(street):
    with Intruder(street.engine, entries, members) as intruder:
        last = max(intruder.rows(entries), key=lambda row: (row.member_id == 1, row.chain_seq))
        forged = edited(last, id=999, chain_seq=last.chain_seq + 1)
        intruder.run(insert(entries), [forged])
        assert ("entries", "999") in named(look(street))
        intruder.run(update(members).where(members.c.id == 1).values(
            chain_seq=last.chain_seq + 1))
        assert {("entries", "999"), ("members", "1")} <= named(look(street))


@pytest.mark.parametrize(("table", "values"), [
    (outcomes, {"operation_key": b"\0\0\0\7\0\0\0\7", "origin": 10000003}),
    (frames, {"operation_key": b"\0\0\0\7\0\0\0\7"}),
    (refusals, {"frame_hash": b"x" * 32, "serial": 99}),
    (quarantine, {"frame_hash": b"x" * 32, "serial": 99}),
    (journals, {"journal": 99}), (counters, {"name": "spare"}),
    (lots, {"id": 99}), (lot_movements, {"line": 2}),
    (cards, {"id": 99, "identity": "6200009999999992"}), (accounts, {"id": 99, "owner_id": 77}),
    (registry_events, {"seq": 99}), (members, {"id": 99})],
    ids=lambda value: getattr(value, "name", ""))
def test_a_copy_of_a_true_row_under_another_key_is_named(street, table, values):
    with Intruder(street.engine, table) as intruder:
        row = intruder.rows(table)[0]
        intruder.run(insert(table), [edited(row, **values)])
        key = ":".join(part.hex() if isinstance(part, bytes) else str(part) for part in (
            edited(row, **values)[column.name] for column in table.primary_key.columns))
        assert (table.name, key) in named(look(street))


def test_a_lot_that_is_said_to_stand_in_for_none_there_is_is_named(street):
    with Intruder(street.engine, lots) as intruder:
        lot = intruder.rows(lots)[0]
        assert lot.replaces is None
        intruder.run(update(lots).where(where(lot, lots)).values(replaces=0))
        assert ("lots", str(lot.id)) in named(look(street))


# ---- cleverer ----

def test_both_postings_of_an_entry_changed_to_balance_are_named(street):
    with Intruder(street.engine, postings) as intruder:
        entry = intruder.rows(postings)[0].entry_id
        mine = postings.c.entry_id == entry
        intruder.run(update(postings).where(mine).values(amount=postings.c.amount * 10))
        assert {("postings", f"{entry}:1"), ("postings", f"{entry}:2")} <= named(look(street))


def test_points_given_consistently_everywhere_are_found(street):
    with Intruder(street.engine, postings, lot_movements, lots, members, entries) as intruder:
        entry = next(row for row in intruder.rows(postings) if row.line == 1)
        lot = next(row for row in intruder.rows(lot_movements) if row.entry_id == entry.entry_id)
        owner = next(row for row in intruder.rows(lots) if row.id == lot.lot_id)
        for line, more in ((1, 5000), (2, -5000)):
            intruder.run(update(postings).where(postings.c.entry_id == entry.entry_id,
                                                postings.c.line == line)
                         .values(amount=postings.c.amount + more))
        intruder.run(update(lot_movements).where(where(lot, lot_movements))
                     .values(delta=lot.delta + 5000))
        intruder.run(update(lots).where(lots.c.id == owner.id).values(
            issued=owner.issued + 5000, remaining=owner.remaining + 5000))
        intruder.run(update(members).where(members.c.id == owner.member_id).values(
            available=members.c.available + 5000))
        day = next(row.booked_on for row in intruder.rows(entries) if row.id == entry.entry_id)
        assert {("day_totals", f"1:{day}:0"), ("day_totals", f"1:{day}:1"),
                ("postings", f"{entry.entry_id}:1"), ("postings", f"{entry.entry_id}:2"),
                ("lot_movements", f"{lot.entry_id}:1"), ("entries", str(entry.entry_id)),
                ("members", str(owner.member_id))} == named(look(street, rebuild=True))


def test_a_chain_linked_again_without_the_key_is_found_at_the_changed_entry(street):
    """SHA-256 links can be computed by anyone; the heads cannot."""
    with Intruder(street.engine, entries) as intruder:
        chain_of_one = sorted((row for row in intruder.rows(entries) if row.member_id == 1),
                              key=lambda row: row.chain_seq)
        changed = chain_of_one[1]
        for row in chain_of_one[1:]:
            intruder.run(update(entries).where(entries.c.id == row.id).values(
                amount_minor=1 if row is changed else row.amount_minor,
                link=chain.link(chain.NO_LINK, row.link)))
        assert ("entries", str(changed.id)) in named(look(street))


def test_a_cut_tail_is_found_though_the_member_is_rolled_back(street):
    with Intruder(street.engine) as intruder:
        before = intruder.rows(members), intruder.rows(lots)
        street.answers(street.sale(5000, card=0, terminal=2, journal=SECOND_JOURNAL, trace=2))
        last = intruder.rows(entries)[-1]
        for table in (postings, lot_movements):
            intruder.run(delete(table).where(table.c.entry_id == last.id))
        intruder.run(delete(entries).where(entries.c.id == last.id))
        for table, rows in zip((members, lots), before, strict=True):
            intruder.run(delete(table))
            intruder.put(table, rows)
        report = look(street)
        assert named(report) == {("entries", str(last.id))}
        for table in (outcomes, frames):
            intruder.run(delete(table).where(table.c.origin == last.origin,
                                             table.c.operation_key == last.operation_key))
        assert named(look(street)) == {("outcomes", f"{last.origin}:{last.operation_key.hex()}")}


def test_a_card_put_back_to_an_older_state_is_named_as_rolled_back(street):
    with Intruder(street.engine) as intruder:
        older = intruder.rows(cards)
        street.registry.set_card_state(street.cards[0], "blocked")
        intruder.run(delete(cards))
        intruder.put(cards, older)
        assert "as it was at event" in said(look(street), "cards", str(older[0].id))


def test_the_end_of_the_house_chain_cut_with_its_row_is_found(street):
    with Intruder(street.engine) as intruder:
        older = intruder.rows(cards)
        street.registry.set_card_state(street.cards[0], "blocked")
        intruder.run(delete(cards))
        intruder.put(cards, older)
        last = intruder.rows(registry_events)[-2:]
        for event in last:
            intruder.run(delete(registry_events).where(registry_events.c.seq == event.seq))
        assert ("registry_events", f"{last[0].seq} to {last[1].seq}") in named(look(street))


# PostgreSQL keeps the kinds of its columns itself
@pytest.mark.parametrize("street", [SQLITE], indirect=True)
@pytest.mark.parametrize("value", ["'ten'", "x'00'", "1.5", "9e999", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["postings.amount", "lots.remaining", "members.available",
                                    "entries.chain_seq", "outcomes.decided_at"])
def test_what_sqlite_lets_into_any_column_is_named(street, column: str, value: str):
    table, name = column.split(".")
    with Intruder(street.engine, metadata.tables[table]) as intruder:
        row = some_row(intruder.rows(metadata.tables[table]), column)
        key = key_text(metadata.tables[table], row)
        first = next(iter(metadata.tables[table].primary_key.columns)).name
        intruder.run(text(f"UPDATE {table} SET {name} = {value} WHERE {first} = :key"),
                     {"key": row._mapping[first]})
        assert (table, key) in named(look(street, rebuild=True))


# ---- the gateway stores nothing on top of what was forged ----

@pytest.mark.parametrize(("table", "column"), [(members, "debt"), (members, "chain_seq"),
                                               (journals, "outcomes")],
                         ids=lambda value: getattr(value, "name", value))
def test_a_tap_on_a_forged_row_waits_and_does_not_make_it_true(street, table, column, caplog):
    with Intruder(street.engine) as intruder:
        before = street.sale(800, card=0, terminal=2, journal=SECOND_JOURNAL, trace=2)
        first, = street.answers(before)
        rows = intruder.rows(table)
        forged = rows[0] if table is members else rows[-1]
        intruder.run(update(table).where(where(forged, table)).values(
            {column: forged._mapping[column] + 1}))
        tap = street.sale(900, card=0, terminal=2, journal=SECOND_JOURNAL, trace=3)
        waiting, = street.answers(tap)
        assert waiting.code == codes.TRY_LATER and "SealBroken" in caplog.text
        assert street.answers(before)[0].reply == first.reply
        assert (table.name, key_text(table, forged)) in named(look(street))
        intruder.run(delete(table))
        intruder.put(table, rows)
        street.registry.requeue(street.read(waiting.reply).digest)
        assert street.take(tap).code == codes.APPROVED
        assert look(street).ok


def test_a_forged_registry_row_cannot_be_changed_on(street):
    with Intruder(street.engine) as intruder:
        intruder.run(update(cards).where(cards.c.identity == street.cards[0])
                     .values(member_id=street.members[2]))
        with pytest.raises(RegistryError, match="run the audit"):
            street.registry.set_card_state(street.cards[0], "blocked")
        assert ("cards", "1") in named(look(street))


@pytest.mark.parametrize("gone", [False, True], ids=["edited", "deleted"])
def test_a_forged_counter_gives_out_no_serials(street, gone: bool):
    with Intruder(street.engine) as intruder:
        forged = counters.c.name == counting.HOUSE
        intruder.run(delete(counters).where(forged) if gone else
                     update(counters).where(forged).values(value=counters.c.value - 1))
        with pytest.raises(counting.CounterBroken, match="run the audit"):
            street.registry.set_card_state(street.cards[0], "blocked")
        assert ("counters", "house") in named(look(street))


# ---- rebuild ----

@pytest.mark.parametrize("column", ["members.available", "members.debt", "members.chain_link",
                                    "lots.issued", "lots.remaining", "lots.held",
                                    "journals.outcomes", "journals.highest_trace",
                                    "cards.state_before", "terminals.epoch", "counters.value"])
def test_rebuild_says_what_a_derived_value_is_and_what_it_should_be(street, column: str):
    table, name = metadata.tables[column.split(".")[0]], column.split(".")[1]
    with Intruder(street.engine, table) as intruder:
        row = intruder.rows(table)[-1]
        value = another(row._mapping[name], table.c[name])
        intruder.run(update(table).where(where(row, table)).values({name: value}))
        shown, meant = (each.hex() if isinstance(each, bytes) else each
                        for each in (value, row._mapping[name]))
        assert (f"{name} is {shown}, rebuilt it is {meant}."
                in said(look(street, rebuild=True), table.name, key_text(table, row)))


# ---- what it needs, and how it is told ----

def test_under_another_audit_key_nothing_is_said_of_the_rows(street):
    with pytest.raises(AuditError, match="POINTWIRE_AUDIT_KEY"):
        run_audit(street.engine, Keyring(KEYS[0], b"B" * 32, KEYS[2]))


def test_under_another_frame_key_the_frames_do_not_open_and_that_is_all(street):
    report = run_audit(street.engine, Keyring(*KEYS[:2], b"G" * 32), clock=lambda: street.now)
    assert {found.table for found in report.findings} == {
        "frames", "refusals", "quarantine", "dead_letters", "proposals"}
    assert all("POINTWIRE_FRAME_KEY" in found.todo for found in report.findings)


def test_no_finding_shows_a_card_number_or_a_name(street):
    with Intruder(street.engine, cards, members) as intruder:
        intruder.run(update(cards).values(state="x"))
        intruder.run(update(members).values(masked_name="x"))
        shown = str(look(street, rebuild=True))
        assert not [card for card in street.cards if card in shown] and "王" not in shown


def test_a_wrecked_database_fills_no_memory(street, monkeypatch):
    monkeypatch.setattr("gateway.audit.report.FINDINGS_MAX", 5)
    with Intruder(street.engine, outcomes) as intruder:
        intruder.run(update(outcomes).values(code=1))
        report = look(street)
    assert len(report.findings) == 5 and report.left_out > 10
    assert f"5 findings (and {report.left_out} more)" in str(report)


def audit_command(street: Street, *options: str, **env: str):
    keys = dict(zip(("MASTER", "AUDIT", "FRAME"), (key.hex() for key in KEYS), strict=True))
    settings = {f"POINTWIRE_{name}_KEY": key for name, key in keys.items()}
    url = street.engine.url.render_as_string(hide_password=False)
    settings |= {"POINTWIRE_DATABASE_URL": url.replace("+psycopg", "")} | env
    return CliRunner().invoke(gateway, ["audit", *options], env=os.environ | settings)


def test_the_command_ends_with_0_clean_1_findings_2_cannot_run(street, monkeypatch):
    monkeypatch.setitem(run_audit.__kwdefaults__, "clock", lambda: street.now)
    clean = audit_command(street, "--rebuild")
    assert clean.exit_code == 0 and clean.stdout.startswith("clean: "), clean.output
    with Intruder(street.engine, lots) as intruder:
        intruder.run(update(lots).where(lots.c.id == 1).values(remaining=777))
        wrong = audit_command(street)
        assert wrong.exit_code == 1 and "lots 1: remaining is 777" in wrong.stdout
        told = json.loads(audit_command(street, "--json").stdout)
    assert told["ok"] is False and told["checked"]["lots"] == 13
    assert ("lots", "1") in {(found["table"], found["row"]) for found in told["findings"]}
    other = audit_command(street, POINTWIRE_AUDIT_KEY="22" * 32)
    assert other.exit_code == 2 and "POINTWIRE_AUDIT_KEY" in other.stderr
    gone = audit_command(street, POINTWIRE_DATABASE_URL="sqlite:////nowhere/x.sqlite3")
    assert gone.exit_code == 2 and "Traceback" not in gone.output
