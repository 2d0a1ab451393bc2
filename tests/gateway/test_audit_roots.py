"""Whoever puts an older true state back is found by the roots that were written meanwhile."""

from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from gateway import roots
from gateway.audit import run_audit
from gateway.audit.roots import prove
from gateway.clock import to_ms
from gateway.root_export import FILE_NAME, export
from gateway.roots import Leaf, RootError, Step
from gateway.tables import metadata
from tests.support.intruder import Intruder
from tests.support.street import Street


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, members=3, terminals=2)


def day(street: Street, place: Path, *cards: int) -> None:
    """A day's sales, each card at a terminal of its own, and the next morning its root."""
    street.answers(*(street.sale(card=card, terminal=card % 2) for card in cards))
    street.later(days=1)
    export(street.engine, street.keyring, to_ms(street.now), str(place))


def found(street: Street, place: Path) -> list[tuple[str, str]]:
    report = run_audit(street.engine, street.keyring, rebuild=True, roots_file=str(place),
                       clock=lambda: street.now)
    return [(each.table, each.row) for each in report.findings]


def copy(intruder: Intruder) -> dict:
    return {table: intruder.rows(table) for table in metadata.sorted_tables}


def put_back(intruder: Intruder, older: dict) -> None:
    for table in reversed(metadata.sorted_tables):
        intruder.run(delete(table))
    for table, rows in older.items():
        if rows:
            intruder.run(insert(table), [dict(row._mapping) for row in rows])


def test_sound_chains_fit_every_root(street, tmp_path):
    for cards in ((0, 1), (1, 2), (), (0,)):
        day(street, tmp_path, *cards)
    assert found(street, tmp_path) == []
    report = run_audit(street.engine, street.keyring, roots_file=str(tmp_path),
                       clock=lambda: street.now)
    assert ("roots", 4 + 5) in report.checked


def test_a_whole_database_that_was_put_back_is_found_and_its_members_named(street, tmp_path):
    day(street, tmp_path, 0, 1)
    with Intruder(street.engine) as intruder:
        older = copy(intruder)
        day(street, tmp_path, 0, 2)
        put_back(intruder, older)
        first, _, third = street.members
        assert found(street, tmp_path) == [
            ("entries", f"member {first} seq 2"), ("entries", f"member {third} seq 1"),
            ("roots", "2026-11-22")]
        assert run_audit(street.engine, street.keyring, clock=lambda: street.now).ok


def test_the_part_of_one_member_that_was_put_back_is_found_by_a_root_alone(street, tmp_path):
    day(street, tmp_path, 0, 1)
    member, terminal = street.members[1], street.terminals[1]
    with Intruder(street.engine) as intruder:
        older = copy(intruder)
        day(street, tmp_path, 0, 1)
        newer = copy(intruder)
        gone = {row[0] for row in street.rows("entries", "id", f"member_id = {member}")}

        def theirs(row) -> bool:
            """Whether a row is that member's, or of the terminal where only it buys."""
            held = row._mapping
            return member in (held.get("member_id"), held.get("points_account_id") and held["id"]
                              ) or terminal in (held.get("origin"), held.get("terminal_id")
                                                ) or held.get("entry_id") in gone

        changing = ("members", "lots", "entries", "postings", "lot_movements", "outcomes",
                    "frames", "journals", "sightings")
        put_back(intruder, {table: [row for row in newer[table] if not theirs(row)] + [
            row for row in older[table] if theirs(row)] if table.name in changing else newer[table]
            for table in newer})
        assert run_audit(street.engine, street.keyring, rebuild=True,
                         clock=lambda: street.now).findings == ()
        assert found(street, tmp_path) == [("entries", f"member {member} seq 2"),
                                           ("roots", "2026-11-22")]


def test_registry_changes_that_were_put_back_are_found(street, tmp_path):
    day(street, tmp_path, 0)
    with Intruder(street.engine) as intruder:
        older = copy(intruder)
        street.registry.set_card_state(street.cards[2], "lost")
        day(street, tmp_path)
        (seq,), = street.rows("counters", "value", "name = 'house'")
        put_back(intruder, older)
        assert ("registry_events", str(seq)) in found(street, tmp_path)


def test_a_tail_that_was_written_anew_is_found(street, tmp_path):
    day(street, tmp_path, 0)
    with Intruder(street.engine) as intruder:
        older = copy(intruder)
        day(street, tmp_path, 1)
        put_back(intruder, older)
        street.take(street.sale(9999, card=1))
        assert found(street, tmp_path)[0] == ("entries", f"member {street.members[1]} seq 1")


@pytest.mark.parametrize("cut", [0, 1])
def test_a_line_that_is_gone_or_changed_is_found(street, tmp_path, cut):
    for cards in ((0,), (1,), (2,)):
        day(street, tmp_path, *cards)
    file = tmp_path / FILE_NAME
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:cut] + lines[cut + 1:]))
    assert found(street, tmp_path) == [("roots", f"line {cut + 1}")]
    lines[cut] = lines[cut].replace('"count":1', '"count":2')
    file.write_text("".join(lines))
    assert found(street, tmp_path) == [("roots", f"line {cut + 1}"), ("roots", f"line {cut + 2}")]
    file.write_text("".join(lines[:cut] + [lines[cut][:50] + "\n"] + lines[cut + 1:]))
    assert found(street, tmp_path) == [("roots", f"line {cut + 2}")]


def test_a_member_is_proved_by_a_few_hashes(street, tmp_path):
    for cards in ((0, 1, 2), (0,)):
        day(street, tmp_path, *cards)
    for place, member in enumerate(street.members):
        proof = prove(street.engine, street.keyring, str(tmp_path), member)
        (seq, link), = street.rows("members", "chain_seq, chain_link", f"id = {member}")
        assert (proof["seq"], proof["link"]) == (seq, link.hex())
        assert proof["on"] == ("2026-11-22" if not place else "2026-11-21")
        path = [Step(side == "left", bytes.fromhex(beside)) for side, beside in proof["path"]]
        assert roots.climb(Leaf(member, seq, link), path).hex() == proof["root"]
    with pytest.raises(RootError, match="No root"):
        prove(street.engine, street.keyring, str(tmp_path), 999)
