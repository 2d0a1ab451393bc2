"""Settlement days: which one is open, and the totals of those that are closed.

No day is closed by this: the jobs process closes them, from the first that has an entry.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def col(name: str, kind: sa.types.TypeEngine | None = None) -> sa.Column:
    return sa.Column(name, kind or sa.BigInteger(), nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table("open_days", col("programme_id"), col("open_on"),
                    col("row_mac", sa.LargeBinary()),
                    sa.PrimaryKeyConstraint("programme_id", name="pk_open_days"))
    op.create_table(
        "day_totals", col("programme_id"), col("booked_on"), col("merchant_id"),
        col("figures", sa.Text()), col("closed_at"), col("row_mac", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("programme_id", "booked_on", "merchant_id",
                                name="pk_day_totals"),
        sqlite_with_rowid=False)
    op.create_index("ix_entries_booked_on", "entries", ["booked_on", "merchant_id"])


def downgrade() -> None:
    raise NotImplementedError("Closed days are not forgotten; restore a backup instead.")
