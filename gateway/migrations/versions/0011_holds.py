"""Holds on returns. None is made by this: returns deduct at once until rules say otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 0")


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("entry_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("row_mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_holds"))
    op.create_index("ix_holds_due", "holds", ["due_on", "entry_id"], sqlite_where=OPEN,
                    postgresql_where=OPEN)


def downgrade() -> None:
    raise NotImplementedError("Holds of returns are not forgotten; restore a backup instead.")
