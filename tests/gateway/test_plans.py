"""Posting asks for rows by their key: no table is read through, however long a shop lives.

The index of held taps is read through where they are listed: it has nothing else in it.
"""
import re

import pytest

from gateway import bulk, days, held, held_list
from gateway.clock import to_ms
from gateway.database import counting_statements, writing
from gateway.expiry import expire_lots
from gateway.loading import HANDSET_KEY
from gateway.tables import metadata, outcomes
from tests.gateway.test_held import held_tap
from tests.gateway.test_proposals import done
from tests.support.street import JOURNAL, Street

# rows of these are counted in tens: a programme, its merchants, one counter each
SMALL = {"counters", "programmes", "rule_sets", "merchants", "merchant_rates", "shops",
         "operators", "accounts", "recoveries", "open_days"}


ALIAS = re.compile(r"(?:FROM|JOIN) (\w+) (?:AS )?(\w+)")


@pytest.fixture
def said(sqlite_engine) -> list[str]:
    """Every statement of days with all that can be asked for, and of what HQ and the jobs do."""
    street = Street(sqlite_engine)
    with counting_statements(sqlite_engine) as statements:
        sales = [street.sale(1000 + number) for number in range(6)]
        street.answers(*sales)
        street.answers(*sales[:3])  # they come again
        street.answers(*(street.void(JOURNAL, trace) for trace in (1, 2, 3, 99)))
        street.answers(street.heartbeat(), street.inquiry(), street.kept(200))
        street.registry.create_operator(street.merchant, 5, "Li")
        street.registry.set_operator_pin(street.merchant, 5, "2468")
        street.answers(street.login(5, "2468"))
        held.post(street.intake, held_tap(street), "Lin", "asked the shop")
        list(held_list.waiting(street.intake, everything=True))
        sale, bill, part = street.trace(), street.trace(), street.trace()
        answers = street.answers(street.sale(90_000, trace=sale),
                                 street.redemption(300, 9000, trace=bill),
                                 street.refund(bill, amount_minor=900, trace=part))
        answers += street.answers(street.void(part), street.walk_in(), street.refund(
            sale, amount_minor=900), street.batch_close(1, part), street.sale())
        assert {each.code for each in answers} == {0}
        grant = done(street, "grant", 10)
        done(street, "correction", 0, receipt=grant.receipt)
        done(street, "penalty", 5_000)
        street.later(days=400)
        done(street, "write_off", 0)
        street.answers(street.sale())
        street.later(days=300)
        assert expire_lots(sqlite_engine, street.keyring, to_ms(street.now), 10)
        assert days.close(sqlite_engine, street.keyring, to_ms(street.now)).sealed
    return statements


def test_no_statement_reads_a_table_through(sqlite_engine, said):
    large = {table.name for table in metadata.sorted_tables} - SMALL
    found = []
    with writing(sqlite_engine) as connection:
        for text in sorted(set(said)):
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}",
                                                  (None,) * text.count("?")).fetchall():
                scanned = re.match(r"SCAN (\w+)(?! USING INDEX ix_outcomes_held)", row[3])
                aliases = {alias: table for table, alias in ALIAS.findall(text)}
                if scanned and aliases.get(scanned[1], scanned[1]) in large:
                    found.append((row[3], text))
    assert len(set(said)) > 20 and not found


def test_an_outcome_is_found_by_its_whole_key(sqlite_engine):
    """By its terminal alone it would mean to read all that this one ever sent."""
    with writing(sqlite_engine) as connection:
        source, _ = bulk.sought(connection, outcomes, HANDSET_KEY, [(1, b"a"), (1, b"b")])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT code FROM {source}",
                                          (None,) * 4).fetchall()
    assert any("origin=? AND operation_key=?" in row[3] for row in plan)


def test_a_row_sought_twice_is_found_once(engine):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(3)))
    keys = street.rows("outcomes", "origin, operation_key")
    with writing(engine) as connection:
        found = bulk.select(connection, outcomes, HANDSET_KEY, HANDSET_KEY, keys + keys)
    assert sorted(map(tuple, found)) == sorted(keys)
