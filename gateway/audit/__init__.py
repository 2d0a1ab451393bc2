"""The audit: is the database what the gateway wrote, and do its figures add up?

    report = run_audit(engine, keyring)
    report.ok, report.findings

Law: it only reads, a short snapshot at a time, and may run while the gateway works. It needs the
audit key, and the frame key to open stored frames. It finds every edited and every deleted row and
names it, as far as tables.py promises; what an attacker can do unnoticed is in gateway/README.md.

    members     chains, entries and their parts
    totals      lots, draws and balances beside what a member's entries add up to (I3)
    frozen      what lots hold for nobody, beyond what returns hold
    terminal_chains  where chains of sales to nobody end
    lines       postings, movements and lots without an entry
    registered  the house chain and the rows of the registry
    seals       counters; refusals, quarantine, dead letters without gaps
    outcomes    outcomes, frames, journals
    dates       sightings of terminals, dates of held messages
    reversals   what voids took back
    commanded   what HQ's commands came of
    roots       what exported roots tell of the chains
    batches     days that terminals closed
    holds       what returns hold points for, and how it ended
    spans       how far activity carries members' lots on
    days        settlement days that are closed
    operators   how logins went, beside the PINs
    rebuild     derived values, computed again by other means
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from gateway import chain
from gateway.audit import (
    batches,
    commanded,
    dates,
    days,
    holds,
    lines,
    members,
    operators,
    outcomes,
    registered,
    reversals,
    roots,
    seals,
    spans,
    terminal_chains,
)
from gateway.audit import rebuild as rebuilding
from gateway.audit.reader import PAGE_ROWS, Reader, Work, raw
from gateway.audit.report import Checked, Docket, Finding, Progress, Report
from gateway.clock import utc_now
from gateway.errors import GatewayError
from gateway.keyring import Keyring
from gateway.root_export import read_roots
from gateway.tables import MEMBER_DERIVED, SEALED, metadata
from gateway.tables import members as member_rows

__all__ = ["AuditError", "Checked", "Finding", "Progress", "Report", "run_audit"]

SAMPLE_ROWS = 20


class AuditError(GatewayError):
    """The audit cannot say anything: nothing was checked."""

    code = "audit"


def run_audit(engine: Engine, keyring: Keyring, rebuild: bool = False,
              progress: Progress | None = None, *, roots_file: str | None = None,
              clock: Callable[[], datetime] = utc_now, page_rows: int = PAGE_ROWS) -> Report:
    """Everything checked, once; raises AuditError under a wrong audit key.

    `rebuild`: also recompute what is derived. `progress` is told (table, rows done, rows there
    were). `roots_file`: exported roots, whose every line is checked too (RootError where it
    cannot be read). `clock` says which frames must still be kept.
    """
    docket = Docket(progress)
    reader = Reader(engine, docket, page_rows)
    tables = list(metadata.tables.values())
    _check_key(reader, keyring)
    if roots_file is not None:
        with read_roots(roots_file):
            pass  # better said now than when all else is checked
    if progress is not None:
        docket.totals = reader.totals(tables)
    work = Work(reader, keyring, docket, clock)
    for room in (members, terminal_chains, lines, registered, seals, outcomes, reversals, batches,
                 dates, commanded, holds, spans, days, operators):
        room.check(work)
    names = [table.name for table in tables]
    if roots_file is not None:
        roots.check(work, roots_file)
        names.append(roots.NAME)
    if rebuild:
        rebuilding.check(work)
    return docket.report(names)


def _check_key(reader: Reader, keyring: Keyring) -> None:
    """Under another key every row would look forged: better to say so."""
    seen = False
    with reader.snapshot() as connection:
        sealed = [(metadata.tables[name], name, columns, "row_mac")
                  for name, columns in SEALED.items()]
        sealed.append((member_rows, member_rows.name, MEMBER_DERIVED, "derived_mac"))
        for table, name, columns, seal in sealed:
            rows = connection.execute(raw(table).limit(SAMPLE_ROWS)).all()
            for row in reader.sound(table, rows):
                seen = True
                held = tuple(row._mapping[column] for column in columns)
                if chain.same(row._mapping[seal], chain.seal(keyring.audit_key, name, held)):
                    return
    if seen:
        raise AuditError("No seal in the database fits POINTWIRE_AUDIT_KEY. Nothing was checked;"
                         " set the key the database was written with, and if it is the right one,"
                         " every seal was overwritten: keep a copy and restore a backup.")
