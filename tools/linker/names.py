"""Short names for globals, attributes and parameters that are the program's own.

Private attributes are numbered anew in each class, and parameters nobody names in a call are
numbered in each function, so that the words are shared; everything else keeps one name
throughout the program, where attributes and the names of variables, functions and classes use
the same short words: they never meet.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Callable
from itertools import chain

from tools.linker.reach import own_names
from tools.linker.reading import DEFINITIONS, FUNCTIONS, names_in
from tools.linker.words import Reserved, short_names, words_of

# which of these words the interpreter has already: they cost nothing and keep their meaning
Knows = Callable[[set[str]], set[str]]
Bodies = dict[str, list[ast.stmt]]


def shorten(bodies: Bodies, knows: Knows, reserved: Reserved
            ) -> tuple[dict[str, str], dict[str, str]]:
    """(unit -> source, short name -> long names)."""
    symbols = _Shortener(bodies, knows, reserved).run()
    return {unit: ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
            for unit, body in bodies.items()}, symbols


class _Shortener:
    def __init__(self, bodies: Bodies, knows: Knows, reserved: Reserved):
        self._bodies = bodies
        self._reserved = reserved
        self._statements = [each for body in bodies.values() for each in body]
        self._knows = knows
        self._kept: set[str] = set()
        self._symbols: dict[str, set[str]] = {}

    def run(self) -> dict[str, str]:
        for statement in self._statements:
            self._survey(statement)
        self._kept |= self._knows(self._words()) | self._reserved.free
        self._classes()
        self._globals()
        for statement in self._statements:
            self._parameters(statement)
        self._everything()
        for statement in self._statements:
            _name_type(statement)
        return {new: ", ".join(sorted(old)) for new, old in sorted(self._symbols.items())}

    def _may_change(self, name: str) -> bool:
        return (len(name) > 1 and not name.startswith("__") and name not in self._kept
                and not hasattr(builtins, name))

    def _words(self) -> set[str]:
        return {name for statement in self._statements for node in ast.walk(statement)
                for name in words_of(node)}

    def _survey(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._kept.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                self._kept.add(node.arg)
            elif isinstance(node, ast.Import):
                self._kept.update((each.asname or each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module not in self._bodies:
                self._kept.update(each.name for each in node.names)

    def _everything(self) -> None:
        attributes: Counter[str] = Counter()
        others: Counter[str] = Counter()
        for statement in self._statements:
            _Each(lambda name: attributes.update((name,)) or name,
                  lambda name: others.update((name,)) or name).visit(statement)
        everywhere = {name for body in self._bodies.values() for each in body
                      for name in _bound(each)}
        of_attributes = self._table(attributes, set(attributes))
        of_others = self._table(others, everywhere)
        for statement in self._statements:
            _Each(lambda name: of_attributes.get(name, name),
                  lambda name: of_others.get(name, name)).visit(statement)

    def _table(self, counted: Counter[str], words: set[str]) -> dict[str, str]:
        """Long names that may change -> short ones. Those of `words` come first, for MicroPython
        keeps them as words, and local variables not; else the most frequent."""
        short = chain(self._reserved.others, short_names(self._kept | set(counted)))
        table = {}
        for name, _ in sorted(counted.items(),
                              key=lambda each: (each[0] not in words, -each[1], each[0])):
            if len(name) > 2 and self._may_change(name):
                table[name] = next(short)
                self._symbols.setdefault(table[name], set()).add(name)
        return table

    def _classes(self) -> None:
        """Private names of a class become _a, _b ...: other classes use the same words."""
        groups: dict[str, list[ast.stmt]] = {}
        shared: set[str] = set()
        for statement in self._statements:
            owner = statement.name if isinstance(statement, ast.ClassDef) else getattr(
                statement, "owner", None)
            if owner:
                groups.setdefault(owner, []).append(statement)
            shared |= {node.attr for node in ast.walk(statement)
                       if isinstance(node, ast.Attribute) and (not owner or not (
                           isinstance(node.value, ast.Name) and node.value.id == "self"))}
        for owner, statements in groups.items():
            own = sorted({name for each in statements for name in _privates(each)} - shared)
            own = [name for name in own if self._may_change(name)]
            table = dict(zip(own, self._reserved.private, strict=False))
            for statement in statements:
                _rename(statement, table)
            for old, new in table.items():
                self._symbols.setdefault(new, set()).add(f"{owner}.{old}")

    def _globals(self) -> None:
        """Globals that only their own unit refers to become A, B ... in each unit."""
        users: dict[str, set[str]] = {}
        for unit, body in self._bodies.items():
            for name in {name for statement in body for node in ast.walk(statement)
                         for name in words_of(node)}:
                users.setdefault(name, set()).add(unit)
        for unit, body in self._bodies.items():
            own = sorted({each.name for each in body if isinstance(each, DEFINITIONS)} | {
                name for each in body if isinstance(each, ast.Assign)
                for target in each.targets for name in names_in(target)})
            own = [name for name in own if users[name] == {unit} and self._may_change(name)
                   and name not in self._reserved.entries]
            taken = {name for name, units in users.items() if unit in units}
            short = (name for name in self._reserved.own if name not in taken)
            table = dict(zip(own, short, strict=False))
            for statement in body:
                _rename(statement, table)
                owner = getattr(statement, "owner", None)
                if owner:
                    statement.owner = table.get(owner, owner)  # type: ignore[attr-defined]
            for old, new in table.items():
                self._symbols.setdefault(new, set()).add(f"{unit}.{old}")

    def _parameters(self, statement: ast.stmt) -> None:
        """Parameters nobody names in a call are called alike in every function."""
        for function in ast.walk(statement):
            if not isinstance(function, FUNCTIONS):
                continue
            used = {name for node in ast.walk(function) for name in words_of(node)}
            bound_inside = {name for node in ast.walk(function)
                            if isinstance(node, (*FUNCTIONS, ast.Lambda)) and node is not function
                            for name in own_names(node)}
            table = {}
            for place, each in enumerate(function.args.args):
                new = f"a{place}"
                if (each.arg not in ("self", *bound_inside) and self._may_change(each.arg)
                        and new not in used):
                    table[each.arg] = new
            for node in ast.walk(function):
                if isinstance(node, ast.Name):
                    node.id = table.get(node.id, node.id)
                elif isinstance(node, ast.arg):
                    node.arg = table.get(node.arg, node.arg)


def _name_type(statement: ast.stmt) -> None:
    """A named tuple's type is called as what it is bound to, like a class: one word less."""
    if (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
            and isinstance(statement.value, ast.Call)
            and ast.unparse(statement.value.func) == "namedtuple"):
        statement.value.args[0] = ast.Constant(statement.targets[0].id)


