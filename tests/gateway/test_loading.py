"""Loading: the order of statements that is safe, and what happens when a link moves."""

import re

import pytest
from sqlalchemy import event

from gateway import intake as intake_module
from gateway.database import counting_statements, on_postgresql, writing
from gateway.errors import LinkMoved
from gateway.loading import CatalogueCache, load
from tests.support.street import Street, card_number


def messages_of(street: Street, *frames: bytes) -> list:
    return street.intake.open_arrivals([street.arrival(frame) for frame in frames])


def loaded(street: Street, *frames: bytes):
    with writing(street.engine) as connection:
        return load(connection, CatalogueCache(), messages_of(street, *frames), 0,
                    street.keyring)


def test_locks_come_before_reads_and_terminals_before_members(engine):
    street = Street(engine, terminals=2, members=2)
    street.answers(street.sale(), street.sale(terminal=1, card=1))
    with counting_statements(engine) as statements:
        street.answers(street.sale(), street.sale(terminal=1, card=1))
    tables = [part.split()[0] for statement in statements if statement.startswith("SELECT")
              for part in statement.split(" FROM ")[1:2]]
    assert tables[:6] == ["cards", "terminals", "members", "counters", "cards", "lots"]
    locks = [statement for statement in statements if "ORDER BY id" in statement]
    assert len(locks) == 2 and not any(" JOIN " in statement for statement in locks)
    if on_postgresql(engine):
        assert all(statement.endswith("FOR NO KEY UPDATE") for statement in locks)


def test_a_book_holds_what_its_messages_may_need(engine):
    street = Street(engine, members=2)
    street.take(street.sale())
    found = loaded(street, street.sale(), street.inquiry(card=1), street.heartbeat())
    assert set(found.book.members) == set(street.members)
    assert found.book.members[street.members[0]].lots[0].remaining == 15
    assert found.book.members[street.members[1]].lots == ()
    assert [each.highest_trace for each in found.book.journals.values()] == [1]


def test_a_card_that_changes_its_member_between_resolve_and_lock_begins_again(
        postgresql_engine, monkeypatch):
    street = Street(postgresql_engine)
    number = card_number(50)
    street.registry.create_card(street.programme, number, state="stock")
    sound, moved = intake_module.load, []

    def load_while_hq_binds(connection, *rest):
        if not moved:
            moved.append(1)
            _move_between(connection, lambda: street.registry.bind_card(
                number, street.members[0]))
        return sound(connection, *rest)

    monkeypatch.setattr(intake_module, "load", load_while_hq_binds)
    assert street.take(street.sale(card=number)).code == 0
    assert street.intake.retries == 1


def _move_between(connection, act) -> None:
    """Runs `act` right behind the first statement sent on this connection."""
    event.listen(connection, "after_cursor_execute", lambda *_: act(), once=True)


def test_no_statement_of_a_sale_or_its_repeat_searches_a_whole_table(sqlite_engine):
    street = Street(sqlite_engine)
    street.take(street.sale())
    plans: list[str] = []

    def explain(_connection, cursor, statement, parameters, _context, _many) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE")):
            found = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(f"{row[3]} <- {statement}" for row in found)

    event.listen(sqlite_engine, "before_cursor_execute", explain)
    tap = street.sale()
    street.take(tap)
    street.take(tap)
    event.remove(sqlite_engine, "before_cursor_execute", explain)
    # open_days has a row for each programme, and counters one for each name
    scans = [plan for plan in plans
             if re.match(r"SCAN (?!(\d+ )?CONSTANT|v|\(subq|counters|open_days)", plan)]
    assert len(plans) > 20 and scans == []


def test_a_link_that_moved_is_an_error_of_its_own():
    assert LinkMoved.code == "link_moved"
    with pytest.raises(LinkMoved):
        raise LinkMoved("A card changed its member meanwhile.")
