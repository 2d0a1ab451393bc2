"""A pytest plugin for the copy that tools/device_coverage.py makes.

Handsets are staged there as sources: the linker wants modules that do nothing when imported, and
those that take notes do. Sources need a larger heap, and notes take time.
"""

from pathlib import Path

from tests.support import handset_process, micropython
from tools import handset_program

HEAP = "16M"
_stage = handset_program.stage


def stage(target_dir: Path, mpy: bool = True, heap_size: str | None = None) -> list[str]:
    """As handset_program.stage, whatever is asked for."""
    return _stage(target_dir, mpy=False, heap_size=HEAP)


def pytest_configure() -> None:
    handset_program.stage = stage
    handset_process.WAIT_S = 120.0
    micropython.TIMEOUT_S = 300
