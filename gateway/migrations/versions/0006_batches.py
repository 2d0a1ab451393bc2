"""Batches: the days that terminals closed. Nobody closed one before this revision."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INT = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "batches", sa.Column("terminal_id", INT, nullable=False, autoincrement=False),
        sa.Column("operation_key", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, INT, nullable=False)
          for name in ("first_trace", "last_trace", "closed_at")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("record", "row_mac")),
        sa.PrimaryKeyConstraint("terminal_id", "operation_key", name="pk_batches"),
        sqlite_with_rowid=False)


def downgrade() -> None:
    raise NotImplementedError("Closed batches are not forgotten; restore a backup instead.")
