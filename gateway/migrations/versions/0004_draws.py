"""Draws: who has taken which lot's points, and what else lots need for refunds and expiry.

Everything here is derived or new. Nothing took points before this revision, so no draws have to
be made up, and what a lot has issued becomes what was put into it less what was taken back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INT = sa.BigInteger()


def col(name: str, kind: sa.types.TypeEngine = INT, null: bool = False,
        default: str | None = None) -> sa.Column:
    return sa.Column(name, kind, nullable=null, autoincrement=False, server_default=default)


def upgrade() -> None:
    for name in ("drawn_delta", "expired_delta", "paid_delta"):
        op.add_column("lot_movements", col(name, default="0"))
    op.add_column("lot_movements", col("taker", null=True))
    op.add_column("lot_movements", col("instead_delta", default="0"))
    op.add_column("lots", col("replaces", null=True))
    for name in ("expired", "paid"):
        op.add_column("lots", col(name, default="0"))
    op.create_index("ix_lots_replaces", "lots", ["replaces"],
                    sqlite_where=sa.text("replaces IS NOT NULL"),
                    postgresql_where=sa.text("replaces IS NOT NULL"))
    op.create_index("ix_lots_due", "lots", ["expires_on", "member_id"],
                    sqlite_where=sa.text("remaining > 0"),
                    postgresql_where=sa.text("remaining > 0"))
    op.create_table(
        "draws", col("member_id"), col("taker"), col("lot_id"), col("points"),
        col("held", sa.SmallInteger()), col("away"), col("instead"),
        sa.PrimaryKeyConstraint("member_id", "taker", "lot_id", name="pk_draws"),
        sqlite_with_rowid=False)
    op.create_index("ix_draws_lot_id", "draws", ["lot_id"], sqlite_where=sa.text("lot_id > 0"),
                    postgresql_where=sa.text("lot_id > 0"))
    op.execute("UPDATE lots SET issued = issued + back.points FROM"
               " (SELECT lot_id, sum(delta) AS points FROM lot_movements WHERE delta < 0"
               " GROUP BY lot_id) AS back WHERE back.lot_id = lots.id")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE draws SET (fillfactor = 80)")


def downgrade() -> None:
    raise NotImplementedError("Tables of the ledger are not dropped; restore a backup instead.")