def _privates(statement: ast.stmt) -> set[str]:
    found = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    if isinstance(statement, ast.ClassDef):
        found |= {each.name for each in statement.body if isinstance(each, FUNCTIONS)}
        found |= {name for each in statement.body if isinstance(each, ast.Assign)
                  for target in each.targets for name in names_in(target)}
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def _rename(statement: ast.AST, table: dict[str, str]) -> None:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            node.id = table.get(node.id, node.id)
        elif isinstance(node, ast.Attribute):
            node.attr = table.get(node.attr, node.attr)
        elif isinstance(node, DEFINITIONS):
            node.name = table.get(node.name, node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            node.name = table.get(node.name, node.name)
        elif isinstance(node, ast.arg):
            node.arg = table.get(node.arg, node.arg)
        elif isinstance(node, ast.alias):
            node.name = table.get(node.name, node.name)
            node.asname = table.get(node.asname, node.asname) if node.asname else None
        elif isinstance(node, ast.Nonlocal):
            node.names = [table.get(each, each) for each in node.names]


def _bound(statement: ast.stmt) -> set[str]:
    """What a statement binds at the top of a unit."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    if isinstance(statement, ast.ImportFrom):
        return {each.asname or each.name for each in statement.names}
    if isinstance(statement, ast.Assign):
        return {name for target in statement.targets for name in names_in(target)}
    return set()


class _Each(ast.NodeVisitor):
    """Puts each name through `attribute` or `other`, by what it is. The names that the body of a
    class binds are attributes, also where that body itself reads them."""

    def __init__(self, attribute: Callable[[str], str], other: Callable[[str], str]):
        self._attribute = attribute
        self._other = other
        self._bound: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        node.name = self._other(node.name)
        for each in (*node.bases, *node.decorator_list, *node.keywords):
            self.visit(each)
        bound = {each.name for each in node.body if isinstance(each, DEFINITIONS)} | {
            name for each in node.body if isinstance(each, ast.Assign)
            for target in each.targets for name in names_in(target)}
        for each in node.body:
            if isinstance(each, FUNCTIONS):
                each.name = self._attribute(each.name)
                self._function(each, bound)
            else:
                self._in_body(each, bound)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, bound: set[str]) -> None:
        for each in (*node.decorator_list, *node.args.defaults,
                     *(each for each in node.args.kw_defaults if each)):
            self._in_body(each, bound)
        for each in (node.args, *node.body):
            if isinstance(each, ast.arguments):
                for argument in (*each.posonlyargs, *each.args, *each.kwonlyargs, each.vararg,
                                 each.kwarg):
                    if argument:
                        self.visit(argument)
            else:
                self.visit(each)

    def _in_body(self, node: ast.AST, bound: set[str]) -> None:
        kept, self._bound = self._bound, bound
        self.visit(node)
        self._bound = kept

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        node.name = self._other(node.name)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        node.name = self._other(node.name)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        node.id = self._attribute(node.id) if node.id in self._bound else self._other(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        node.attr = self._attribute(node.attr)
        self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        node.arg = self._other(node.arg)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        node.name = node.name and self._other(node.name)
        self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        node.name = self._other(node.name)
        node.asname = node.asname and self._other(node.asname)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        node.names = [self._other(each) for each in node.names]
