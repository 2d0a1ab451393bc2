"""Daily roots are written: from the database into a file that is kept elsewhere.

Law: a line covers a closed set of entries. Entry numbers are drawn before their transaction
commits, so on PostgreSQL a lower one may appear after a higher one: what is covered ends at the
highest number seen, and is read only when every transaction that was open then has ended. Entries
are only inserted, so after that the set never changes, and it is read in short pieces while taps
go on. The file is only appended to, synced before anything is told, and locked meanwhile.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from sqlalchemy import Engine, func, select, union_all

from gateway import chain, counting, roots
from gateway.clock import business_day, from_day
from gateway.database import older_ended, reading
from gateway.errors import SealBroken, TryLater
from gateway.keyring import Keyring
from gateway.roots import HOUSE, Leaf, Root, RootError
from gateway.tables import entries, programmes, recoveries

FILE_NAME = "roots.jsonl"
PAGE_ROWS = 5_000
ENTRIES_MAX = 1_000_000  # a line covers at most so many, which bounds memory
WAIT_S_MAX = 60.0


class Export(NamedTuple):
    """How many lines were written (none: the day had its own), and the newest there is now."""

    lines: int
    root: Root
    file: Path


def file_at(place: str) -> Path:
    """The file of roots that a path means: itself, or in a folder the one of our name. RootError
    for what can be no file."""
    path = Path(place)
    path = path / FILE_NAME if path.is_dir() else path
    if not place.strip() or path.exists() and not path.is_file():
        raise RootError(f"{place!r} is no file of roots. Nothing was done; name the file, or the"
                        f" folder with its {FILE_NAME}.")
    return path


@contextmanager
def read_roots(place: str) -> Iterator[IO[str]]:
    """The file of roots that a path means. RootError where it cannot be read or has none."""
    path = file_at(place)
    try:
        file = path.open(encoding="ascii", errors="replace")
    except OSError as fault:
        raise RootError(f"{path} cannot be read: {_why(fault)}. Nothing was checked by it; name"
                        " the file that `root export` writes, or its folder.") from None
    with file:
        if next(lines_of(file), None) is None:
            raise RootError(f"{path} has no root in it. Nothing was checked by it; where roots"
                            " were exported to it before, somebody emptied it: take the copy kept"
                            " elsewhere.")
        file.seek(0)
        yield file


def _why(fault: OSError) -> str:
    """In our words, where we have any."""
    return {errno.ENOENT: "there is no such file or folder",
            errno.ENOTDIR: "what should be its folder is a file",
            errno.EACCES: "this user may not",
            errno.EROFS: "its disk is read-only",
            errno.ENOSPC: "its disk is full"}.get(fault.errno or 0, str(fault.strerror or fault))


def lines_of(file: IO[str]) -> Iterator[tuple[int, str]]:
    """(number, line) of what was written whole; what a loss of power cut off is left out."""
    for number, line in enumerate(file, 1):
        text = line.rstrip("\n")
        if text and not roots.torn(text):
            yield number, text


def last_day(engine: Engine, now: int) -> int:
    """The last settlement day that has ended in every programme; `now` in ms since 1970."""
    with reading(engine) as connection:
        zones = connection.execute(select(programmes.c.time_zone,
                                          programmes.c.cutover_minutes)).all()
    return min((business_day(now, zone, minutes) for zone, minutes in zones),
               default=business_day(now, "UTC", 0)) - 1


def export(engine: Engine, keyring: Keyring, now: int, place: str,
           day: int | None = None) -> Export:
    """Append the root of `day` (default: the last that has ended), where it has none yet. Raises
    RootError, SealBroken, TryLater and OSError; then nothing was written."""
    ended = last_day(engine, now)
    day = ended if day is None else day
    if day > ended:
        raise RootError(f"{from_day(day)} has not ended everywhere. Nothing was written; the last"
                        f" day that has is {from_day(ended)}.")
    path = file_at(place)
    with _locked(path) as file:
        before = _last(keyring, path, file)
        if before is not None and before.day > day:
            raise RootError(f"{path} goes on to {from_day(before.day)} already, and a root tells"
                            f" what stands now. Nothing was written for {from_day(day)}.")
        if before is not None and before.day == day:
            return Export(0, before, path)
        after, ends = before.through if before else 0, _closed(engine)
        if ends < after:
            raise RootError(f"The newest root in {path} covers entries up to {after}, and the"
                            f" database ends at {ends}: it was put back to an older state. Nothing"
                            " was written; `pointwire gateway audit --roots` names what is gone."
                            " After a restore, begin a recovery first.")
        written, root = 0, before
        while root is None or not written or root.through < ends:
            root = _root(engine, keyring, (day, now), (after, ends), root)
            _write(file, roots.write(root))
            after, written = root.through, written + 1
        return Export(written, root, path)


def daily(place: str) -> Callable[[Engine, Keyring, int, int], int]:
    """A job of jobs.py: writes what is due, once a day."""
    return lambda engine, keyring, now, _: export(engine, keyring, now, place).lines


# -- the file -----------------------------------------------------------------------------------


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    """The file, to read and append, closed to every other export."""
    fresh = not path.exists()
    try:
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise RootError(f"{path} cannot be written: {_why(fault)}. Nothing was written; name a"
                        " file in a folder that is there and that this user may write to."
                        ) from None
    with os.fdopen(number, "r+", encoding="ascii", errors="replace", newline="\n") as file:
        fcntl.flock(number, fcntl.LOCK_EX)
        if fresh:
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        yield file


def _last(keyring: Keyring, path: Path, file: IO[str]) -> Root | None:
    number, text = 0, ""
    for number, text in lines_of(file):  # noqa: B007
        pass
    if not text:
        return None
    try:
        return roots.read(keyring.audit_key, text)
    except RootError as error:
        raise RootError(f"{path} line {number}: {error} Nothing was written; keep the file, and"
                        " find out who changed it, or name another file for this database."
                        ) from None


def _write(file: IO[str], line: str) -> None:
    number, text = file.fileno(), line.encode() + b"\n"
    size = os.fstat(number).st_size
    if size and os.pread(number, 1, size - 1) != b"\n":
        text = b"\n" + text  # behind what a loss of power cut off
    while text:
        text = text[os.write(number, text):]
    os.fsync(number)


# -- the database -------------------------------------------------------------------------------


def _closed(engine: Engine) -> int:
    """The number at or below which no entry can come any more. TryLater where a transaction stays
    open too long."""
    highest = union_all(select(func.max(entries.c.id)),
                        select(func.max(recoveries.c.receipts_from)))
    with reading(engine) as connection:
        ends = max(number or 0 for number in connection.execute(highest).scalars())
    # whoever draws a number has locked rows before
    if not older_ended(engine, WAIT_S_MAX):
        raise TryLater(f"A transaction has been open for {WAIT_S_MAX:.0f} s, and may hold entries"
                       " that belong to this root. Nothing was written; end it, or try again"
                       " later.")
    return ends


def _root(engine: Engine, keyring: Keyring, when: tuple[int, int], span: tuple[int, int],
          before: Root | None) -> Root:
    """The line of the entries behind span[0], up to span[1] or as many as a line may cover."""
    after, ends = span
    through, count, found = after, 0, dict[int, Leaf]()
    while through < ends and count < ENTRIES_MAX:
        rows = _page(engine, through, ends)
        for entry_id, member_id, seq, link, head in rows:
            if not chain.same(chain.head(keyring.audit_key, link), head):
                raise SealBroken(f"Not what was sealed: entries {entry_id}. Nothing was written;"
                                 " run the audit.")
            if member_id not in found or found[member_id].seq < seq:
                found[member_id] = Leaf(member_id, seq, link)
        count += len(rows)
        through = rows[-1][0] if len(rows) == PAGE_ROWS else ends
    with reading(engine) as connection:
        house = counting.look(connection, keyring.audit_key, counting.HOUSE)
    if house is not None and house.value:
        found[HOUSE] = Leaf(HOUSE, house.value, house.link)
    return roots.made(keyring.audit_key, roots.Root(
        *when, after, through, count, before=before.mac if before else b""), found.values())


def _page(engine: Engine, after: int, ends: int) -> list[tuple]:
    c = entries.c
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(
            select(c.id, c.member_id, c.chain_seq, c.link, c.head)
            .where(c.id > after, c.id <= ends).order_by(c.id).limit(PAGE_ROWS))]
