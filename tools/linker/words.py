"""Words: what MicroPython keeps of a program once and for ever, in a table that doubles.

At the 631st word that table takes six kilobytes more, at the 311th three. What the interpreter has
anyway costs nothing, so those words are used first for all that gets a short name.
"""

import ast
import builtins
import keyword
from collections.abc import Iterator, Sequence

from tools.linker.reading import DEFINITIONS, Modules

# how many words are kept for what must not meet other names
_ENTRIES, _OTHERS = 28, 48
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Reserved:
    """Short names, first out of the words that cost nothing (`free`).

    `private`: of attributes that are private; `own`: of globals that only their own unit refers
    to; `entries`: of cold functions in their units, which no other global may be called; `others`:
    of all else.
    """

    def __init__(self, free: Sequence[str]):
        self.entries = [*free[:_ENTRIES], *(f"e{number}" for number in range(_ENTRIES))]
        self.private = [*free[:_ENTRIES], *(f"_{letter}" for letter in _letters())]
        self.own = [*free[_ENTRIES:_OTHERS], *(name.upper() for name in _letters())]
        self.others = list(free[_OTHERS:])
        self.free = frozenset(free)


def free_words(spare: Sequence[str], modules: Modules) -> list[str]:
    """Those of the words that mean nothing in the program."""
    used = {each for module in modules.values() for statement in module.body
            for node in ast.walk(statement) for each in all_words(node)}
    return [word for word in spare if word not in used and word.isidentifier()
            and not keyword.iskeyword(word) and not hasattr(builtins, word)]


def words_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name


def all_words(node: ast.AST) -> Iterator[str]:
    """Whatever of this node may be a word to the interpreter."""
    yield from words_of(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
        yield from node.value.replace(",", " ").split()
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for each in node.names:
            yield from each.name.split(".")
        if isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")


def _letters() -> Iterator[str]:
    yield from LETTERS
    for one in LETTERS:
        for other in LETTERS:
            yield one + other


def short_names(taken: set[str]) -> Iterator[str]:
    for suffix in ("", "_"):
        for letters in _letters():
            if letters + suffix not in taken | {"as", "if", "in", "is", "or"}:
                yield letters + suffix
