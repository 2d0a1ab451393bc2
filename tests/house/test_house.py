"""The form of the house: import law, bans, and a test for each module (DESIGN section 2)."""

import ast
import re

import pytest

from tests.house import law

# Modules whose test has another name, each with the file that stands for it.
TESTED_ELSEWHERE: dict[str, str] = {
    # the checker is one thing in several files; its tales go through all of them
    **dict.fromkeys((f"tools/prove/{name}.py" for name in (
        "case", "findings", "ledger_rules", "seen", "taps", "verdict_rules",
        "wire_rules")),
        "tests/tools/test_prove_checker.py"),
    "tools/prove/filesystem.py": "tests/tools/test_prove_disk.py",
}


def test_every_room_has_a_readme():
    missing = [room for room in (*law.ROOMS, "tests")
               if not (law.ROOT / room / "README.md").is_file()]
    assert not missing, f"rooms without a README.md: {missing}"


def test_no_file_breaks_the_import_law_or_a_ban():
    found = [line for path in law.sources(*law.ROOMS, "tests")
             for line in law.violations(path, (law.ROOT / path).read_text())]
    assert not found, "\n".join(found)


def test_every_module_has_a_test_of_its_name():
    unproven = []
    for path in law.sources(*law.ROOMS):
        if path.endswith("__init__.py") or "/migrations/" in path:
            continue
        named = TESTED_ELSEWHERE.get(path)
        candidates = (named,) if named else law.tests_of(path)
        if not any((law.ROOT / candidate).is_file() for candidate in candidates):
            unproven.append(f"{path}: expected {' or '.join(candidates)}")
    assert not unproven, "\n".join(unproven)


def test_the_exception_table_names_only_modules_that_exist():
    gone = [path for path in TESTED_ELSEWHERE if not (law.ROOT / path).is_file()]
    assert not gone, f"delete these rows: {gone}"


def test_every_test_file_holds_a_test():
    empty = []
    for path in law.sources("tests"):
        if path.rsplit("/", 1)[-1].startswith("test_"):
            tree = ast.parse((law.ROOT / path).read_text())
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            names = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
            if not any(name.startswith(("test_", "Test")) for name in names):
                empty.append(path)
    assert not empty, f"no test inside: {empty}"


def test_the_makefile_lists_the_promised_targets():
    text = (law.ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", text, re.M))
    assert {"demo", "test", "lint", "bench", "clean", "help"} <= listed


def test_every_dependency_says_why_in_one_line():
    block = (law.ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]
    lines = block.split("dependencies = [", 1)[1].splitlines()
    # a reason stands behind the requirement or on the comment line above it
    unargued = [line.strip() for above, line in zip(lines, lines[1:], strict=False)
                if re.match(r'\s+"[A-Za-z]', line) and "pointwire[" not in line
                and "#" not in line and not above.strip().startswith("#")]
    assert not unargued, unargued


PLANTED = {
    "protocol/x.py": [
        ("import json", "must exist on both interpreters"),
        ("from collections import deque", "only namedtuple"),
        ("from firmware import app", "protocol may not import firmware"),
        ("rate = 1.5", "float where"),
        ("half = total / 2", "true division"),
    ],
    "firmware/x.py": [
        ("import machine", "outside firmware/board/"),
        ("from gateway import intake", "firmware may not import gateway"),
        ("try:\n    pass\nexcept:\n    pass", "bare except"),
        ("print('x')", "print outside a CLI"),
    ],
    "gateway/x.py": [
        ("import paho.mqtt.client", "outside gateway/mqtt.py"),
        ("from flask import Flask", "outside the web rooms"),
        ("import firmware.app", "gateway may not import firmware"),
        ("from datetime import datetime\nnow = datetime.now()", "naive datetime"),
        ("from . import intake", "relative import"),
    ],
    "gateway/decisions/x.py": [
        ("import sqlalchemy", "pure"),
        ("from gateway import database", "pure"),
        ("points = round(x)", "round() where"),
    ],
    "tools/recount/x.py": [
        ("from gateway import money", "shares no code"),
        ("import gateway.rules", "shares no code"),
        ("from protocol.frames import split", "shares no code"),
        ("from tools import tally", "shares no code"),
        ("from tools.tally import totals", "shares no code"),
        ("import simulator.broker", "shares no code"),
        ("half = total / 2", "true division"),
    ],
    "tests/gateway/points_model.py": [
        ("from gateway import lots", "shares nothing"),
        ("from protocol import codes", "shares nothing"),
        ("from tests.support.street import Street", "shares nothing"),
    ],
    "gateway/ledger.py": [("from protocol import frames", "knows no frame")],
    "simulator/x.py": [
        ("from gateway import intake", "simulator may not import gateway"),
        ("import time", "no wall clock"),
        ("import random", "global random"),
        ("from random import randrange", "global random"),
    ],
}


@pytest.mark.parametrize(("path", "text", "why"),
                         [(p, text, why) for p, rows in PLANTED.items() for text, why in rows])
def test_a_planted_breach_is_named(path: str, text: str, why: str):
    assert any(why in line for line in law.violations(path, text))


def test_the_models_are_where_the_law_looks_for_them():
    found = {path for path in law.sources("tests") if law.MODEL.fullmatch(path)}
    assert {f"tests/gateway/{name}_model.py" for name in ("points", "token", "bill")} <= found


# of ../shared/PITFALLS.md, those that the ledger must answer for
PITFALLS = {1, 2, 3, 4, 5, 9, 12, 13, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 37, 41, 42, 43, 44}


def test_every_pitfall_of_the_ledger_has_a_test_that_carries_its_id():
    carried = {int(number) for path in law.sources("tests")
               for number in re.findall(r"^def test_q(\d+)_", (law.ROOT / path).read_text(),
                                        re.MULTILINE)}
    assert PITFALLS <= carried, sorted(PITFALLS - carried)


@pytest.mark.parametrize("path", [
    "protocol/cbor.py", "gateway/rules.py", "gateway/ledger.py", "gateway/lots.py",
    "gateway/decisions/sale.py", "gateway/decisions/taken_back.py", "firmware/checkout.py"])
def test_q21_no_float_where_points_money_and_rates_are_computed(path: str):
    assert (law.ROOT / path).is_file()
    for text in ("rate = 1.5", "half = total / 2", "points = float(x)", "points = round(x)"):
        assert law.violations(path, text)


def test_lawful_code_is_left_alone():
    seeded = "from random import Random\nr = Random(1)\nr.random()"
    assert law.violations("simulator/x.py", seeded) == []
    for path in ("gateway/mqtt.py", "gateway/queues.py"):
        assert law.violations(path, "import paho.mqtt.client") == []
    own = "import cbor2\nfrom tools.recount import law\nfrom tools.recount.boxes import read"
    assert law.violations("tools/recount/x.py", own) == []
    own = "from tests.gateway.token_model import Lot"
    assert law.violations("tests/gateway/points_model.py", own) == []
    assert law.violations("protocol/x.py", "from collections import namedtuple\nn = 7 // 2") == []
