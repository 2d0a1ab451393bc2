"""Migrations of a database that is in use: what is there gets its rows, and the audit is clean."""

import pytest
from sqlalchemy import Connection

from gateway import chain
from gateway.audit import run_audit
from gateway.database import migrate, schema_version, writing
from gateway.errors import GatewayError
from gateway.tables import SEALED
from protocol import codes
from tests.support.street import Street

SINCE_0003 = ("sightings", "held_dates", "recoveries")


def undo_0004(connection: Connection) -> None:
    for table in ("merchant_rates", "member_spans"):
        connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql("DROP TABLE draws")
    for index in ("ix_lots_replaces", "ix_lots_due"):
        connection.exec_driver_sql(f"DROP INDEX {index}")
    for table, columns in (("lots", ("replaces", "expired", "paid")),
                           ("lot_movements", ("drawn_delta", "expired_delta", "paid_delta",
                                              "taker", "instead_delta"))):
        for column in columns:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")


def undo_0007(connection: Connection) -> None:
    connection.exec_driver_sql("DROP TABLE proposals")
    connection.exec_driver_sql("DELETE FROM counters WHERE name IN ('proposals', 'commands')")


@pytest.fixture
def at_0002(engine) -> Street:
    """A street with a posted and a held tap, as revision 0002 would have left it."""
    street = Street(engine, terminals=2)
    street.registry.set_terminal_state(street.terminals[1], "suspended")
    assert [answer.code for answer in street.answers(street.sale(), street.sale(terminal=1))] == [
        0, codes.HELD]
    with writing(engine) as connection:
        for table in ("terminal_chains", "batches", "open_days", "day_totals", "holds",
                      "operator_pins", "operator_tries"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DROP INDEX ix_entries_booked_on")
        undo_0007(connection)
        undo_0004(connection)
        for table in SINCE_0003:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    return street


def test_terminals_and_held_taps_that_are_there_get_their_rows_sealed(at_0002):
    street = at_0002
    migrate(street.engine, street.keyring.audit_key)
    for table in SINCE_0003[:2]:
        rows = street.rows(table, ", ".join((*SEALED[table], "row_mac")))
        assert rows and all(chain.seal(street.keyring.audit_key, table, row[:-1]) == row[-1]
                            for row in rows)
    assert run_audit(street.engine, street.keyring, rebuild=True).findings == ()
    street.intake = street.new_intake()
    assert street.take(street.heartbeat()).code == 0
    assert street.take(street.sale()).receipt == 2


def test_without_the_audit_key_nothing_is_migrated(at_0002):
    engine = at_0002.engine
    with pytest.raises(GatewayError, match="needs the audit key"):
        migrate(engine)
    assert schema_version(engine)[0] == "0002"
    migrate(engine, at_0002.keyring.audit_key)
    version, newest = schema_version(engine)
    assert version == newest
