"""Whatever stdin is, its lines are obeyed and the handset ends with it, on both interpreters."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware.board.flash_file import CUT_EXIT_CODE
from tools import handset_program

ASK = b'{"id": 1, "do": "status"}\n{"id": 2, "do": "screen"}\n'
CUT = b'{"id": 1, "do": "cut"}\n'


def ended(command: list[str], folder: Path, stdin: Any, **how: Any) -> tuple[int, list[Any]]:
    """Exit code and all that was said, each line of it JSON."""
    done = subprocess.run([*command, str(folder)], stdin=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=handset_program.ROOT, timeout=30,
                          env=handset_program.environment(), check=False, **how)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_with_nothing_at_stdin_it_starts_and_ends(command: list[str], folder: Path):
    code, said = ended(command, folder, subprocess.DEVNULL)
    assert code == 0 and said[0]["event"] == "ready"


def test_with_stdin_closed_it_starts_and_ends(command: list[str], folder: Path):
    code, said = ended(command, folder, None, preexec_fn=lambda: os.close(0))
    assert code == 0 and said[0]["event"] == "ready"


@pytest.mark.parametrize(("commands", "code", "answers"), [
    (ASK, 0, [1, 2]), (ASK.rstrip(), 0, [1, 2]), (b"", 0, []), (CUT + ASK, CUT_EXIT_CODE, [])])
def test_a_file_of_commands_is_obeyed_to_its_end(
        command: list[str], folder: Path, tmp_path: Path, commands: bytes, code: int,
        answers: list[int]):
    path = tmp_path / "commands"
    path.write_bytes(commands)
    with path.open("rb") as file:
        found, said = ended(command, folder, file)
    assert (found, [each["id"] for each in said if "id" in each]) == (code, answers)
    assert not any("error" in each for each in said)
