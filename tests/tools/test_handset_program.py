"""What is staged is what a handset needs, and runs; a missing tool is said."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.firmware.shop import settings_for
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tools import handset_program
from tools.errors import ToolError
from tools.handset_units import COLD
from tools.linker import MAIN, Linked


def folder(tmp_path: Path) -> Path:
    return provision(tmp_path / "handset", settings_for(1))


def test_the_compiled_program_boots_and_leaves_no_source_behind(tmp_path):
    need_micropython()
    command = handset_program.stage(tmp_path / "program", heap_size="96K")
    assert "heapsize=96K" in command
    staged = {path.name for path in (tmp_path / "program").iterdir()}
    assert {"main.py", "program0.mpy", handset_program.SYMBOLS} <= staged
    assert [name for name in staged if name.endswith(".py")] == ["main.py"]
    with Handset(folder(tmp_path), command) as handset:
        assert handset.event("ready")["runtime"].startswith("micropython")


def test_the_plain_sources_boot_too(tmp_path):
    need_micropython()
    command = handset_program.stage(tmp_path / "program", mpy=False)
    assert not list((tmp_path / "program").rglob("*.mpy"))
    assert not list((tmp_path / "program").rglob("shim*"))
    with Handset(folder(tmp_path), command) as handset:
        handset.event("ready")


def test_staging_again_leaves_nothing_of_the_program_before(tmp_path):
    need_micropython()
    handset_program.stage(tmp_path / "program", mpy=False)
    (tmp_path / "program" / "old.mpy").write_bytes(b"")
    handset_program.stage(tmp_path / "program")
    assert not (tmp_path / "program" / "firmware").exists()
    assert not (tmp_path / "program" / "old.mpy").exists()


def test_what_was_linked_once_is_linked_again_only_when_something_of_it_changed(
        tmp_path, monkeypatch):
    need_micropython()
    linked = []
    maker = tmp_path / "maker"
    maker.write_text("one")
    (tmp_path / "built" / "left.new").mkdir(parents=True)
    monkeypatch.setattr(handset_program, "BUILT", tmp_path / "built")
    monkeypatch.setattr(handset_program, "MAKERS", (str(maker),))

    def link(_: str, board: str) -> Linked:
        linked.append(text := maker.read_text())
        return Linked({MAIN: "import program0", "program0": text}, {"a": text}, {})

    monkeypatch.setattr(handset_program, "linked_program", link)
    for name in ("one", "same"):
        handset_program.stage(tmp_path / name)
        assert (tmp_path / name / "program0.mpy").is_file() and len(linked) == 1
    maker.write_text("two")
    handset_program.stage(tmp_path / "one")
    assert (tmp_path / "one" / handset_program.SYMBOLS).read_text() == "a two\n"
    assert len(linked) == 2 and len(list((tmp_path / "built").glob("*"))) == 2  # and its lock


def test_short_names_of_a_traceback_can_be_read_back(tmp_path):
    need_micropython()
    handset_program.stage(tmp_path / "program")
    symbols = (tmp_path / "program" / handset_program.SYMBOLS).read_text()
    assert "firmware_uplink" in symbols
    units = handset_program.units(tmp_path / "program")
    assert set(units.values()) == set(COLD)
    assert {f"{each}.mpy" for each in units} < {each.name for each in
                                                (tmp_path / "program").iterdir()}


# Stands for the modules of a chip: whatever they are asked gives another of the kind, and reads as
# an open contact.
CHIP = """
import sys
class Chip:
    def __init__(self, *a, **k): pass
    def __call__(self, *a, **k): return Chip()
    def __getattr__(self, name): return Chip()
    def value(self, *a): return 1
    def readfrom_into(self, address, buffer):
        for at in range(len(buffer)): buffer[at] = 255
for name in ("machine", "network", "esp32"):
    sys.modules[name] = Chip()
sys.path[:] = [{folder!r}, ".frozen"]
import main
"""


@pytest.mark.parametrize("board", [name for name in handset_program.BOARDS if name != "unix"])
def test_the_program_of_a_board_of_hardware_begins_and_says_what_is_missing(tmp_path, board):
    need_micropython()
    handset_program.write(tmp_path, board)
    parts = list(tmp_path.glob("*.mpy"))
    assert 5 < len(parts) < 20  # each takes a block of the flash at least
    # words of the chip's modules, which the interpreter that links does not know
    assert all(any(word in part.read_bytes() for part in parts)
               for word in (b"readfrom_into", b"duty_u16", b"isconnected", b"get_i32"))
    said = subprocess.run([str(handset_program.micropython()), "-c",
                           CHIP.format(folder=str(tmp_path))],
                          capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "pointwire: settings: cannot read /settings" in said.stdout, said.stdout + said.stderr
    assert not said.returncode, said.stdout + said.stderr


# the table of words doubles at the 311th: what a program needs in the end is some 100 more
def test_the_resident_program_brings_few_words_of_its_own(tmp_path):
    need_micropython()
    command = handset_program.stage(tmp_path)
    said = subprocess.run(
        [command[0], "-c", f"import sys, micropython\nsys.path[:] = [{str(tmp_path)!r}, "
         "'.frozen']\nimport program0, program1, program2\nmicropython.qstr_info()"],
        capture_output=True, text=True, check=True).stdout
    assert int(re.findall(r"n_qstr=(\d+)", said)[-1]) < 200


def test_without_an_interpreter_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(handset_program, "micropython", lambda: None)
    with pytest.raises(ToolError, match="--runtime cpython"):
        handset_program.stage(tmp_path)


def test_something_that_is_no_micropython_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(handset_program, "micropython", lambda: "/bin/true")
    with pytest.raises(ToolError, match="is it MicroPython"):
        handset_program.stage(tmp_path)


def test_on_cpython_the_sources_run_as_they_are(tmp_path):
    with Handset(folder(tmp_path), handset_program.cpython_command()) as handset:
        assert handset.event("ready")["runtime"].startswith("cpython")
