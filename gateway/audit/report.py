"""What an audit says: findings, and how many rows it looked at.

Law: a finding names a table and a row, says in plain words what is wrong and what to do; a report
keeps at most FINDINGS_MAX of them and counts the rest, so that a wrecked database cannot fill the
memory. The same thing found twice is said once. Card numbers and names are in no finding.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Row, Table

FINDINGS_MAX = 1000
ROW_SIZE_MAX, WRONG_SIZE_MAX = 120, 400  # characters; what is forged may be of any size

# (table, rows checked so far, rows there were at the start)
Progress = Callable[[str, int, int], None]

RESTORE = ("Compare the row with a backup whose audit is clean and restore it; find out who wrote"
           " to the database.")
FORGED = ("Nothing the gateway did put it there. Keep a copy as evidence, remove it, and find out"
          " who wrote to the database.")
EITHER = ("Compare with a backup whose audit is clean: restore what is gone, remove what was never"
          " there; find out who wrote to the database.")
ROLLED_BACK = ("Someone put an older state back. Compare with a backup whose audit is clean, and"
               " find out who wrote to the database.")
RECOMPUTE = ("Do not correct it by hand: compare with a backup, and restore what was changed; the"
             " recomputed value follows from rows that are only inserted.")


class Finding(NamedTuple):
    """`row`: the primary key, its parts joined by colons, bytes in hex; where the key of a row
    that is gone cannot be known, what is known of it. What is very long is cut, and says so."""

    table: str
    row: str
    wrong: str
    todo: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.wrong} {self.todo}"


class Checked(NamedTuple):
    table: str
    rows: int


class Rebuilt(NamedTuple):
    """The values of one row, as stored and as they follow from other rows."""

    table: Table
    key: tuple
    stored: Mapping[str, Any]
    values: Mapping[str, Any]


class Report(NamedTuple):
    """`checked`: rows read of each table; `rebuilt`: rows whose derived columns were recomputed
    (empty without rebuild); `left_out`: findings beyond FINDINGS_MAX."""

    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    rebuilt: tuple[Checked, ...]
    left_out: int

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def summary(self) -> str:
        rows = sum(each.rows for each in self.checked)
        rebuilt = sum(each.rows for each in self.rebuilt)
        also = f", {rebuilt} derived rows rebuilt" if self.rebuilt else ""
        if self.ok:
            return f"clean: {rows} rows checked{also}, nothing is wrong"
        more = f" (and {self.left_out} more)" if self.left_out else ""
        found = "1 finding" if len(self.findings) == 1 else f"{len(self.findings)} findings"
        return f"{found}{more}, {rows} rows checked{also}"

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), self.summary])


class Docket:
    """Where the checks write down what they find."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.totals: Mapping[str, int] = {}
        self._progress = progress
        self._checked: dict[str, int] = {}
        self._rebuilt: dict[str, int] = {}
        self._findings: dict[tuple[str, str, str], Finding] = {}
        self._left_out = 0

    def find(self, table: str, row: str, wrong: str, todo: str) -> None:
        row, wrong = _cut(row, ROW_SIZE_MAX), _cut(wrong, WRONG_SIZE_MAX)
        key = (table, row, wrong)
        if key in self._findings:
            return
        if len(self._findings) < FINDINGS_MAX:
            self._findings[key] = Finding(table, row, wrong, todo)
        else:
            self._left_out += 1

    def checked(self, table: str, rows: int) -> None:
        self._checked[table] = self._checked.get(table, 0) + rows
        if self._progress is not None:
            self._progress(table, self._checked[table], self.totals.get(table, 0))

    def seen(self) -> bool:
        """Whether there were any rows so far."""
        return any(self._checked.values())

    def rebuilt(self, table: str, rows: int) -> None:
        self._rebuilt[table] = self._rebuilt.get(table, 0) + rows

    def report(self, tables: Iterable[str]) -> Report:
        """The report: rows before the sums they upset, then in the order of `tables`."""
        order = {name: place for place, name in enumerate(tables)}
        findings = sorted(self._findings.values(), key=lambda found: (
            found.todo == RECOMPUTE, order.get(found.table, len(order))))
        return Report(tuple(findings),
                      tuple(Checked(name, self._checked.get(name, 0)) for name in order),
                      tuple(Checked(*item) for item in self._rebuilt.items()), self._left_out)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\u2026 ({len(text)} characters)"


def key_text(table: Table, row: Row) -> str:
    """The primary key of a row as a finding shows it."""
    return join_key(*(row._mapping[column.name] for column in table.primary_key.columns))


def join_key(*parts: object) -> str:
    return ":".join(part.hex() if isinstance(part, bytes) else str(part) for part in parts)


def chain_name(member_id: int) -> str:
    """Whose chain it is: a member's, or below zero a terminal's."""
    return f"terminal {-member_id}" if member_id < 0 else f"member {member_id}"


def some(names: Iterable[object], most: int = 10) -> str:
    """A list for a sentence: at most `most` names."""
    held = [str(name) for name in names]
    more = f" and {len(held) - most} more" if len(held) > most else ""
    return ", ".join(held[:most]) + more
