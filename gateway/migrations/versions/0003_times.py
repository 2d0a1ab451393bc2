"""Times: what is known of each terminal's time, dates of held messages, recoveries.

Terminals and held messages that are there already get their rows here, sealed, so that from now
on a missing one is a deleted one. That takes the audit key: without it a database that has any is
left as it is.
"""

import cbor2
import sqlalchemy as sa
from alembic import context, op

from gateway import chain
from gateway.errors import GatewayError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INT = sa.BigInteger()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BLOB = sa.LargeBinary()

RECEIVED = 5  # quality of a date that says no more than the arrival


def col(name: str, kind: sa.types.TypeEngine, null: bool = False) -> sa.Column:
    return sa.Column(name, kind, nullable=null, autoincrement=False)


def upgrade() -> None:
    sightings = op.create_table(
        "sightings",
        col("terminal_id", INT), col("known_since", INT), col("trusted_at", INT),
        col("memory", BLOB), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("terminal_id", name="pk_sightings")
    )
    held_dates = op.create_table(
        "held_dates",
        col("origin", INT), col("operation_key", BLOB), col("dated_at", INT),
        col("earliest", INT), col("latest", INT), col("quality", sa.SmallInteger()),
        col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("origin", "operation_key", name="pk_held_dates"),
        sqlite_with_rowid=False
    )
    op.create_table(
        "recoveries",
        col("id", ID), col("begun_at", INT), col("receipts_from", INT), col("ended_at", INT, True),
        sa.PrimaryKeyConstraint("id", name="pk_recoveries")
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE sightings SET (fillfactor = 70)")
    _fill(sightings, held_dates)


def _fill(sightings: sa.Table, held_dates: sa.Table) -> None:
    bind = op.get_bind()
    known = bind.execute(sa.text("SELECT terminal_id, min(recorded_at) FROM terminal_epochs"
                                 " GROUP BY terminal_id")).all()
    held = bind.execute(sa.text("SELECT origin, operation_key, decided_at FROM outcomes"
                                " WHERE code = 41")).all()
    if not known and not held:
        return
    key = context.config.attributes.get("audit_key")
    if key is None:
        raise GatewayError("This migration seals rows and needs the audit key. Nothing was"
                           " changed; run: pointwire gateway migrate")
    memory = cbor2.dumps(((), (), 0, ()))
    rows = [(terminal_id, since, 0, memory) for terminal_id, since in known]
    bind.execute(sightings.insert(), [_sealed(key, sightings, row) for row in rows])
    dates = [(origin, bytes(operation_key), at, 0, at, RECEIVED)
             for origin, operation_key, at in held]
    if dates:
        bind.execute(held_dates.insert(), [_sealed(key, held_dates, row) for row in dates])


def _sealed(key: bytes, table: sa.Table, row: tuple) -> dict:
    names = [column.name for column in table.columns]
    return dict(zip(names, (*row, chain.seal(key, table.name, row)), strict=True))


def downgrade() -> None:
    raise NotImplementedError("Dates are not forgotten; restore a backup from before.")
