"""The first tables. A migration is history: it never changes once it has been released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INT = sa.BigInteger()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SMALL = sa.SmallInteger()
TEXT = sa.Text()
BLOB = sa.LargeBinary()
LIVE = "remaining > 0 OR held > 0"

# rows that change in place: room for the new version on the same page
ROOMY = ("members", "lots", "journals", "terminals", "counters")


def col(name: str, kind: sa.types.TypeEngine, null: bool = False) -> sa.Column:
    return sa.Column(name, kind, nullable=null, autoincrement=False)


def upgrade() -> None:
    _registry()
    _ledger()
    _messages()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE entry_ids MAXVALUE 4294967295")
        op.execute("CREATE SEQUENCE lot_ids")
        for table in ROOMY:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")


def downgrade() -> None:
    raise NotImplementedError("The first tables are not taken down; drop the database.")


def _registry() -> None:
    op.create_table(
        "programmes",
        col("id", ID), col("code", TEXT), col("name", TEXT), col("time_zone", TEXT),
        col("cutover_minutes", INT), col("currency", TEXT), col("currency_digits", SMALL),
        col("first_tap_activates", SMALL),
        sa.PrimaryKeyConstraint("id", name="pk_programmes"),
        sa.UniqueConstraint("code", name="uq_programmes_code")
    )
    op.create_table(
        "rule_sets",
        col("programme_id", INT), col("version", INT), col("effective_at", INT),
        col("recorded_at", INT), col("body", TEXT),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"],
            name="fk_rule_sets_programme_id"),
        sa.PrimaryKeyConstraint("programme_id", "version", name="pk_rule_sets")
    )
    op.create_table(
        "merchants",
        col("id", ID), col("programme_id", INT), col("name", TEXT), col("state", TEXT),
        col("state_since", INT),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"],
            name="fk_merchants_programme_id"),
        sa.PrimaryKeyConstraint("id", name="pk_merchants")
    )
    op.create_table(
        "shops",
        col("id", ID), col("merchant_id", INT), col("name", TEXT),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="fk_shops_merchant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shops")
    )
    op.create_table(
        "terminals",
        col("id", ID), col("shop_id", INT), col("label", TEXT), col("state", TEXT),
        col("state_since", INT), col("epoch", SMALL), col("revoked_epochs", BLOB),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_terminals_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_terminals")
    )
    op.create_table(
        "terminal_epochs",
        col("terminal_id", INT), col("epoch", INT), col("master_key_id", TEXT),
        col("recorded_at", INT), col("revoked_at", INT, True),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"],
            name="fk_terminal_epochs_terminal_id"),
        sa.PrimaryKeyConstraint("terminal_id", "epoch", name="pk_terminal_epochs")
    )
    op.create_table(
        "operators",
        col("id", ID), col("merchant_id", INT), col("number", INT), col("name", TEXT),
        col("state", TEXT), col("state_since", INT),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"],
            name="fk_operators_merchant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operators"),
        sa.UniqueConstraint("merchant_id", "number", name="uq_operators_merchant_id_number")
    )
    op.create_table(
        "accounts",
        col("id", ID), col("programme_id", INT), col("kind", TEXT), col("owner_id", INT),
        col("unit", SMALL),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"],
            name="fk_accounts_programme_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("owner_id", "kind", "unit", name="uq_accounts_owner_id_kind_unit")
    )
    op.create_table(
        "members",
        col("id", ID), col("programme_id", INT), col("tier", TEXT), col("state", TEXT),
        col("state_since", INT), col("created_at", INT), col("points_account_id", INT),
        col("masked_name", TEXT), col("name_mac", BLOB), col("available", INT),
        col("held", INT), col("debt", INT), col("chain_seq", INT), col("chain_link", BLOB),
        col("chain_head", BLOB), col("derived_mac", BLOB),
        sa.ForeignKeyConstraint(["points_account_id"], ["accounts.id"],
            name="fk_members_points_account_id"),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"],
            name="fk_members_programme_id"),
        sa.PrimaryKeyConstraint("id", name="pk_members")
    )
    op.create_table(
        "cards",
        col("id", ID), col("programme_id", INT), col("identity", TEXT),
        col("member_id", INT, True), col("state", TEXT), col("state_since", INT),
        col("state_before", TEXT, True), col("valid_through_on", INT, True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_cards_member_id"),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name="fk_cards_programme_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.UniqueConstraint("identity", name="uq_cards_identity")
    )
    op.create_index("ix_cards_member_id", "cards", ["member_id"])
    op.create_table(
        "card_events",
        col("card_id", INT), col("seq", INT), col("state", TEXT), col("member_id", INT, True),
        col("since", INT), col("recorded_at", INT), col("reason", TEXT),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_events_card_id"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_card_events_member_id"),
        sa.PrimaryKeyConstraint("card_id", "seq", name="pk_card_events")
    )
    op.create_table(
        "registry_events",
        col("seq", INT), col("recorded_at", INT), col("actor", TEXT), col("table_name", TEXT),
        col("row_key", TEXT), col("row_seal", BLOB), col("link", BLOB),
        sa.PrimaryKeyConstraint("seq", name="pk_registry_events")
    )
    op.create_index("ix_registry_events_row",
                    "registry_events", ["table_name", "row_key", "seq"])
    op.create_table(
        "counters",
        col("name", TEXT), col("value", INT), col("low", INT), col("link", BLOB),
        col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("name", name="pk_counters")
    )


def _ledger() -> None:
    op.create_table(
        "entries",
        col("id", ID), col("kind", SMALL), col("member_id", INT), col("chain_seq", INT),
        col("merchant_id", INT), col("shop_id", INT), col("terminal_id", INT),
        col("card_id", INT, True), col("origin", INT), col("operation_key", BLOB),
        col("frame_hash", BLOB), col("code", SMALL), col("amount_minor", INT, True),
        col("business_date", INT), col("booked_on", INT), col("at_claimed", INT, True),
        col("dated_at", INT), col("received_at", INT), col("context", TEXT), col("marks", BLOB),
        col("link", BLOB), col("head", BLOB),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.UniqueConstraint("member_id", "chain_seq", name="uq_entries_member_id_chain_seq")
    )
    op.create_table(
        "postings",
        col("entry_id", INT), col("line", INT), col("account_id", INT), col("unit", SMALL),
        col("amount", INT),
        sa.PrimaryKeyConstraint("entry_id", "line", name="pk_postings"),
        sqlite_with_rowid=False
    )
    op.create_table(
        "lots",
        col("id", ID), col("member_id", INT), col("merchant_id", INT), col("earned_on", INT),
        col("expires_on", INT), col("origin", SMALL), col("opened_by", INT),
        col("issued", INT), col("remaining", INT), col("held", INT),
        sa.PrimaryKeyConstraint("id", name="pk_lots")
    )
    op.create_index("ix_lots_live", "lots", ["member_id", "expires_on"],
                    sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE))
    op.create_table(
        "lot_movements",
        col("entry_id", INT), col("line", INT), col("lot_id", INT), col("delta", INT),
        col("held_delta", INT),
        sa.PrimaryKeyConstraint("entry_id", "line", name="pk_lot_movements"),
        sqlite_with_rowid=False
    )


def _messages() -> None:
    op.create_table(
        "outcomes",
        col("origin", INT), col("operation_key", BLOB), col("frame_hash", BLOB),
        col("code", SMALL), col("points", INT, True), col("entry_id", INT, True),
        col("decided_at", INT), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("origin", "operation_key", name="pk_outcomes"),
        sqlite_with_rowid=False
    )
    op.create_table(
        "frames",
        col("month", INT), col("origin", INT), col("operation_key", BLOB), col("box", BLOB),
        col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("month", "origin", "operation_key", name="pk_frames")
    )
    op.create_table(
        "refusals",
        col("frame_hash", BLOB), col("serial", INT), col("terminal_id", INT),
        col("journal", INT), col("trace", INT), col("code", SMALL), col("decided_at", INT),
        col("box", BLOB), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("frame_hash", name="pk_refusals"),
        sa.UniqueConstraint("serial", name="uq_refusals_serial")
    )
    op.create_table(
        "quarantine",
        col("frame_hash", BLOB), col("serial", INT), col("terminal_id", INT),
        col("journal", INT), col("trace", INT), col("state", TEXT), col("fault", TEXT),
        col("first_at", INT), col("last_at", INT), col("box", BLOB), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("frame_hash", name="pk_quarantine"),
        sa.UniqueConstraint("serial", name="uq_quarantine_serial")
    )
    op.create_table(
        "dead_letters",
        col("serial", INT), col("received_at", INT), col("terminal_id", INT, True),
        col("reason", TEXT), col("size", INT), col("frame_hash", BLOB), col("box", BLOB),
        col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("serial", name="pk_dead_letters")
    )
    op.create_table(
        "journals",
        col("terminal_id", INT), col("journal", INT), col("highest_trace", INT),
        col("outcomes", INT), col("row_mac", BLOB),
        sa.PrimaryKeyConstraint("terminal_id", "journal", name="pk_journals")
    )
