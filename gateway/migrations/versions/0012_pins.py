"""PINs of operators, and how their logins went. Operators that are there have none yet."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INT = sa.BigInteger()
BLOB = sa.LargeBinary()


def col(name: str, kind: sa.types.TypeEngine = INT) -> sa.Column:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "operator_pins", col("operator_id"), col("version"), col("salt", BLOB), col("n"),
        col("r"), col("p"), col("pin_hash", BLOB), col("set_at"),
        sa.PrimaryKeyConstraint("operator_id", name="pk_operator_pins"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"],
                                name="fk_operator_pins_operator_id"))
    op.create_table(
        "operator_tries", col("operator_id"), col("version"), col("failed"), col("locks"),
        col("locked_until"), col("answers", BLOB), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("operator_id", name="pk_operator_tries"))


def downgrade() -> None:
    raise NotImplementedError("PINs are not forgotten; restore a backup instead.")
