"""Spans: how far activity carries members' lots on. Nobody has one yet."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_spans",
        sa.Column("member_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("begins_on", sa.BigInteger(), nullable=False),
        sa.Column("ends_on", sa.BigInteger(), nullable=False),
        sa.Column("row_mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_member_spans"))


def downgrade() -> None:
    raise NotImplementedError("Tables of the ledger are not dropped; restore a backup instead.")
