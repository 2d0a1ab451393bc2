"""The law of the house as data, and the reading of source files that it needs.

Who may import whom, what is banned everywhere, and which test stands for which module.
`violations` is a function of a path and its text, so that the law is tested on planted mistakes.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("protocol", "firmware", "gateway", "simulator", "tools")
HARDWARE = {"machine", "network", "esp32"}
# where money, points and rates are computed: no float literal, no true division, no float()
EXACT = ("protocol/", "gateway/audit/", "gateway/decisions/", "gateway/registry/",
         "gateway/book.py", "gateway/chain.py", "gateway/clock.py", "gateway/effects.py",
         "gateway/entries.py", "gateway/holding.py", "gateway/judging.py", "gateway/ledger.py",
         "gateway/lot_rows.py", "gateway/lots.py", "gateway/member.py", "gateway/message.py",
         "gateway/money.py", "gateway/on_hold.py", "gateway/parties.py", "gateway/plain.py",
         "gateway/replies.py",
         "gateway/rules.py", "gateway/shelf.py", "gateway/storing.py", "gateway/validity.py",
         "firmware/checkout.py", "tools/coffee_shop.py", "tools/recount/", "tools/tally.py")
# decisions are functions of values: what a pure module may never reach for
PURE = ("gateway/decisions/", "gateway/book.py", "gateway/chain.py", "gateway/effects.py",
        "gateway/entries.py", "gateway/holding.py", "gateway/judging.py", "gateway/ledger.py",
        "gateway/lots.py", "gateway/member.py", "gateway/message.py", "gateway/money.py",
        "gateway/on_hold.py", "gateway/parties.py", "gateway/plain.py", "gateway/rules.py",
        "gateway/shelf.py", "gateway/validity.py")
IMPURE = {"sqlalchemy", "flask", "time", "random", "secrets", "os", "socket", "threading", "paho",
          "gateway.database", "gateway.tables", "gateway.storing", "gateway.loading",
          "gateway.lot_rows", "gateway.numbers", "gateway.seen_rows"}
# works statements out again: nothing of the rooms, nor of its own beside itself
SECOND, OWN = "tools/recount/", "tools.recount."
# the model that judges stories: nothing of the rooms, and of the tests nothing but itself
MODEL = re.compile(r"tests/gateway/\w+_model\.py")
MODELS = re.compile(r"tests\.gateway\.\w+_model")
LIVE = ("simulator/live.py", "simulator/__main__.py")
WEB = ("gateway/web", "gateway/cli")
MQTT_CLIENT = ("gateway/mqtt.py", "gateway/queues.py")
PRINTS = ("tools/", "simulator/__main__.py", "gateway/cli.py")
SIMULATOR_NEVER = {"time", "datetime", "threading", "socket", "secrets", "select",
                   "multiprocessing", "subprocess", "concurrent"}


@dataclass(frozen=True)
class Room:
    """`may`: rooms it may import. `only`: when set, the only outside modules it may import."""

    may: frozenset[str]
    only: frozenset[str] | None = None


LAW = {
    "protocol": Room(frozenset({"protocol"}),
                     frozenset({"struct", "binascii", "hashlib", "collections"})),
    "firmware": Room(frozenset({"firmware", "protocol"})),
    "gateway": Room(frozenset({"gateway", "protocol"})),
    "simulator": Room(frozenset({"simulator", "firmware", "protocol"})),
    "tools": Room(frozenset({"tools", "simulator", "gateway", "firmware", "protocol"})),
    "tests": Room(frozenset({"tests", "tools", "simulator", "gateway", "firmware", "protocol"})),
}


@dataclass(frozen=True)
class Import:
    """One imported module: dotted `name`, the `names` taken from it, and its line."""

    name: str
    line: int
    names: tuple[str, ...] = field(default=())


def imports(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield Import("." * node.level + (node.module or ""), node.lineno)
                continue
            taken = tuple(alias.name for alias in node.names)
            yield Import(node.module or "", node.lineno, taken)


def _import_faults(path: str, found: Import) -> Iterator[str]:
    room = path.split("/", 1)[0]
    law = LAW[room]
    top = found.name.split(".", 1)[0]
    if found.name.startswith("."):
        yield "relative import: name the room"
        return
    if top in LAW and top not in law.may:
        yield f"{room} may not import {top}"
    if top not in LAW and law.only is not None and top not in law.only:
        yield f"{room} may not import {top}: it must exist on both interpreters"
    if room == "protocol" and top == "collections" and found.names != ("namedtuple",):
        yield "protocol takes only namedtuple from collections"
    if top in HARDWARE and not path.startswith("firmware/board/"):
        yield f"{top} is imported outside firmware/board/"
    if top == "paho" and room == "gateway" and path not in MQTT_CLIENT:
        yield "the MQTT client is imported outside gateway/mqtt.py and queues.py"
    if top == "flask" and room == "gateway" and not path.startswith(WEB):
        yield "flask is imported outside the web rooms and the CLI"
    if room == "simulator" and top in SIMULATOR_NEVER and path not in LIVE:
        yield f"simulator may not import {top}: no wall clock, threads or sockets"
    if room == "simulator" and top == "random" and found.names != ("Random",):
        yield "global random in the simulator: take only Random"
    full = {found.name} | {f"{found.name}.{name}" for name in found.names}
    if path.startswith(PURE) and (top in IMPURE or full & IMPURE):
        yield f"{path} decides and is pure: it may not import {found.name}"
    if path.startswith(SECOND) and top in LAW and not f"{found.name}.".startswith(OWN):
        yield "a second implementation shares no code with the first"
    if MODEL.fullmatch(path) and top in LAW and not MODELS.fullmatch(found.name):
        yield "the model shares nothing with what it judges"
    if path == "gateway/ledger.py" and top == "protocol":
        yield "the ledger knows no frame and no terminal"


def _ban_faults(path: str, node: ast.AST) -> Iterator[str]:
    exact = path.startswith(EXACT)
    if exact and isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield "float where points, money or rates are computed"
    if exact and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield "true division where points, money or rates are computed"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        yield "bare except"
    if not isinstance(node, ast.Call):
        return
    called = ast.unparse(node.func)
    if exact and called in ("float", "round"):
        yield f"{called}() where points, money or rates are computed"
    if called == "print" and not path.startswith((*PRINTS, "tests/")):
        yield "print outside a CLI"
    naive = {"datetime.now": 1, "datetime.datetime.now": 1, "datetime.fromtimestamp": 2,
             "datetime.datetime.fromtimestamp": 2}
    if called.endswith("datetime.utcnow") or called.endswith("utcfromtimestamp"):
        yield "naive datetime"
    if called in naive and len(node.args) + len(node.keywords) < naive[called]:
        yield "naive datetime"


def violations(path: str, text: str) -> list[str]:
    """Every breach of the law in one file: `path` relative to the root, `text` its source."""
    tree = ast.parse(text)
    found = [f"{path}:{each.line}: {why}" for each in imports(tree)
             for why in _import_faults(path, each)]
    for node in ast.walk(tree):
        for why in _ban_faults(path, node):
            found.append(f"{path}:{getattr(node, 'lineno', 0)}: {why}")
    return found


def sources(*rooms: str) -> list[str]:
    """Python files of the rooms, relative to the root, sorted."""
    return sorted(str(path.relative_to(ROOT)) for room in rooms
                  for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts)


def tests_of(path: str) -> tuple[str, ...]:
    """The test files that may stand for a module, best first.

    >>> tests_of("gateway/decisions/sale.py")
    ('tests/gateway/test_decisions_sale.py', 'tests/gateway/test_decisions.py')
    """
    # the words of a flow belong to it
    room, _, inner = path.removesuffix(".py").removesuffix("_texts").partition("/")
    parts = inner.split("/")
    return tuple(f"tests/{room}/test_{'_'.join(parts[:n])}.py" for n in range(len(parts), 0, -1))
