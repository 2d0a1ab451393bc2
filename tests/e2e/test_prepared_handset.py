"""From head office's key file to a posted tap, by the commands a technician has."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import key_file
from tests.support.handset_process import pseudo_font
from tests.support.micropython import need_micropython
from tests.support.till_day import Day
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
