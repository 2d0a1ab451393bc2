"""Proposals: what one person wants done to a member's points, for another to approve.

The two counters that miss deleted ones begin here; they are sealed, which takes the audit key.
"""

import sqlalchemy as sa
from alembic import context, op

from gateway import chain
from gateway.errors import GatewayError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INT = sa.BigInteger()
TEXT = sa.Text()
BLOB = sa.LargeBinary()


def col(name: str, kind: sa.types.TypeEngine = INT) -> sa.Column:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "proposals", col("serial"), col("kind", TEXT), col("member_id"), col("points"),
        col("bearer_id"), col("category", TEXT), col("receipt"), col("lot_id"), col("ends_on"),
        col("amount_minor"), col("proposed_at"), col("frame_hash", BLOB), col("box", BLOB),
        col("row_mac", BLOB), sa.PrimaryKeyConstraint("serial", name="pk_proposals"))
    _count()


def _count() -> None:
    bind = op.get_bind()
    if bind.execute(sa.text("SELECT name FROM counters")).first() is None:
        return  # a new database makes all its counters at once
    key = context.config.attributes.get("audit_key")
    if key is None:
        raise GatewayError("This migration seals rows and needs the audit key. Nothing was"
                           " changed; run: pointwire gateway migrate")
    names = ("name", "value", "low", "link", "row_mac")
    counters = sa.table("counters", *(sa.column(name) for name in names))
    for name in ("proposals", "commands"):
        row = (name, 0, 0, chain.NO_LINK)
        bind.execute(counters.insert().values(dict(zip(
            names, (*row, chain.seal(key, "counters", row)), strict=True))))


def downgrade() -> None:
    raise NotImplementedError("What HQ did is not forgotten; restore a backup instead.")
