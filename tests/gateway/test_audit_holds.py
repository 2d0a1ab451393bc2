"""Holds in the audit: whoever edits, deletes or makes one up is found out, and it is named."""

import pytest

from gateway.audit import run_audit
from gateway.database import writing
from tests.gateway.test_decisions_hold import holding, release, take
from tests.support.street import Street


def story(engine) -> Street:
    """Holds of entries 2 (taken by 4), 3 (open), 6 (ended by the void 7), 9 (released by 10)."""
    street = holding(engine)
    street.take(street.sale(10_000))
    for amount in (1000, 2000):
        street.take(street.refund(1, amount_minor=amount))
    take(street, 2)
    street.take(street.sale(5000))
    street.take(street.refund(4, amount_minor=1000))
    street.take(street.void(5))
    street.take(street.sale(5000))
    street.take(street.refund(7, amount_minor=1000))
    release(street, 9)
    return street


def found(street: Street, *, rebuild: bool = True) -> set[tuple[str, str]]:
    report = run_audit(street.engine, street.keyring, rebuild=rebuild, clock=lambda: street.now)
    return {(each.table, each.row) for each in report.findings}


def test_a_story_with_every_end_is_sound(engine):
    street = story(engine)
    assert street.rows("holds", "entry_id, state", "1=1 ORDER BY 1") == [
        (2, 1), (3, 0), (6, 4), (9, 2)]
    assert found(street) == set()


@pytest.mark.parametrize("change", [
    "state = 2 WHERE entry_id = 2", "state = 0, ended_by = NULL WHERE entry_id = 2",
    "ended_by = 5 WHERE entry_id = 6", "due_on = due_on + 1 WHERE entry_id = 3",
    "member_id = 7 WHERE entry_id = 3", "state = 1, ended_by = 4 WHERE entry_id = 3"])
def test_an_edited_hold_is_named(sqlite_engine, change):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(f"UPDATE holds SET {change}")
    assert ("holds", change[-1]) in found(street)


@pytest.mark.parametrize(("receipt", "told"), [(3, "hold"), (4, "hold_ended"), (1, "span")])
def test_a_context_that_no_parser_takes_is_a_finding_and_not_the_end_of_the_audit(
        sqlite_engine, receipt, told):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("UPDATE entries SET context = ? WHERE id = ?", (
            f'{{"{told}":' + "[" * 100_000, receipt))
    assert ("entries", str(receipt)) in found(street)


@pytest.mark.parametrize("receipt", [2, 3, 6, 9])
def test_a_deleted_hold_is_named(sqlite_engine, receipt):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM holds WHERE entry_id = {receipt}")
    assert found(street) == {("holds", str(receipt))}


def test_a_hold_put_back_to_what_it_was_before_its_verdict_is_named(sqlite_engine):
    street = holding(sqlite_engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    mac, = street.rows("holds", "row_mac")[0]
    take(street, 2)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(
            "UPDATE holds SET state = 0, ended_by = NULL, row_mac = ?", (mac,))
    assert ("holds", "2") in found(street, rebuild=False)
    assert ("holds", "2") in found(street)


def test_a_verdict_s_outcome_and_note_are_missed(sqlite_engine):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames WHERE origin = -3")
    assert {table for table, _ in found(street)} == {"frames"}
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("DELETE FROM outcomes WHERE origin = -3")
    assert "outcomes" in {table for table, _ in found(street)}
