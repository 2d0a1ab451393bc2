"""Rates: at what each merchant settles. Accounts of money are opened by `migrate` itself.

Nothing is made up for entries that are there: they were made without money, and what is taken back
of them moves none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INT = sa.BigInteger()


def col(name: str) -> sa.Column:
    return sa.Column(name, INT, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "merchant_rates", col("merchant_id"), col("version"), col("effective_at"),
        col("recorded_at"), col("cost_bp"), col("credit_bp"),
        sa.PrimaryKeyConstraint("merchant_id", "version", name="pk_merchant_rates"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"],
                                name="fk_merchant_rates_merchant_id"))


def downgrade() -> None:
    raise NotImplementedError("Rates stand in entries; restore a backup instead.")
