"""The released handset program on MicroPython, with the 160 KB of heap that a flow may take."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.texts import Words, parts
from tests.support.micropython import need_micropython
from tests.support.till_day import Day
from tools import handset_program


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    need_micropython()
    return handset_program.stage(tmp_path_factory.mktemp("program"), heap_size="160K")


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def words(language: str) -> Words:
    return Words(parts(language))


@pytest.fixture
def day(tmp_path: Path, command: list[str], language: str) -> Iterator[Day]:
    with Day(tmp_path, command, language).open() as begun, begun.on():
        yield begun
