"""The product image as far as it can be held without ESP-IDF: its flash, what is frozen, _boot."""

import ast
import re
from pathlib import Path

import pytest

from firmware.board.files import LABEL
from firmware.board.pins import BOARDS
from firmware.settings import FIELDS
from tests.house.law import ROOT, imports
from tests.support.micropython import run

IMAGES = sorted((ROOT / "firmware" / "board" / "image").glob("POINTWIRE_*"))
MB = 1024 * 1024
BLOCK_SIZE = 4096
APP_ALIGNED = 0x10000
TABLE_END = 0x9000
# a module is in the chip's MicroPython when its stubs have it
STUBS = ROOT / "typings"


def table(image: Path) -> list[tuple[str, str, int, int]]:
    """(name, type, offset, size) of each partition."""
    rows = [re.split(r",\s*", line) for line in (image / "partitions.csv").read_text().splitlines()
            if line and not line.startswith("#")]
    return [(row[0], row[1], int(row[3], 0), int(row[4], 0)) for row in rows]


def flash_size(image: Path) -> int:
    found = re.findall(r"FLASHSIZE_(\d+)MB=y", (image / "sdkconfig.board").read_text())
    assert len(found) == 1
    return int(found[0]) * MB


def test_each_board_has_its_image():
    frozen = " ".join((image / "main.py").read_text() for image in IMAGES)
    assert len(IMAGES) == len(BOARDS)
    for board in BOARDS:
        assert f"firmware.board.{board.name.replace('-', '_')} import main" in frozen


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_partitions_lie_in_the_flash_one_behind_the_other_and_the_outbox_is_last(image: Path):
    rows = table(image)
    end = TABLE_END
    for name, kind, offset, size in rows:
        assert offset == end, f"{name} overlaps or leaves a gap"
        assert offset % (APP_ALIGNED if kind == "app" else BLOCK_SIZE) == 0, name
        assert size % BLOCK_SIZE == 0 and size > 0, name
        end = offset + size
    assert end == flash_size(image) in (4 * MB, 8 * MB, 16 * MB)
    assert [name for name, *_ in rows][-2:] == [LABEL, "outbox"]
    assert len({name for name, *_ in rows}) == len(rows)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_outbox_is_as_large_as_the_settings_say_and_the_font_has_room(image: Path):
    sizes = {name: size for name, _, _, size in table(image)}
    blocks = {name: default for name, _, default in FIELDS}["outbox_blocks"]
    assert sizes["outbox"] == blocks * BLOCK_SIZE == 1376256
    assert sizes[LABEL] >= 2 * 264426, "a font is written beside the old one"


def frozen(manifest: Path) -> set[str]:
    """Paths that a manifest freezes, as tools/manifestfile.py of MicroPython takes it."""
    found: set[str] = set()
    here = manifest.parent

    def include(path: str) -> None:
        if not path.startswith("$(MPY_DIR)"):
            found.update(frozen((here / path).resolve()))

    def module(name: str, base_path: str = ".") -> None:
        assert (here / base_path / name).is_file()
        found.add(name)

    def package(name: str, base_path: str = ".") -> None:
        base = (here / base_path).resolve()
        found.update(str(path.relative_to(base)) for path in (base / name).rglob("*.py"))

    exec(manifest.read_text(), {"include": include, "module": module, "package": package})
    return found


def reached(path: str) -> tuple[set[str], set[str]]:
    """Files of the rooms that running `path` imports, and modules that are none of them."""
    files, others, todo = set(), set(), [path]
    while todo:
        each = todo.pop()
        if each in files:
            continue
        files.add(each)
        for found in imports(ast.parse((ROOT / each).read_text())):
            if found.name == "firmware.shim" or "firmware" == found.name and "shim" in found.names:
                continue  # on CPython only
            for name in (found.name, *(f"{found.name}.{taken}" for taken in found.names)):
                at = name.replace(".", "/")
                hit = [file for file in (f"{at}.py", f"{at}/__init__.py")
                       if (ROOT / file).is_file()]
                todo += hit
                if not hit and name == found.name:
                    others.add(name)
    return files, others


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_all_that_the_program_imports_is_frozen_or_in_the_chips_micropython(image: Path):
    has = frozen(image / "manifest.py")
    assert {"_boot.py", "main.py"} <= has
    files, others = reached(str((image / "main.py").relative_to(ROOT)))
    files.discard(str((image / "main.py").relative_to(ROOT)))
    booted, also = reached("firmware/board/image/_boot.py")
    booted.discard("firmware/board/image/_boot.py")
    assert not (files | booted) - has
    assert len(files) > 60
    missing = [name for name in others | also
               if not any((STUBS / place).exists() for place in (
                   f"{name}.pyi", f"stdlib/{name}.pyi", f"stdlib/{name}/__init__.pyi"))]
    assert not missing


def test_the_manifest_asks_for_asyncio():
    assert "extmod/asyncio" in (ROOT / "firmware/board/image/manifest.py").read_text()


BOOT = """
import sys, vfs
from tests.firmware import files_on_flash as told
from firmware.board import files
class Chip: pass
sys.modules["esp32"] = chip = Chip()
flash = told.fresh()
with open({boot!r}) as file: boot = file.read()
"""


def boot(prepare: str, look: str) -> str:
    """What `_boot.py` says on a flash that `prepare` left so, and what `look` then prints."""
    source = BOOT.format(boot="firmware/board/image/_boot.py").replace(
        "flash = told.fresh()\n", "").rstrip()
    return run(f"{source}\nflash = told.fresh()\n{prepare}\nbefore = told.cells(flash)\n"
               f"chip.Partition = flash\nexec(boot)\n{look}", heap="4M")


def test_boot_mounts_the_files():
    said = boot("", "told.put('/settings', b'x')\nsys.stdout.write(repr(files.fault()))")
    assert said == "''"


@pytest.mark.parametrize("prepare", [
    "told.damage(flash)", "flash.found['vfs'] = told.RamFlash(32)", "del flash.found['vfs']"],
    ids=["damaged", "blank", "missing"])
def test_boot_tells_the_console_what_is_wrong_and_writes_nothing(prepare: str):
    said = boot(prepare, "assert told.cells(flash) == before\nassert files.fault()")
    assert said.startswith("pointwire: the f")
    assert "partition" in said
