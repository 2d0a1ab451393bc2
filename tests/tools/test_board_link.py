"""A board at a pseudo-terminal, asked by the real mpremote: files, outbox, and what goes wrong."""

from pathlib import Path

import pytest

from firmware.board.flash_file import FlashFile
from firmware.outbox import Outbox
from protocol.mac import kid
from tests.support.virtual_board import VirtualBoard
from tools import board_link
from tools.board_link import OutboxSeen, open_board
from tools.errors import NotReady
from tools.handset_flash import OUTBOX, digest, write_outbox

BLOCKS = 8
ALL_BYTES = bytes(range(256)) * 9

# esp32.Partition as far as the tool asks it, over a file
CHIP = """
from firmware.board.flash_file import FlashFile
class Partition:
    TYPE_DATA = 1
    @staticmethod
    def find(kind, label):
        return [FlashFile("{path}", 8)] if label == "outbox" and {there} else []
"""


def taps(path: Path, *sealed: tuple[int, int]) -> None:
    """An outbox with a tap of each (terminal, epoch), unsent."""
    write_outbox(path, BLOCKS, 7)
    device = FlashFile(str(path), BLOCKS)
    outbox = Outbox(device)
    outbox.mount()
    for who, epoch in sealed:
        outbox.append(outbox.next_trace, b"\xd1\x84\x47\xa1\x01\x05\xa1\x04\x45"
                      + kid(who, epoch) + bytes(80))
    device.close()


def test_files_go_there_whole_and_are_told_by_their_digest(tmp_path: Path):
    told = []
    with VirtualBoard(tmp_path / "flash") as there, open_board(there.port) as board:
        board.write("font", ALL_BYTES, told.append)
        board.write("old.mpy", b"1", told.append)
        assert board.digests(("font", "none")) == {"font": digest(ALL_BYTES),
                                                   "old.mpy": digest(b"1")}
        board.rename("font", "again")
        assert (board.read("again"), board.read("font")) == (ALL_BYTES, None)
        board.remove("again")
    assert told == [1024, 2048, len(ALL_BYTES), 1]
    assert {each.name for each in (tmp_path / "flash").iterdir()} == {"old.mpy"}


def test_the_outbox_is_looked_at_and_formatted_by_the_handsets_own_code(tmp_path: Path):
    with VirtualBoard(tmp_path / "flash") as there, open_board(there.port) as board:
        assert board.outbox(BLOCKS) == OutboxSeen("blank", 0, ())
        board.format_outbox(BLOCKS, 99)
        assert board.outbox(BLOCKS) == OutboxSeen("", 0, ())
        assert board.outbox(BLOCKS + 8).fault == "wrong_size"
        assert [each.name for each in (tmp_path / "flash").iterdir()] == [OUTBOX]
    outbox = Outbox(FlashFile(str(tmp_path / "flash" / OUTBOX), BLOCKS))
    outbox.mount()
    assert outbox.journal == 99


def test_unsent_taps_are_counted_and_it_is_told_whose_they_are(tmp_path: Path):
    (tmp_path / "flash").mkdir()
    taps(tmp_path / "flash" / OUTBOX, (10000042, 2), (10000042, 3))
    with VirtualBoard(tmp_path / "flash") as there, open_board(there.port) as board:
        assert board.outbox(BLOCKS) == OutboxSeen("", 2, ((10000042, 2),))


@pytest.mark.parametrize("there", [True, False])
def test_on_a_chip_the_outbox_is_its_partition(tmp_path: Path, there: bool):
    (tmp_path / "chip").mkdir()
    path = tmp_path / "partition"
    (tmp_path / "chip" / "esp32.py").write_text(CHIP.format(path=path, there=there))
    taps(path, (5, 1))
    with VirtualBoard(tmp_path / "flash", tmp_path / "chip") as board, \
            open_board(board.port) as board:
        assert board.outbox(BLOCKS) == (
            OutboxSeen("", 1, ((5, 1),)) if there else OutboxSeen("missing", 0, ()))
    assert not list((tmp_path / "flash").iterdir())


def test_a_running_program_is_stopped_first(tmp_path: Path):
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "main.py").write_text("import time\nwhile True:\n    time.sleep(1)\n")
    with VirtualBoard(tmp_path / "flash", held=False) as there, open_board(there.port) as board:
        assert set(board.digests(("main.py",))) == {"main.py"}


def test_no_port_is_one_line(tmp_path: Path):
    with pytest.raises(NotReady, match="No unsent tap was erased.*say it again"), \
            open_board(str(tmp_path / "tty")):
        pass


def test_a_port_of_a_kind_that_nobody_knows_is_one_line():
    with pytest.raises(NotReady, match="no sense.*say it again"), open_board("other://port"):
        pass


def test_a_board_whose_power_goes_while_its_line_stays_open_is_not_waited_for_forever(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board_link, "SILENCE_S", 1)
    with VirtualBoard(tmp_path / "flash") as there:
        def cut(sent: int) -> None:
            there.silent = sent > 2048
        with pytest.raises(NotReady, match="No unsent tap was erased.*say it again"), \
                open_board(there.port) as board:
            board.write("font", ALL_BYTES * 4, cut)
        assert there.silent


def test_an_answer_that_the_line_garbled_is_one_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with VirtualBoard(tmp_path / "flash") as there, \
            pytest.raises(NotReady, match="no sense.*say it again"), \
            open_board(there.port) as board:
        monkeypatch.setattr(board._transport, "exec", lambda _: b"{'font': b'\\x")
        board.digests(("font",))


def test_what_the_board_raises_is_one_line_and_names_the_fault(tmp_path: Path):
    with VirtualBoard(tmp_path / "flash") as there:
        with pytest.raises(NotReady, match="ENOENT|No such file") as refused, \
                open_board(there.port) as board:
            board.rename("none", "other")
        assert "\n" not in str(refused.value)
        with open_board(there.port) as board:  # and it can be asked again
            assert board.digests(()) == {}
