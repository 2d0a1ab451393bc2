"""What runs after boot.py, as a process: it starts the board's program with its folder."""

from pathlib import Path

from tests.support.handset_process import Handset


def test_the_staged_program_starts_by_its_main(staged: list[str], folder: Path):
    assert staged[-1].endswith("main.py")
    with Handset(folder, staged) as handset:
        assert handset.event("ready")["runtime"].startswith("micropython ")
        assert handset.do("screen")["lines"][1] == "Pointwire"
