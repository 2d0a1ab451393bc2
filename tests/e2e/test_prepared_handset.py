"""From head office's key file to a posted tap, by the commands a technician has.

The board is MicroPython at a pseudo-terminal, and what speaks to it is the real mpremote.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import key_file
from tests.support.handset_process import pseudo_font
from tests.support.micropython import need_micropython
from tests.support.till_day import Day
from tests.support.virtual_board import VirtualBoard
from tools.device import device

SALE = 1


class Prepared(Day):
    """A till whose handset was made by `pointwire device prepare`."""

    def __init__(self, folder: Path) -> None:
        self.flash = folder / "flash"
        self._folder = folder
        super().__init__(folder, (), "zh")

    def _provision(self, port: int) -> None:
        key_file.write(self.registry, self.terminal_id, self._folder / "keys.json")
        pseudo_font(self._folder / "font")
        done = CliRunner().invoke(device, [
            "prepare", str(self.flash), "--board", "unix", "--broker", f"127.0.0.1:{port}",
            "--keys", str(self._folder / "keys.json"), "--font", str(self._folder / "font"),
            "--set", "outbox_blocks=16"])
        assert done.exit_code == 0, done.output
        self.starts_in(self.flash)

    def starts_in(self, flash: Path) -> None:
        """What is switched on from now on has its flash there."""
        self._command: Sequence[str] = [need_micropython(), str(flash / "main.py")]
        self._files = flash


@pytest.fixture
def day(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path)


def test_a_prepared_folder_boots_and_posts_a_tap(day: Prepared):
    with day.open(), day.on():
        day.keys("1250#")
        day.tap()
        day.books(1)
    assert day.booked() == [(SALE, 1250, 0)]


def copied(prepared: Path, board: Path, *more: str, answer: str = "") -> Result:
    """`pointwire device copy` onto the board whose flash is this folder."""
    with VirtualBoard(board) as there:
        return CliRunner().invoke(device, [
            "copy", str(prepared), "--port", there.port, *more], input=answer)


def test_a_bare_board_becomes_a_handset_that_posts(day: Prepared, tmp_path: Path):
    with day.open():
        done = copied(day.flash, tmp_path / "board")
        assert done.exit_code == 0, done.output
        assert "all compared" in done.stdout and "formatted (it was blank)" in done.stdout
        day.starts_in(tmp_path / "board")
        with day.on():
            day.keys("1250#")
            day.tap()
            day.books(1)
    assert day.booked() == [(SALE, 1250, 0)]


def test_no_copy_costs_a_tap_unless_it_is_asked_for_and_confirmed(day: Prepared, tmp_path: Path):
    board, other = tmp_path / "board", tmp_path / "other"
    with day.open():
        assert copied(day.flash, board).exit_code == 0
        day.starts_in(board)
        with day.on():
            day.link(False)
            day.handset.sale("1250", day.cards[0])
        again = copied(day.flash, board, "--json")
        said = json.loads(again.stdout)
        assert (said["sent"], said["outbox_formatted"], said["unsent"]) == ([], False, 1)

        keys = tmp_path / "other.json"
        keys.write_text(json.dumps({"terminal_id": 7, "epoch": 1, "key_hex": "07" * 32}))
        keys.chmod(0o600)
        assert CliRunner().invoke(device, [
            "prepare", str(other), "--board", "unix", "--broker", "b:1", "--keys", str(keys),
            "--set", "language=en", "--set", "outbox_blocks=16"]).exit_code == 0
        refused = copied(other, board)
        assert refused.exit_code and "1 unsent tap of terminal" in str(refused.exception)
        asked = copied(other, board, "--erase-outbox", answer="n\n")
        assert asked.exit_code and "Erase 1 unsent" in asked.output

        with day.on():  # its program, its settings and its tap are all there
            day.books(1)
        assert day.booked() == [(SALE, 1250, 0)]
        erased = copied(other, board, "--erase-outbox", "--yes")
        assert erased.exit_code == 0 and "formatted" in erased.stdout, erased.output
