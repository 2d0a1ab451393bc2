"""apsw behind sqlite3's face: the same rows, and errors that the gateway takes for sqlite3's."""

import sqlite3

import pytest

from tools.prove import apsw_dbapi

STATEMENTS = (
    ("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c BLOB NOT NULL)", ()),
    ("INSERT INTO t VALUES (?, ?, ?)", (1, "x", b"\0\1")),
    ("INSERT INTO t VALUES (?, ?, ?), (?, ?, ?)", (2, None, b"", 3, "z", b"y")),
    ("SELECT a, b AS name, c FROM t ORDER BY a", ()),
    ("SELECT a, b FROM t WHERE a = ?", (99,)),
    ("UPDATE t SET b = 'q' WHERE a > ?", (2,)),
    ("INSERT INTO t VALUES (1, 'n', x'00') ON CONFLICT (a) DO UPDATE SET b = excluded.b", ()),
    ("DELETE FROM t WHERE a = 2", ()),
    ("UPDATE t SET b = 'r' WHERE a = 1 RETURNING a, b", ()),
    ("PRAGMA foreign_keys", ()),
)

FAULTS = (
    ("INSERT INTO t VALUES (1, 'y', x'00')", ()),
    ("INSERT INTO t VALUES (5, 'x', x'00')", ()),
    ("INSERT INTO t VALUES (5, 'y', NULL)", ()),
    ("INSERT INTO t VALUES ('word', 'y', x'00')", ()),
    ("SELECT nothing FROM t", ()),
    ("SELEKT", ()),
    ("SELECT * FROM nowhere", ()),
    ("COMMIT", ()),
    ("SELECT zeroblob(3000000000)", ()),
)


def both():
    connections = apsw_dbapi.connect(":memory:"), sqlite3.connect(":memory:")
    for connection in connections:
        connection.isolation_level = None
    return connections


def test_rows_columns_and_counts_are_sqlite3s():
    ours, theirs = both()
    for text, values in STATEMENTS:
        mine, other = ours.execute(text, values), theirs.execute(text, values)
        assert mine.fetchall() == other.fetchall(), text
        assert mine.description == other.description, text
        if text.startswith(("INSERT", "UPDATE t SET b = 'q'", "DELETE")):
            assert (mine.rowcount, mine.lastrowid) == (other.rowcount, other.lastrowid), text


def test_errors_are_sqlite3s_in_class_text_and_code():
    ours, theirs = both()
    for connection in (ours, theirs):
        for text, values in STATEMENTS[:2]:
            connection.execute(text, values)
    for text, values in FAULTS:
        with pytest.raises(sqlite3.Error) as other:
            theirs.execute(text, values)
        with pytest.raises(type(other.value)) as mine:
            ours.execute(text, values)
        assert type(mine.value) is type(other.value), text
        assert mine.value.sqlite_errorcode == other.value.sqlite_errorcode, text
        assert mine.value.sqlite_errorname == other.value.sqlite_errorname, text
        assert str(mine.value) == str(other.value), text


def test_a_busy_database_says_so(tmp_path):
    first, second = (apsw_dbapi.connect(str(tmp_path / "file")) for _ in range(2))
    first.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as raised:
        second.execute("BEGIN IMMEDIATE")
    assert raised.value.sqlite_errorcode == sqlite3.SQLITE_BUSY


def test_rows_can_be_read_one_by_one_and_in_parts():
    ours, _ = both()
    cursor = ours.execute("VALUES (1), (2), (3), (4)")
    assert (cursor.fetchone(), cursor.fetchmany(2)) == ((1,), [(2,), (3,)])
    assert (cursor.fetchall(), cursor.fetchone()) == ([(4,)], None)


def test_a_transaction_ends_with_commit_or_rollback_and_neither_needs_one():
    ours, _ = both()
    ours.execute("CREATE TABLE t (a)")
    ours.rollback()
    for end, left in ((ours.rollback, 0), (ours.commit, 1)):
        ours.execute("BEGIN")
        ours.execute("INSERT INTO t VALUES (1)")
        assert ours.in_transaction
        end()
        assert not ours.in_transaction
        assert ours.execute("SELECT count(*) FROM t").fetchone() == (left,)


def test_many_rows_and_functions_of_ones_own():
    ours, _ = both()
    ours.create_function("double", 1, lambda value: value * 2, deterministic=True)
    ours.execute("CREATE TABLE t (a)")
    cursor = ours.cursor()
    cursor.executemany("INSERT INTO t VALUES (double(?))", [(1,), (2,)])
    assert cursor.rowcount == 2
    assert ours.execute("SELECT a FROM t").fetchall() == [(2,), (4,)]


def test_wrong_use_is_a_programming_error_as_with_sqlite3():
    ours, _ = both()
    with pytest.raises(sqlite3.ProgrammingError):
        ours.execute("SELECT ?, ?", (1,))
    cursor = ours.execute("SELECT 1")
    cursor.close()
    ours.close()
