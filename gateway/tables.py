"""The tables, as SQLAlchemy Core metadata; `migrations/` builds them, a test compares the two.

Law: columns `*_at` are milliseconds since 1970 UTC, `*_on` and `business_date` days since 1970;
both are integers, so that both databases hold and hash the same. Rows of INSERT_ONLY are never
changed. Derived columns and tables (DERIVED) can be recomputed from what is only inserted.

How an edit or a deletion is found, table by table (the audit works from these four):
- LINKED: an entry with its postings, lot movements and opened lots is hashed into its member's
  chain; the member row's `derived_mac` seals sequence, link and balances.
- REGISTERED: the newest `registry_events` row of (table, key) holds the seal of the row's listed
  columns; these events are a chain of their own, its sealed head is the counter `house`.
- SEALED: `row_mac` is the seal of the row's listed columns. What was deleted is missed by a
  count: journals.outcomes, serials between low and value of a counter, a frame for each outcome,
  a reversal for each void that took effect, a batch for each approved close, a sighting for each
  terminal, a date for each held message, a hold for each entry that tells of one, tries for each
  operator's PIN; the newest entry that carried a member's lots on tells of its span. Of rows of
  TOLD an event of the house chain tells.
- a masked name is sealed beside the row (`name_mac`), so that erasing a person leaves no trace.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(naming_convention={
    "pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
})

# INTEGER PRIMARY KEY is SQLite's fast row id
Id = BigInteger().with_variant(Integer, "sqlite")


def _number(name: str, *, null: bool = False) -> Column:
    return Column(name, BigInteger, nullable=null)


def _small(name: str, *, null: bool = False) -> Column:
    return Column(name, SmallInteger, nullable=null)


def _text(name: str, *, null: bool = False) -> Column:
    return Column(name, Text, nullable=null)


def _bytes(name: str, *, null: bool = False) -> Column:
    return Column(name, LargeBinary, nullable=null)


def _to(name: str, target: str, *, null: bool = False) -> Column:
    return Column(name, BigInteger, ForeignKey(target), nullable=null)


def _key(name: str, *args) -> Column:
    return Column(name, BigInteger, *args, primary_key=True, autoincrement=False)


def _id() -> Column:
    return Column("id", Id, primary_key=True, autoincrement=False)


# ---- the registry: who and what there is; written only by registry.py ----

programmes = Table(
    "programmes", metadata, _id(), _text("code"), _text("name"), _text("time_zone"),
    _number("cutover_minutes"), _text("currency"), _small("currency_digits"),
    _small("first_tap_activates"), UniqueConstraint("code"))

# body: canonical JSON of rules.RuleSet; in force from effective_at until the next one
rule_sets = Table(
    "rule_sets", metadata, _key("programme_id", ForeignKey("programmes.id")), _key("version"),
    _number("effective_at"), _number("recorded_at"), _text("body"))

merchants = Table(
    "merchants", metadata, _id(), _to("programme_id", "programmes.id"), _text("name"),
    _text("state"), _number("state_since"))

shops = Table("shops", metadata, _id(), _to("merchant_id", "merchants.id"), _text("name"))

# epoch: the highest known; revoked_epochs: one byte each (terminal_epochs has the whole story)
terminals = Table(
    "terminals", metadata, _id(), _to("shop_id", "shops.id"), _text("label"), _text("state"),
    _number("state_since"), _small("epoch"), _bytes("revoked_epochs"))

terminal_epochs = Table(
    "terminal_epochs", metadata, _key("terminal_id", ForeignKey("terminals.id")), _key("epoch"),
    _text("master_key_id"), _number("recorded_at"), _number("revoked_at", null=True))

operators = Table(
    "operators", metadata, _id(), _to("merchant_id", "merchants.id"), _number("number"),
    _text("name"), _text("state"), _number("state_since"),
    UniqueConstraint("merchant_id", "number"))

# what is kept of an operator's PIN (pins.py): the newest; n, r, p: the cost of its hash
operator_pins = Table(
    "operator_pins", metadata, _key("operator_id", ForeignKey("operators.id")),
    _number("version"), _bytes("salt"), _number("n"), _number("r"), _number("p"),
    _bytes("pin_hash"), _number("set_at"))

# at what a merchant settles, in basis points; in force from effective_at until the next one
merchant_rates = Table(
    "merchant_rates", metadata, _key("merchant_id", ForeignKey("merchants.id")), _key("version"),
    _number("effective_at"), _number("recorded_at"), _number("cost_bp"), _number("credit_bp"))

# owner_id: a member, a merchant or a programme, as the kind says (catalogue.UNITS)
accounts = Table(
    "accounts", metadata, _id(), _to("programme_id", "programmes.id"), _text("kind"),
    _number("owner_id"), _small("unit"), UniqueConstraint("owner_id", "kind", "unit"))

members = Table(
    "members", metadata, _id(), _to("programme_id", "programmes.id"), _text("tier"),
    _text("state"), _number("state_since"), _number("created_at"),
    _to("points_account_id", "accounts.id"), _text("masked_name"), _bytes("name_mac"),
    _number("available"), _number("held"), _number("debt"), _number("chain_seq"),
    _bytes("chain_link"), _bytes("chain_head"), _bytes("derived_mac"))

# identity: the card number in decimal, or "u" and the chip's UID in hex
cards = Table(
    "cards", metadata, _id(), _to("programme_id", "programmes.id"), _text("identity"),
    _to("member_id", "members.id", null=True), _text("state"), _number("state_since"),
    _text("state_before", null=True), _number("valid_through_on", null=True),
    UniqueConstraint("identity"), Index("ix_cards_member_id", "member_id"))

card_events = Table(
    "card_events", metadata, _key("card_id", ForeignKey("cards.id")), _key("seq"),
    _text("state"), _to("member_id", "members.id", null=True), _number("since"),
    _number("recorded_at"), _text("reason"))

registry_events = Table(
    "registry_events", metadata, _key("seq"), _number("recorded_at"), _text("actor"),
    _text("table_name"), _text("row_key"), _bytes("row_seal"), _bytes("link"),
    Index("ix_registry_events_row", "table_name", "row_key", "seq"))

# after a restore from an older backup; receipt numbers go on above receipts_from
recoveries = Table(
    "recoveries", metadata, _id(), _number("begun_at"), _number("receipts_from"),
    _number("ended_at", null=True))

# config: version of what the catalogue caches; house: head of the registry chain; commands: how
# many have ended; the others: serials in use are low < serial <= value
counters = Table(
    "counters", metadata, Column("name", Text, primary_key=True), _number("value"),
    _number("low"), _bytes("link"), _bytes("row_mac"))

# ---- the ledger: written only by storing.py ----
# No foreign keys from here on: PostgreSQL checks them row by row and locks the row referred to,
# which would make a merchant's account a hot row (F32). The audit finds what leads nowhere.

# id is the receipt number. context: why these points (JSON). marks, link and head: chain.py
entries = Table(
    "entries", metadata, _id(), _small("kind"), _number("member_id"),
    _number("chain_seq"), _number("merchant_id"), _number("shop_id"),
    _number("terminal_id"), _number("card_id", null=True), _number("origin"),
    _bytes("operation_key"), _bytes("frame_hash"), _small("code"),
    _number("amount_minor", null=True), _number("business_date"), _number("booked_on"),
    _number("at_claimed", null=True), _number("dated_at"), _number("received_at"),
    _text("context"), _bytes("marks"), _bytes("link"), _bytes("head"),
    UniqueConstraint("member_id", "chain_seq"),
    Index("ix_entries_booked_on", "booked_on", "merchant_id"))

postings = Table(
    "postings", metadata, _key("entry_id"), _key("line"),
    _number("account_id"), _small("unit"), _number("amount"),
    sqlite_with_rowid=False)

# opened_by: the entry that made the lot (its facts are in that entry's link); replaces: the lot
# it stands in for. issued = remaining + held + expired + drawn (lots.py)
lots = Table(
    "lots", metadata, _id(), _number("member_id"), _number("merchant_id"),
    _number("earned_on"), _number("expires_on"), _small("origin"), _number("opened_by"),
    _number("replaces", null=True), _number("issued"), _number("remaining"), _number("held"),
    _number("expired"), _number("paid"),
    Index("ix_lots_replaces", "replaces", sqlite_where=text("replaces IS NOT NULL"),
          postgresql_where=text("replaces IS NOT NULL")),
    Index("ix_lots_due", "expires_on", "member_id", sqlite_where=text("remaining > 0"),
          postgresql_where=text("remaining > 0")),
    Index("ix_lots_live", "member_id", "expires_on",
          sqlite_where=text("remaining > 0 OR held > 0"),
          postgresql_where=text("remaining > 0 OR held > 0")))

lot_movements = Table(
    "lot_movements", metadata, _key("entry_id"), _key("line"),
    _number("lot_id"), _number("delta"), _number("held_delta"), _number("drawn_delta"),
    _number("expired_delta"), _number("paid_delta"), _number("taker", null=True),
    _number("instead_delta"),
    sqlite_with_rowid=False)

# which entry (taker) has points of which lot; lot 0: of none, which is debt. held: it holds them;
# away: what it had of it besides, until that was taken back; instead: of points, for what is away
draws = Table(
    "draws", metadata, _key("member_id"), _key("taker"), _key("lot_id"), _number("points"),
    _small("held"), _number("away"), _number("instead"),
    Index("ix_draws_lot_id", "lot_id", sqlite_where=text("lot_id > 0"),
          postgresql_where=text("lot_id > 0")), sqlite_with_rowid=False)

# how far activity carries a member's lots on (validity.Span); the entry that says so tells it in
# its context. Under the member's lock
member_spans = Table(
    "member_spans", metadata, _key("member_id"), _number("begins_on"), _number("ends_on"),
    _bytes("row_mac"))

# ---- what became of each message ----

# origin: a terminal's id; 0 HQ (verdicts on held rows: key terminal || journal || trace), -1 jobs,
# -2 HQ's commands (key: a proposal's serial), -3 ends of holds (key: the entry that holds). For
# ever, hence narrow. 40: a tombstone, frame_hash of its void
outcomes = Table(
    "outcomes", metadata, _key("origin"), Column("operation_key", LargeBinary, primary_key=True),
    _bytes("frame_hash"), _small("code"), _number("points", null=True),
    _number("entry_id", null=True), _number("decided_at"), _bytes("row_mac"),
    Index("ix_outcomes_held", "origin", "operation_key", sqlite_where=text("code = 41"),
          postgresql_where=text("code = 41")), sqlite_with_rowid=False)

# what took a message back: (origin, operation_key) by the message (by_origin, by_key). A void is
# the only one of its original; refunds will be several, numbered by seq
reversals = Table(
    "reversals", metadata, _key("origin"), Column("operation_key", LargeBinary, primary_key=True),
    _key("seq"), _number("by_origin"), _bytes("by_key"), _bytes("row_mac"),
    UniqueConstraint("by_origin", "by_key"), sqlite_with_rowid=False)

# request and reply in one encrypted box, apart from the outcome, by month
frames = Table(
    "frames", metadata, _key("month"), _key("origin"),
    Column("operation_key", LargeBinary, primary_key=True), _bytes("box"), _bytes("row_mac"))

# codes 60 and 62, and 40 for a message whose void came first, by frame
refusals = Table(
    "refusals", metadata, Column("frame_hash", LargeBinary, primary_key=True), _number("serial"),
    _number("terminal_id"), _number("journal"), _number("trace"), _small("code"),
    _number("decided_at"), _bytes("box"), _bytes("row_mac"), UniqueConstraint("serial"),
    Index("ix_refusals_trace", "terminal_id", "journal", "trace"))

# state: quarantined (answered 90, not decided), requeued (decide it when it comes again)
quarantine = Table(
    "quarantine", metadata, Column("frame_hash", LargeBinary, primary_key=True),
    _number("serial"), _number("terminal_id"), _number("journal"), _number("trace"),
    _text("state"), _text("fault"), _number("first_at"), _number("last_at"), _bytes("box"),
    _bytes("row_mac"), UniqueConstraint("serial"))

# frames that are none of ours: a bounded window, oldest dropped
dead_letters = Table(
    "dead_letters", metadata, _key("serial"), _number("received_at"),
    _number("terminal_id", null=True), _text("reason"), _number("size"), _bytes("frame_hash"),
    _bytes("box"), _bytes("row_mac"))

# what was seen of each journal; under the terminal's lock
journals = Table(
    "journals", metadata, _key("terminal_id"), _key("journal"), _number("highest_trace"),
    _number("outcomes"), _bytes("row_mac"))

# what is known of each terminal's time (sightings.py), made with the terminal; under its lock
sightings = Table(
    "sightings", metadata, _key("terminal_id"), _number("known_since"), _number("trusted_at"),
    _bytes("memory"), _bytes("row_mac"))

# the date of each held message, for HQ's verdict: dating.py knows later no more than it did then
held_dates = Table(
    "held_dates", metadata, _key("origin"), Column("operation_key", LargeBinary, primary_key=True),
    _number("dated_at"), _number("earliest"), _number("latest"), _small("quality"),
    _bytes("row_mac"), sqlite_with_rowid=False)

# a terminal's day, closed: its traces from first to last. operation_key: of the close, in the same
# journal; record: what both sides counted (batch.Record). What came before it is closed for voids
batches = Table(
    "batches", metadata, _key("terminal_id"),
    Column("operation_key", LargeBinary, primary_key=True), _number("first_trace"),
    _number("last_trace"), _number("closed_at"), _bytes("record"), _bytes("row_mac"),
    sqlite_with_rowid=False)

# what one person wants done to a member's points and another ends (commands.py); the box has who
# and why; frame_hash is that of what is not in the box. Its end is its outcome
proposals = Table(
    "proposals", metadata, _key("serial"), _text("kind"), _number("member_id"), _number("points"),
    _number("bearer_id"), _text("category"), _number("receipt"), _number("lot_id"),
    _number("ends_on"), _number("amount_minor"), _number("proposed_at"), _bytes("frame_hash"),
    _bytes("box"), _bytes("row_mac"))

# where the chain of each terminal ends, for sales to nobody (terminal_chains.py); its entries have
# the terminal's id below zero for a member. Made with the first of them, under the terminal's lock
terminal_chains = Table(
    "terminal_chains", metadata, _key("terminal_id"), _number("chain_seq"), _bytes("chain_link"),
    _bytes("chain_head"), _bytes("row_mac"))

# the first settlement day that is still open: nothing is booked before it (days.py)
open_days = Table("open_days", metadata, _key("programme_id"), _number("open_on"),
                  _bytes("row_mac"))

# a closed day of a merchant, or (merchant 0) of the whole programme; figures: canonical JSON of
# day_figures.Figures
day_totals = Table(
    "day_totals", metadata, _key("programme_id"), _key("booked_on"), _key("merchant_id"),
    _text("figures"), _number("closed_at"), _bytes("row_mac"), sqlite_with_rowid=False)

# how the logins of each operator went (tries.py), made with the PIN; under its own lock
operator_tries = Table(
    "operator_tries", metadata, _key("operator_id"), _number("version"), _number("failed"),
    _number("locks"), _number("locked_until"), _bytes("answers"), _bytes("row_mac"))

# what returns hold points for (on_hold.py): the entry that holds, the last day for HQ's word, how
# it stands, the entry that ended it. Under the member's lock
holds = Table(
    "holds", metadata, _key("entry_id"), _number("member_id"), _number("due_on"), _small("state"),
    _number("ended_by", null=True), _bytes("row_mac"),
    Index("ix_holds_due", "due_on", "entry_id", sqlite_where=text("state = 0"),
          postgresql_where=text("state = 0")))

INSERT_ONLY = ("rule_sets", "merchant_rates", "card_events", "registry_events", "entries",
               "postings", "lot_movements", "outcomes", "reversals", "refusals", "held_dates",
               "batches", "proposals", "day_totals")

LINKED = ("entries", "postings", "lot_movements")

MEMBER_DERIVED = ("id", "available", "held", "debt", "chain_seq", "chain_link", "chain_head")
LOT_FACTS = ("id", "member_id", "merchant_id", "earned_on", "expires_on", "origin", "opened_by",
             "replaces")
DERIVED = {"members": MEMBER_DERIVED[1:],
           "lots": ("issued", "remaining", "held", "expired", "paid"),
           "draws": ("points", "held", "away", "instead"),
           "member_spans": ("begins_on", "ends_on"),
           "journals": ("highest_trace", "outcomes"),
           "holds": ("state", "ended_by"),
           "terminal_chains": ("chain_seq", "chain_link", "chain_head")}


def _columns(table: Table, *without: str) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.name not in without)


_UNREGISTERED = ("masked_name", "name_mac", "derived_mac", *MEMBER_DERIVED[1:])
REGISTERED = {table.name: _columns(table) for table in (
    programmes, rule_sets, merchants, merchant_rates, shops, terminals, terminal_epochs, operators,
    operator_pins, accounts, cards, card_events, recoveries)} | {
        "members": _columns(members, *_UNREGISTERED)}

# events of the house chain tell of these rows, too, so that one that is gone is missed: that a
# programme has an open day, and each closed day (its row for the whole programme)
TOLD = {"open_days": ("programme_id",), "day_totals": _columns(day_totals, "row_mac")}

SEALED = {table.name: _columns(table, "row_mac") for table in (
    counters, outcomes, reversals, frames, refusals, quarantine, dead_letters, journals,
    sightings, held_dates, batches, proposals, member_spans, terminal_chains, open_days,
    day_totals, holds, operator_tries)}

ENTRY_LINKED = _columns(entries, "link", "head")

# the catalogue is read again when one of these changes
CONFIGURATION = ("programmes", "rule_sets", "merchants", "merchant_rates", "shops", "operators",
                 "recoveries")
