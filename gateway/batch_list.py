"""Batches that terminals closed, as head office looks for them: what both sides counted, and what
of each is in question (I11).

Law: a page in each short snapshot, no locks. A batch differs where totals do or a trace had not
come; what it then told of, a later close may repeat, so each is told with the close that kept it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, select, tuple_

from gateway import chain
from gateway.batch import Batch, Difference, Total
from gateway.batch_rows import COLUMNS, batch_of
from gateway.clock import from_ms
from gateway.database import reading
from gateway.errors import SealBroken
from gateway.intake import Intake
from gateway.spans import Span
from gateway.tables import batches, merchants, shops, terminals

PAGE_ROWS = 200


class ClosedBatch(NamedTuple):
    """`batch`: terminal/journal/trace of its close; `types`: those whose totals differ; `unseen`:
    traces of which nothing had come; `differing`: trace, code and points of each in question."""

    batch: str
    merchant: str
    shop: str
    closed_at: datetime
    first: int
    last: int
    theirs: Mapping[int, Total]
    ours: Mapping[int, Total]
    types: tuple[int, ...]
    unseen: tuple[Span, ...]
    differing: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        return not self.types and not self.unseen


def listed(intake: Intake, *, everything: bool = False) -> Iterator[ClosedBatch]:
    """Batches that differ (`everything`: all), by terminal and close. SealBroken for one that was
    tampered with."""
    after: tuple[int, bytes] = (0, b"")
    while True:
        with reading(intake.engine) as connection:
            rows = connection.execute(_page(after)).all()
        for row in rows:
            found = _one(row, _opened(intake.keyring.audit_key, row))
            if everything or not found.agrees:
                yield found
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1].terminal_id, rows[-1].operation_key


def _page(after: tuple[int, bytes]):
    c = batches.c
    return select(
        *(c[name] for name in COLUMNS), shops.c.name.label("shop"),
        merchants.c.name.label("merchant")).select_from(
            batches.outerjoin(terminals, terminals.c.id == c.terminal_id)
            .outerjoin(shops, shops.c.id == terminals.c.shop_id)
            .outerjoin(merchants, merchants.c.id == shops.c.merchant_id)).where(
                tuple_(c.terminal_id, c.operation_key) > after).order_by(
                    c.terminal_id, c.operation_key).limit(PAGE_ROWS)


def _opened(audit_key: bytes, row: Row) -> Batch:
    sealed, mac = tuple(row)[:len(COLUMNS) - 1], row.row_mac
    if not chain.same(mac, chain.seal(audit_key, batches.name, sealed)):
        raise SealBroken(f"A batch of terminal {row.terminal_id} is not what was sealed. Nothing"
                         " was changed; run the audit.")
    return batch_of(sealed)


def _one(row: Row, batch: Batch) -> ClosedBatch:
    record = batch.record
    return ClosedBatch(
        f"{batch.terminal_id}/{batch.journal}/{batch.trace}", row.merchant or "", row.shop or "",
        from_ms(batch.closed_at), batch.first, batch.last, record.theirs, record.ours,
        record.types, record.unseen, record.differing)
