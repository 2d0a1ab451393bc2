"""The forgetful disk: nothing committed is ever lost with FULL, and the weaker settings show."""

import sqlite3
from pathlib import Path
from random import Random

import apsw
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway import failures
from gateway.database import open_sqlite, reading, writing
from tools.prove import apsw_dbapi
from tools.prove.disk import MAIN, SECTOR_SIZE, Disk, DiskError, io_error, open_engine

INSERT = "INSERT INTO taps VALUES (?, ?)"


def made() -> dict[str, bytes]:
    """Files of a disk with one empty table, closed in order."""
    disk = Disk()
    engine = open_engine(disk)
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE taps (id INTEGER PRIMARY KEY, body BLOB)")
        connection.exec_driver_sql("CREATE TABLE sums (name TEXT PRIMARY KEY, value INTEGER)")
        connection.exec_driver_sql("INSERT INTO sums VALUES ('taps', 0)")
    engine.dispose()
    return disk.files()


TEMPLATE = made()


def post(engine: Engine, number: int, size: int = 300) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql(INSERT, (number, bytes([number % 256]) * size))
        connection.exec_driver_sql("UPDATE sums SET value = value + 1")


def posted(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        found = [row[0] for row in connection.exec_driver_sql("SELECT id FROM taps ORDER BY id")]
        total = connection.exec_driver_sql("SELECT value FROM sums").scalar_one()
    assert total == len(found), "half a transaction"
    return found


def lives(seed: int, synchronous: str, losses: int) -> tuple[int, int]:
    """(commits that returned, commits of them that were lost) over losses of power at random
    operations; checkpoints come often. Raises what a corrupt database raises."""
    random = Random(f"lives/{seed}")
    disk = Disk(TEMPLATE)
    number = committed_ever = lost = 0
    committed: set[int] = set()
    for _ in range(losses):
        engine = open_engine(disk, synchronous=synchronous)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint=20")
        disk.cut_after(random.randrange(1, 120))
        attempted = number
        try:
            while True:
                attempted += 1
                post(engine, attempted, random.randrange(9000))
                committed.add(attempted)
                committed_ever += 1
        except OperationalError as fault:
            assert failures.passing(fault)
        number = attempted
        engine.dispose()
        disk.power_loss(random)
        engine = open_engine(disk, synchronous=synchronous)
        found = set(posted(engine))
        engine.dispose()
        assert found <= committed | {attempted}
        lost += len(committed - found)
        committed = found
    disk.close()
    return committed_ever, lost


def test_full_loses_no_commit_over_hundreds_of_power_losses_and_never_corrupts():
    commits = 0
    for seed in range(8):
        done, lost = lives(seed, "FULL", 50)
        assert not lost, f"seed {seed}"
        commits += done
    assert commits > 1000


def test_normal_is_caught_losing_commits_but_does_not_corrupt():
    lost = [lives(seed, "NORMAL", 50)[1] for seed in range(2)]
    assert all(lost)


def test_the_disk_is_not_gentle_without_any_sync_the_database_breaks():
    with pytest.raises((DatabaseError, AssertionError)):
        for seed in range(20):
            lives(seed, "OFF", 50)


def test_a_killed_process_loses_nothing_that_was_written():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk, synchronous="OFF")
    post(engine, 1)
    disk.crash()
    with pytest.raises(DatabaseError):
        post(engine, 2)
    assert posted(open_engine(disk)) == [1]


def test_a_dead_connection_cannot_write_to_the_disk_of_the_next_life():
    disk = Disk(TEMPLATE)
    old = open_engine(disk)
    post(old, 1)
    disk.power_loss(Random(1))
    new = open_engine(disk)
    post(new, 2)
    old.dispose()
    assert posted(new) == [1, 2]


def test_after_a_restore_the_database_is_the_backups():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk)
    post(engine, 1)
    backup = disk.copy()
    post(engine, 2)
    disk.restore(backup)
    disk.power_loss(Random(1))  # a restored database is synced
    assert posted(open_engine(disk)) == [1]
    assert posted(open_engine(backup)) == [1]


def test_a_failing_operation_fails_once_and_is_judged_as_in_production():
    for fault, name in ((io_error("bad block"), "SQLITE_IOERR_WRITE"),
                        (apsw.FullError("full"), "SQLITE_FULL")):
        disk = Disk(TEMPLATE)
        engine = open_engine(disk)
        post(engine, 1)
        disk.fail_after(1, fault)
        with pytest.raises(OperationalError) as raised:
            post(engine, 2)
        assert getattr(raised.value.orig, "sqlite_errorname", None) == name
        assert failures.passing(raised.value)
        post(engine, 3)
        assert posted(engine) == [1, 3]


def test_a_steady_moment_puts_cut_and_fault_off():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk)
    disk.cut_after(1)
    with disk.steady():
        post(engine, 1)
    assert not disk.dead
    with pytest.raises(OperationalError):
        post(engine, 2)
    assert disk.dead
    disk.power_loss(Random(1))
    assert posted(open_engine(disk)) == [1]


def test_a_write_counts_only_when_it_is_synced_and_is_torn_by_sectors():
    disk = Disk({MAIN: b"-" * (4 * SECTOR_SIZE)})
    content = disk.opened(MAIN, create=False)
    content.write(SECTOR_SIZE, b"x" * (2 * SECTOR_SIZE))
    random = Random(3)
    seen = {content.after_loss(random) for _ in range(300)}
    sectors = {tuple(each[at:at + SECTOR_SIZE] == b"x" * SECTOR_SIZE
                     for at in range(0, len(each), SECTOR_SIZE)) for each in seen}
    assert sectors == {(False, a, b, False) for a in (False, True) for b in (False, True)}
    assert any(b"x-" in each[SECTOR_SIZE:2 * SECTOR_SIZE] for each in seen), "never torn"
    content.sync()
    assert content.after_loss(random) == b"-" * 512 + b"x" * 1024 + b"-" * 512


