"""The interpreter's clock begins in 2000 on ESP32 and in 1970 elsewhere: nobody asks it."""

import ast

import pytest

from tests.house import law

FORBIDDEN = {"time", "localtime", "gmtime", "mktime", "time_ns", "RTC", "settime"}


def asked(source: str) -> list[str]:
    """What a source asks of a wall clock."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            if isinstance(node.value, ast.Name) and node.value.id in ("time", "utime", "machine"):
                found.append(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "machine", "ntptime"):
            found += [f"{node.module}.{each.name}" for each in node.names
                      if each.name in FORBIDDEN]
    return found


# the dates of certificates, and nothing else, want the chip's clock (DESIGN 5.6)
FOR_CERTIFICATES = "firmware/board/esp32_edge.py"


@pytest.mark.parametrize("path", [
    each for each in law.sources("firmware", "protocol") if each != FOR_CERTIFICATES])
def test_no_module_of_the_handset_asks_a_wall_clock(path: str):
    assert asked((law.ROOT / path).read_text()) == []


def test_a_planted_question_is_found():
    for source in ("import time\ntime.time()", "from time import localtime", "import machine\n"
                   "machine.RTC()", "from ntptime import settime"):
        assert asked(source)
