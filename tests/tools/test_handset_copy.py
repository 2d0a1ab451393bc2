"""What may be done to a board that was found so, and that copying can break off anywhere."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from firmware import settings
from firmware.settings import Settings
from tools.board_link import Board, OutboxSeen
from tools.errors import NotReady, Refused
from tools.handset_copy import copy, decide, look
from tools.handset_flash import Prepared, digest

ME, OTHER = 10000042, 10000043
BLANK, EMPTY = OutboxSeen("blank", 0, ()), OutboxSeen("", 0, ())


def of(who: int = ME, epoch: int = 1, key: int = 1, old: Sequence[int] = ()) -> Settings:
    return settings.settings(who, epoch, bytes([key]) * 32, "b", 1, "u", "p",
                             old_keys=tuple((each, bytes([each]) * 32) for each in old))


def unsent(who: int = ME, epoch: int = 1, count: int = 3) -> OutboxSeen:
    return OutboxSeen("", count, ((who, epoch),))


@pytest.mark.parametrize(("seen", "there"), [(BLANK, None), (BLANK, of()), (EMPTY, of(OTHER))])
def test_a_blank_outbox_and_anothers_without_a_tap_are_formatted(seen, there):
    plan = decide(seen, there, of(), erase=False)
    assert plan.formatted and not plan.lost
    assert plan.moved is (there is not None and there.terminal_id == OTHER)


@pytest.mark.parametrize(("seen", "there"), [
    (EMPTY, of()), (EMPTY, None), (unsent(), of()), (unsent(), None)])
def test_its_own_outbox_stays_as_it_is_with_settings_or_without(seen, there):
    assert not decide(seen, there, of(), erase=False).formatted


def test_older_keys_of_the_board_come_along_for_the_taps_that_they_sealed():
    plan = decide(unsent(epoch=1), of(epoch=2, key=2, old=(1,)), of(epoch=3, key=3), erase=False)
    assert plan.settings.old_keys == ((2, b"\x02" * 32), (1, b"\x01" * 32))
    assert plan.settings.epoch == 3


def test_older_keys_of_the_key_file_answer_where_the_boards_settings_are_lost():
    assert not decide(unsent(epoch=1), None, of(epoch=2, key=2, old=(1,)), False).formatted


@pytest.mark.parametrize(("seen", "there", "made", "why"), [
    (unsent(), of(), of(OTHER), f"3 unsent taps of terminal {ME}.*epoch 1.*send them first"),
    (unsent(), None, of(OTHER), f"terminal {ME}"),
    (unsent(epoch=1), None, of(epoch=2, key=2), "epoch 1"),
    (unsent(count=1), of(key=7), of(key=8), "1 unsent tap of"),
    (OutboxSeen("corrupt", 0, ()), of(), of(), "cannot be read .corrupt.*--erase-outbox"),
    (OutboxSeen("newer_version", 0, ()), of(), of(), "newer_version"),
    (OutboxSeen("wrong_size", 0, ()), of(), of(), "wrong_size"),
    (OutboxSeen("missing", 0, ()), None, of(), "partition table"),
    (EMPTY, of(epoch=2, key=2), of(), "older epoch 1.*key file again"),
])
def test_what_could_lose_a_tap_is_refused_and_nothing_was_changed(seen, there, made, why):
    with pytest.raises(Refused, match=why) as refused:
        decide(seen, there, made, erase=False)
    assert "Nothing on the board was changed" in str(refused.value)


@pytest.mark.parametrize("seen", [unsent(), unsent(OTHER), OutboxSeen("corrupt", 0, ()), EMPTY])
def test_who_says_so_erases_and_is_told_how_many(seen):
    plan = decide(seen, of(), of(), erase=True)
    assert plan.formatted and plan.lost == seen.unsent


class Flash(Board):
    """A board in memory that breaks off at its n-th change; `changes` names them."""

    def __init__(self, files: dict[str, bytes], seen: OutboxSeen) -> None:
        self.files, self.seen = files, seen
        self.changes: list[str] = []
        self.breaks_at = 0
        self.journals: list[int] = []
        self.spoils = ""

    def _change(self, what: str) -> None:
        self.changes.append(what)
        if len(self.changes) == self.breaks_at:
            raise OSError(5, "the cable")

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        return {name: digest(data) for name, data in self.files.items()
                if name in names or name.endswith((".mpy", ".new"))}

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes, sent: Callable[[int], None]) -> None:
        self.files[name] = data[:1]
        self._change(f"write {name}")
        self.files[name] = data if name != self.spoils else data + b"x"
        sent(len(data))

    def rename(self, name: str, to: str) -> None:
        self._change(f"rename {name}")
        self.files[to] = self.files.pop(name)

    def remove(self, name: str) -> None:
        self._change(f"remove {name}")
        del self.files[name]

    def outbox(self, blocks: int) -> OutboxSeen:
        return self.seen

    def format_outbox(self, blocks: int, journal: int) -> None:
        self._change("format")
        self.journals.append(journal)
        self.seen = EMPTY


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    files = {"main.py": b"new main", "a.mpy": b"new", "font": b"glyphs",
             "settings": settings.encode(of())}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return Prepared(tmp_path, "unix", ME, 1, 8, {name: digest(data)
                                                 for name, data in files.items()}, False)


def carry(board: Flash, prepared: Prepared, erase: bool = False, bar=lambda *_: None):
    seen, there = look(board, prepared)
    made = settings.read(str(prepared.folder / "settings"))
    return copy(board, prepared, decide(seen, there, made, erase), seen, bar)


def old_board(seen: OutboxSeen = EMPTY, made: Settings | None = None) -> Flash:
    return Flash({"main.py": b"old main", "a.mpy": b"old", "b.mpy": b"stale",
                  "operators": b"hashes", "crash": b"lines",
                  "settings": settings.encode(made or of())}, seen)


def test_all_is_there_in_the_end_and_nothing_of_the_old_program(prepared):
    bars = []
    board = old_board(unsent())
    done = carry(board, prepared, bar=lambda *said: bars.append(said))
    assert done.unsent == 3 and not board.journals
    assert set(board.files) == {"main.py", "a.mpy", "font", "settings", "operators", "crash"}
    assert {name: digest(board.files[name]) for name in prepared.files} == prepared.files
    assert bars[-1] == ("main.py", bars[-1][2], bars[-1][2])


def test_what_is_there_already_is_not_sent_again(prepared):
    board = old_board()
    carry(board, prepared)
    board.changes.clear()
    done = carry(board, prepared)
    assert (done.sent, done.same, board.changes) == ((), 4, [])


def test_wherever_it_breaks_off_no_mixture_starts_and_the_next_copy_ends_it(prepared):
    whole = old_board(BLANK)
    carry(whole, prepared)
    for at in range(1, len(whole.changes) + 1):
        board = old_board(BLANK)
        board.breaks_at = at
        with pytest.raises(OSError):
            carry(board, prepared)
        assert settings.decode(board.files["settings"]).terminal_id == ME
        programs = {"a.mpy": {b"old", b"new"}, "b.mpy": {b"stale"}}
        if "main.py" in board.files and board.files["main.py"] == b"old main":
            assert at == 1 and all(board.files[name] in of_it
                                   for name, of_it in programs.items())
        if board.files.get("main.py", b"")[:1] == b"n":  # the first byte of the new one
            assert all(digest(board.files[name]) == wanted
                       for name, wanted in prepared.files.items() if name != "main.py")
            assert board.seen == EMPTY
        board.breaks_at = 0
        carry(board, prepared)
        assert board.files == whole.files and board.seen == EMPTY


def test_each_format_begins_a_journal_of_its_own(prepared):
    boards = [old_board(BLANK) for _ in range(4)]
    for board in boards:
        carry(board, prepared)
    assert len({board.journals[0] for board in boards}) == 4


def test_a_handset_of_another_terminal_forgets_its_operators(prepared):
    board = old_board(EMPTY, of(OTHER))
    carry(board, prepared)
    assert "operators" not in board.files and board.journals
    kept = old_board()
    carry(kept, prepared)
    assert "operators" in kept.files


@pytest.mark.parametrize(("name", "why"), [
    ("font", "font did not land as sent"), ("settings.new", "The old settings stay")])
def test_what_landed_otherwise_is_told(prepared, name, why):
    board = old_board(EMPTY, settings.changed(of(), volume=3))
    board.spoils = name
    with pytest.raises(NotReady, match=why):
        carry(board, prepared)
    assert settings.decode(board.files["settings"])


@pytest.mark.parametrize("after", [OutboxSeen("corrupt", 0, ()), unsent(count=2)])
def test_an_outbox_that_is_not_as_it_was_is_told(prepared, after):
    class Odd(Flash):
        looks = 0

        def outbox(self, blocks: int) -> OutboxSeen:
            self.looks += 1
            return self.seen if self.looks == 1 else after

    with pytest.raises(NotReady, match="keep the board as it is"):
        carry(Odd(old_board().files, unsent()), prepared)


def test_a_frozen_program_loses_what_would_stand_before_it(prepared):
    only = {name: prepared.files[name] for name in ("settings", "font")}
    board = old_board()
    carry(board, prepared._replace(files=only, frozen=True))
    assert set(board.files) == {"settings", "font", "operators", "crash"}
