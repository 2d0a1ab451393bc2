"""Chains of terminals: evidence for sales to nobody. A row is made with a terminal's first."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "terminal_chains",
        sa.Column("terminal_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_link", sa.LargeBinary(), nullable=False),
        sa.Column("chain_head", sa.LargeBinary(), nullable=False),
        sa.Column("row_mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("terminal_id", name="pk_terminal_chains"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE terminal_chains SET (fillfactor = 80)")


def downgrade() -> None:
    raise NotImplementedError("Tables of the ledger are not dropped; restore a backup instead.")
