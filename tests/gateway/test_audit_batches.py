"""The audit of batches: what was counted is counted again, by a program that sealed it wrongly."""

import pytest

from gateway import chain, days
from gateway.audit import run_audit
from gateway.batch import Record, packed, unpacked
from gateway.clock import to_ms
from gateway.database import writing
from gateway.tables import batches, entries
from tests.support.intruder import Intruder
from tests.support.street import Street


def closed_day(engine) -> Street:
    street = Street(engine)
    street.answers(street.sale(), street.sale(), street.batch_close(1, 1), street.sale(),
                   street.batch_close(3, 4, trace=6))
    return street


def said_of(street: Street, **values) -> list[str]:
    """What the audit says when the last batch holds `values` and is sealed all the same."""
    with Intruder(street.engine, batches) as intruder:
        row = {**intruder.rows(batches)[-1]._mapping, **values}
        sealed = tuple(row[column.name] for column in batches.columns)[:-1]
        row["row_mac"] = chain.seal(street.keyring.audit_key, "batches", sealed)
        intruder.run(batches.update().where(
            batches.c.operation_key == row["operation_key"]).values(**row))
        report = run_audit(street.engine, street.keyring, clock=lambda: street.now)
    return [found.wrong for found in report.findings if found.table == "batches"]


def test_figures_that_messages_do_not_come_to_are_named(engine):
    street = closed_day(engine)
    record = unpacked(street.rows("batches", "record")[-1][0])
    wrong = packed(record._replace(ours={1: (1, 1250, 16)}))
    assert said_of(street, record=wrong) == [
        "its totals of type 1 are (1, 1250, 16), its messages come to (1, 1250, 15)."]
    assert said_of(street) == []


def test_what_came_after_the_close_is_not_counted(engine):
    street = Street(engine)
    street.answers(street.batch_close(1, 3, trace=4))
    street.answers(street.sale(trace=2))
    assert run_audit(street.engine, street.keyring).ok


def test_ranges_that_touch_or_cannot_be_are_named(engine):
    street = closed_day(engine)
    wrong = "closes what cannot be closed by it."
    assert wrong in said_of(street, first_trace=1)
    assert wrong in said_of(street, first_trace=5, last_trace=6)


def test_a_place_that_cannot_be_is_named_and_stops_nothing(engine):
    street = closed_day(engine)
    with Intruder(street.engine, batches) as intruder:
        intruder.run(batches.update().where(batches.c.first_trace == 1).values(
            terminal_id=2**62))
        found = run_audit(street.engine, street.keyring, clock=lambda: street.now).findings
        assert {each.table for each in found} == {"batches"} and len(found) == 2


def rebuilt(street: Street, **values) -> list[str]:
    """What a rebuild says when the last batch holds `values`, under its old seal."""
    with Intruder(street.engine, batches) as intruder:
        key = intruder.rows(batches)[-1].operation_key
        intruder.run(batches.update().where(batches.c.operation_key == key).values(**values))
        report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert ("batches", 2) in report.rebuilt
    return [found.wrong for found in report.findings if found.table == "batches"]


def test_a_rebuild_names_a_total_that_was_changed(engine):
    street = closed_day(engine)
    record = unpacked(street.rows("batches", "record")[-1][0])
    assert rebuilt(street, record=packed(record)) == []
    for ours, named in (
            ({1: (1, 1250, 16)}, "total of type 1 is (1, 1250, 16), rebuilt it is (1, 1250, 15)."),
            ({}, "total of type 1 is None, rebuilt it is (1, 1250, 15)."),
            ({**record.ours, 4: (1, 5, 0)},
             "total of type 4 is (1, 5, 0), rebuilt it is None.")):
        assert named in rebuilt(street, record=packed(record._replace(ours=ours)))


def test_a_rebuild_says_of_a_batch_that_it_does_not_read_and_goes_on(engine):
    street = closed_day(engine)
    for values in ({"record": b"\xff"}, {"record": b""}, {"first_trace": -1},
                   {"last_trace": 2**40},
                   {"record": packed(Record({}, {}, unseen=((1, "x"),)))}):  # type: ignore
        with Intruder(street.engine, batches) as intruder:
            intruder.run(batches.update().where(batches.c.first_trace == 1).values(**values))
            report = run_audit(street.engine, street.keyring, rebuild=True,
                               clock=lambda: street.now)
        assert "does not read." in [found.wrong for found in report.findings]
        assert ("batches", 1) in report.rebuilt  # the other one


def test_an_entry_of_a_closed_batch_whose_kind_no_message_makes_is_named(engine):
    street = closed_day(engine)
    for kind in (6, 99):
        with Intruder(street.engine, entries) as intruder:
            intruder.run(entries.update().where(entries.c.id == 1).values(kind=kind))
            named = {(found.table, found.row) for found in run_audit(
                engine, street.keyring, rebuild=True, clock=lambda: street.now).findings}
        assert ("entries", "1") in named and "batches" in {table for table, _ in named}


@pytest.mark.parametrize("change", [
    "entries SET amount_minor = 'x'", "outcomes SET points = 'x'", "outcomes SET points = x'00'",
    "entries SET merchant_id = 'x'", "entries SET kind = 'x'"])
def test_what_is_no_number_is_a_finding_and_not_the_end_of_the_audit(sqlite_engine, change):
    street = closed_day(sqlite_engine)
    street.later(days=1)
    days.close(sqlite_engine, street.keyring, to_ms(street.now))
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(f"UPDATE {change}")
    report = run_audit(sqlite_engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert change.split()[0] in {found.table for found in report.findings}
