"""Voids: what took a message back; the ways to held taps and to refusals of one trace."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HELD = "code = 41"


def col(name: str, kind: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "reversals",
        col("origin", sa.BigInteger()), col("operation_key", sa.LargeBinary()),
        col("seq", sa.BigInteger()), col("by_origin", sa.BigInteger()),
        col("by_key", sa.LargeBinary()), col("row_mac", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("origin", "operation_key", "seq", name="pk_reversals"),
        sa.UniqueConstraint("by_origin", "by_key", name="uq_reversals_by_origin_by_key"),
        sqlite_with_rowid=False
    )
    op.create_index("ix_outcomes_held", "outcomes", ["origin", "operation_key"],
                    sqlite_where=sa.text(HELD), postgresql_where=sa.text(HELD))
    op.create_index("ix_refusals_trace", "refusals", ["terminal_id", "journal", "trace"])


def downgrade() -> None:
    raise NotImplementedError("Voids are not forgotten; restore a backup from before.")