def test_a_file_that_grew_or_was_cut_short_may_have_either_length():
    disk = Disk({MAIN: b"12345678"})
    content = disk.opened(MAIN, create=False)
    content.truncate(4)
    assert {content.after_loss(Random(seed)) for seed in range(50)} == {b"1234", b"12345678"}
    content.sync()
    content.write(4, b"ab")
    assert {b"1234", b"1234ab"} <= {content.after_loss(Random(seed)) for seed in range(50)}


def test_an_unsynced_deletion_may_come_undone_and_an_unsynced_file_be_gone():
    came_back = set()
    for seed in range(20):
        disk = Disk({"log": b"old"})
        disk.delete("log", sync=False)
        disk.opened("new", create=True)
        disk.power_loss(Random(seed))
        came_back.add((disk.has("log"), disk.has("new")))
    assert came_back == {(a, b) for a in (False, True) for b in (False, True)}
    disk = Disk({"log": b"old"})
    disk.delete("log", sync=True)
    disk.opened("new", create=True).sync()
    disk.power_loss(Random(1))
    assert (disk.has("log"), disk.has("new")) == (False, True)


def test_the_same_seed_leaves_the_same_database():
    def left(seed: int) -> list[int]:
        disk = Disk(TEMPLATE)
        engine = open_engine(disk, synchronous="NORMAL")
        for number in range(12):
            post(engine, number)
        disk.power_loss(Random(seed))
        return posted(open_engine(disk))

    assert [left(seed) for seed in range(9)] == [left(seed) for seed in range(9)]


def test_a_second_connection_is_refused_at_once_and_is_worth_a_retry():
    engine = open_engine(Disk(TEMPLATE))
    with reading(engine), pytest.raises(PoolTimeout) as raised, reading(engine):
        pass
    assert failures.passing(raised.value)


def test_a_second_engine_finds_the_disk_locked_until_the_first_one_is_gone():
    disk = Disk(TEMPLATE)
    first, second = open_engine(disk), open_engine(disk)
    post(first, 1)
    with pytest.raises(OperationalError) as raised:
        post(second, 2)
    assert failures.passing(raised.value)
    first.dispose()
    post(second, 2)
    assert posted(second) == [1, 2]


def test_an_operation_before_the_next_one_cannot_be_cut():
    with pytest.raises(DiskError):
        Disk().cut_after(0)
    with pytest.raises(DiskError):
        Disk().fail_after(0, io_error(""))


class _PlainFile(apsw.VFSFile):
    def __init__(self, trace, name, flags) -> None:
        super().__init__("", name, flags)
        self._note = trace.append
        self._name = Path(name if isinstance(name, str) else name.filename()).name

    def xWrite(self, data, offset) -> None:
        self._note(("write", self._name))
        super().xWrite(data, offset)

    def xSync(self, flags) -> None:
        self._note(("sync", self._name))
        super().xSync(flags)

    def xTruncate(self, newsize) -> None:
        self._note(("truncate", self._name))
        super().xTruncate(newsize)


class _Plain(apsw.VFS):
    def __init__(self, trace) -> None:
        super().__init__("plain", "")
        self._trace = trace

    def xOpen(self, name, flags):
        return _PlainFile(self._trace, name, flags)


def test_what_is_written_and_synced_when_is_what_a_plain_file_sees(tmp_path):
    """So the exclusive locking mode hides nothing of what power can take."""
    (tmp_path / MAIN).write_bytes(TEMPLATE[MAIN])
    trace: list[tuple[str, str]] = []
    plain = _Plain(trace)
    beside = open_sqlite(open_engine(Disk()).url, module=apsw_dbapi,
                         creator=lambda: apsw_dbapi.connect(str(tmp_path / MAIN), "plain"))
    disk = Disk(TEMPLATE)
    disk.trace = []
    for engine in (open_engine(disk), beside):
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint=20")
        for number in range(40):
            post(engine, number, number * 100)
    assert ("sync", "main-wal") in trace and ("sync", "main") in trace
    assert disk.trace == trace
    beside.dispose()
    plain.unregister()


def test_a_full_disk_takes_nothing_that_makes_a_file_longer_and_keeps_what_it_has():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk)
    post(engine, 1)
    disk.faults.full = True
    with pytest.raises(OperationalError) as told:
        for number in range(2, 40):
            post(engine, number, size=4000)
    assert told.value.orig.sqlite_errorcode == sqlite3.SQLITE_FULL  # type: ignore[union-attr]
    disk.faults.full = False
    kept = posted(engine)
    post(engine, 99)
    assert 1 in kept and posted(engine) == [*kept, 99]


def test_a_commit_in_doubt_was_made_and_a_locked_database_takes_nothing():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk)
    disk.faults.countdown["unsure"] = 1
    with pytest.raises(OperationalError):
        post(engine, 1)
    disk.faults.locked = True
    with pytest.raises(OperationalError, match="locked"):
        post(engine, 2)
    disk.disarm()
    assert posted(engine) == [1]


def test_a_disk_that_is_disarmed_has_no_fault_any_more():
    disk = Disk(TEMPLATE)
    engine = open_engine(disk)
    disk.cut_after(3)
    disk.fail_after(2, io_error("disk I/O error"))
    disk.faults.full = disk.faults.locked = True
    disk.disarm()
    post(engine, 1)
    assert posted(engine) == [1] and not disk.dead
