"""Handset processes on both interpreters, for the tests of the unix board."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.firmware.shop import settings_for
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tools import handset_program

CPYTHON = [sys.executable, "-m", "firmware.board.unix"]


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the handset program as a release ships it."""
    need_micropython()
    return handset_program.stage(tmp_path_factory.mktemp("program"))


@pytest.fixture(params=["cpython", "micropython"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """What starts a handset; append its folder."""
    return CPYTHON if request.param == "cpython" else request.getfixturevalue("staged")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a handset that was never switched on; nothing listens at its broker's port."""
    return provision(tmp_path / "handset", settings_for(1))


@pytest.fixture
def start(command: list[str], folder: Path) -> Iterator[Callable[[], Handset]]:
    """Starts the handset in `folder` and waits until it is ready; again after it ended."""
    running: list[Handset] = []

    def started() -> Handset:
        handset = Handset(folder, command)
        running.append(handset)
        handset.event("ready")
        return handset

    yield started
    for handset in running:
        handset.__exit__()
