"""A command that is printed is called as this program was."""

import shutil
import sys
from pathlib import Path

import pytest

from tools import called


@pytest.fixture
def script(tmp_path: Path) -> str:
    file = tmp_path / "a b" / "pointwire"
    file.parent.mkdir()
    file.touch(0o755)
    return str(file)


def test_a_program_outside_the_search_path_is_named_as_it_was_called(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", [script, "prove"])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert called.program() == f"'{script}'"
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/pointwire")
    assert called.program() == f"'{script}'", "the shell would find another one"


def test_a_program_that_the_shell_finds_by_its_name_is_named_so(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", [script, "prove"])
    monkeypatch.setattr(shutil, "which", lambda name: script)
    assert called.program() == "pointwire"


def test_what_is_not_the_script_is_not_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(Path(called.__file__)), "prove"])
    assert called.program() == "pointwire"
