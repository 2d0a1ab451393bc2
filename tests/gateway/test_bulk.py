"""One statement for many rows, the same on both databases."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import bulk
from gateway.database import counting_statements, reading, writing
from gateway.tables import card_events, counters, journals, outcomes, registry_events

OUTCOME = ("origin", "operation_key", "frame_hash", "code", "points", "entry_id", "decided_at",
           "row_mac")
EVENT = ("seq", "recorded_at", "actor", "table_name", "row_key", "row_seal", "link")


def outcome(number: int, **changed) -> tuple:
    values = {"origin": number, "operation_key": bytes((number,)), "frame_hash": b"h",
              "code": 0, "points": None, "entry_id": None, "decided_at": 5, "row_mac": b""}
    return tuple((values | changed).values())


def test_many_rows_go_in_by_one_statement_and_come_back(engine):
    rows = [outcome(1), outcome(2, points=-5, frame_hash=b"\x00\xff\\\"'{},")]
    with counting_statements(engine) as statements, writing(engine) as connection:
        bulk.insert(connection, outcomes, OUTCOME, rows)
        found = bulk.select(connection, outcomes, OUTCOME, ("origin", "operation_key"),
                            [(2, b"\x02"), (1, b"\x01"), (1, b"\x02")])
    assert sorted(map(tuple, found)) == rows
    assert len(statements) == 2


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_characters="\0",
                                            exclude_categories=("Cs",))), min_size=1, max_size=5),
       blob=st.binary())
def test_any_text_and_bytes_survive(engine, texts, blob):
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM registry_events")
        rows = [(place, 1, text, "t", "k", blob, b"") for place, text in enumerate(texts)]
        bulk.insert(connection, registry_events, EVENT, rows)
        found = bulk.select(connection, registry_events, EVENT, ("seq",),
                            [(place,) for place in range(len(texts))])
        by_text = bulk.select(connection, registry_events, ("seq",), ("actor",),
                              [(text,) for text in texts])
    assert sorted(map(tuple, found)) == rows
    assert len(by_text) == len(texts)


def test_columns_may_follow_from_those_given(engine):
    columns, made = ("terminal_id", "journal", "row_mac"), (
        ("highest_trace", "-journal"), ("outcomes", "0"))
    with counting_statements(engine) as statements, writing(engine) as connection:
        bulk.insert_made(connection, journals, columns, [(1, 5, b"a"), (2, 6, b"b")], made)
        found = bulk.select(connection, journals, (*columns, "highest_trace", "outcomes"),
                            ("terminal_id",), [(1,), (2,)])
    assert sorted(map(tuple, found)) == [(1, 5, b"a", -5, 0), (2, 6, b"b", -6, 0)]
    assert len(statements) == 2


def test_an_insert_with_a_key_replaces_what_is_there(engine):
    columns = ("terminal_id", "journal", "highest_trace", "outcomes", "row_mac")
    key = ("terminal_id", "journal")
    with writing(engine) as connection:
        bulk.insert(connection, journals, columns, [(1, 1, 5, 5, b"a")], key=key)
        bulk.insert(connection, journals, columns, [(1, 1, 9, 6, b"b"), (1, 2, 1, 1, b"c")],
                    key=key)
        found = bulk.select(connection, journals, columns, key, [(1, 1), (1, 2)])
    assert sorted(map(tuple, found)) == [(1, 1, 9, 6, b"b"), (1, 2, 1, 1, b"c")]


def test_an_update_says_how_many_rows_there_were(engine):
    with writing(engine) as connection:
        bulk.insert(connection, counters, ("name", "value", "low", "link", "row_mac"),
                    [("a", 1, 0, b"", b""), ("b", 2, 0, b"", b"")])
        changed = bulk.update(connection, counters, ("name", "value", "link"),
                              [("a", 10, b"x"), ("nobody", 5, b"y")])
        assert changed == 1
        found = bulk.select(connection, counters, ("name", "value", "link"), ("name",),
                            [("a",), ("b",)])
    assert sorted(map(tuple, found)) == [("a", 10, b"x"), ("b", 2, b"")]


def test_locked_rows_come_in_the_order_of_their_ids(engine):
    with writing(engine) as connection:
        bulk.insert(connection, outcomes, OUTCOME, [outcome(3), outcome(1), outcome(2)])
        found = bulk.select(connection, outcomes, ("origin",), ("origin",),
                            [(3,), (1,), (2,)], lock=True)
    assert [row[0] for row in found] == [1, 2, 3]


def test_nulls_are_nulls_in_every_kind_of_column(engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("SELECT 1")
        bulk.insert(connection, outcomes, OUTCOME, [outcome(1), outcome(2, points=7)])
    with reading(engine) as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM outcomes WHERE points IS NULL").scalar_one()
    assert found == 1
    assert card_events.c.member_id.nullable
