"""The daily root is written once a day, of a closed set of entries, and outlives power cuts."""

import os
import stat
import threading
from pathlib import Path

import pytest

from gateway import root_export, roots, storing
from gateway.clock import business_day, from_day, to_ms
from gateway.counting import CounterBroken
from gateway.database import writing
from gateway.errors import SealBroken, TryLater
from gateway.root_export import daily, export
from gateway.roots import HOUSE, Root, RootError
from tests.support.street import Street


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, members=3, terminals=2)


def exported(street: Street, place: Path, **how) -> Root:
    return export(street.engine, street.keyring, to_ms(street.now), str(place), **how).root


def lines(street: Street, place: Path) -> list[Root]:
    return [roots.read(street.keyring.audit_key, line) for line in place.read_text().splitlines()
            if not roots.torn(line)]


def test_each_day_gets_one_line_of_the_chains_that_went_on(street, tmp_path):
    file = tmp_path / "roots"
    street.answers(street.sale(card=0), street.sale(card=1), street.sale(card=1))
    first = exported(street, file)
    today = business_day(to_ms(street.now), "Asia/Shanghai", 240)
    assert first.day == today - 1 and first.entries == 3
    assert [(leaf.chain, leaf.seq) for leaf in first.leaves] == [
        (HOUSE, street.rows("counters", "value", "name = 'house'")[0][0]),
        (street.members[0], 1), (street.members[1], 2)]
    assert exported(street, file) == first and len(lines(street, file)) == 1
    street.later(days=1)
    street.take(street.sale(card=2))
    second = exported(street, file)
    assert (second.day, second.entries, second.before) == (today, 1, first.mac)
    assert [leaf.chain for leaf in second.leaves] == [HOUSE, street.members[2]]
    assert lines(street, file) == [first, second]
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


def test_a_day_is_named_or_the_last_that_ended_everywhere(street, tmp_path):
    file, today = tmp_path / "roots", business_day(to_ms(street.now), "Asia/Shanghai", 240)
    with pytest.raises(RootError, match="has not ended"):
        exported(street, file, day=today)
    assert exported(street, file, day=today - 1).day == today - 1
    with pytest.raises(RootError, match=f"goes on to {from_day(today - 1)}"):
        exported(street, file, day=today - 2)
    assert len(lines(street, file)) == 1


def test_a_folder_holds_the_file_of_our_name(street, tmp_path):
    exported(street, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [root_export.FILE_NAME]


def test_the_job_writes_what_is_due_once(street, tmp_path):
    job = daily(str(tmp_path))
    run = lambda: job(street.engine, street.keyring, to_ms(street.now), 9)  # noqa: E731
    assert [run(), run(), run()] == [1, 0, 0]
    street.later(days=3)
    assert run() == 1


@pytest.mark.parametrize("size", range(1, 400, 57))
def test_a_line_that_a_loss_of_power_cut_off_is_written_again(street, tmp_path, size):
    file = tmp_path / "roots"
    first = exported(street, file)
    street.later(days=1)
    street.take(street.sale())
    whole = file.read_bytes()
    exported(street, file)
    file.write_bytes(whole + file.read_bytes()[len(whole):][:size])
    second = exported(street, file)
    assert lines(street, file) == [first, second] and second.before == first.mac


def test_a_file_that_somebody_changed_is_not_gone_on_with(street, tmp_path):
    file = tmp_path / "roots"
    exported(street, file)
    street.later(days=1)
    before = file.read_text().replace('"count":0', '"count":1')
    file.write_text(before)
    with pytest.raises(RootError, match="line 1"):
        exported(street, file)
    assert file.read_text() == before


def test_more_entries_than_a_line_may_cover_are_several(street, tmp_path, monkeypatch):
    monkeypatch.setattr(root_export, "PAGE_ROWS", 2)
    monkeypatch.setattr(root_export, "ENTRIES_MAX", 4)
    street.answers(*(street.sale(card=number % 3) for number in range(11)))
    file = tmp_path / "roots"
    exported(street, file)
    told = lines(street, file)
    assert [root.entries for root in told] == [4, 4, 3] and len({root.day for root in told}) == 1
    assert [root.before for root in told] == [b"", told[0].mac, told[1].mac]
    seqs = [(leaf.chain, leaf.seq) for root in told for leaf in root.leaves if leaf.chain]
    assert max(seqs) == (street.members[2], 3) and len(set(seqs)) == len(seqs)


@pytest.mark.parametrize(("change", "error"), [
    ("entries SET link = head", SealBroken), ("counters SET value = 99", CounterBroken)])
def test_nothing_is_written_on_rows_that_were_tampered_with(street, tmp_path, change, error):
    street.take(street.sale())
    with writing(street.engine) as connection:
        connection.exec_driver_sql(f"UPDATE {change}")
    with pytest.raises(error, match="run the audit"):
        exported(street, tmp_path)
    assert (tmp_path / root_export.FILE_NAME).read_bytes() == b""


def test_a_database_older_than_its_roots_is_found_at_once(street, tmp_path):
    street.take(street.sale())
    exported(street, tmp_path)
    street.later(days=1)
    with writing(street.engine) as connection:
        connection.exec_driver_sql("DELETE FROM entries")
    with pytest.raises(RootError, match="put back to an older state"):
        exported(street, tmp_path)
    street.registry.begin_recovery(100)
    assert exported(street, tmp_path).through > 1


def test_an_entry_that_commits_late_is_in_the_root_before_its_number_is_passed(
        postgresql_engine, tmp_path, monkeypatch):
    street = Street(postgresql_engine, members=2, terminals=2)
    slow, fast = street.sale(terminal=0, card=0), street.sale(terminal=1, card=1)
    drawn, go_on = threading.Event(), threading.Event()
    store = storing.store

    def held(connection, *args) -> None:
        if threading.current_thread() is thread:
            drawn.set()
            go_on.wait(20)
        store(connection, *args)

    monkeypatch.setattr(storing, "store", held)
    thread = threading.Thread(target=lambda: street.answers(slow, intake=street.new_intake()))
    thread.start()
    assert drawn.wait(20)
    assert street.take(fast).receipt == 2
    found: list[Root] = []
    exporter = threading.Thread(target=lambda: found.append(exported(street, tmp_path)))
    exporter.start()
    exporter.join(0.5)
    assert not found  # it waits for the one that has number 1
    go_on.set()
    exporter.join(20)
    thread.join(20)
    assert [leaf.chain for leaf in found[0].leaves if leaf.chain] == street.members
    assert (found[0].through, found[0].entries) == (2, 2)


def test_a_transaction_that_never_ends_puts_the_root_off(postgresql_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(root_export, "WAIT_S_MAX", 0.2)
    street = Street(postgresql_engine)
    with postgresql_engine.connect() as other, other.begin():
        other.exec_driver_sql("SELECT pg_current_xact_id()")
        with pytest.raises(TryLater, match="open"):
            exported(street, tmp_path)
    assert (tmp_path / root_export.FILE_NAME).read_bytes() == b""
