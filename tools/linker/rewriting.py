"""Puts statements into the form they have in their unit.

Symbols get their new names, constants stand in place. A cold function is called by unit and entry
on the spot: a stand-in for it (80 bytes of heap) is carried only where it is handed on, or where a
method of this name may be somebody else's.
"""

import ast
from dataclasses import dataclass, field
from typing import Any

from tools.linker.reach import Scoped
from tools.linker.reading import Module, Modules, NotLinkable, Symbol, listed

PROGRAM = "program"
HOME = f"{PROGRAM}0"
CALL = "cold_call"
MAKE = "cold_make"


@dataclass
class Places:
    """Where everything stands.

    `units_of`: the units of each symbol. `entries`: what a cold function is called in its unit.
    `new_names`: what every symbol is called. `methods`: cold methods by name, where nothing else
    bears this name. `own`: cold methods that `self` of their class means and nothing else.
    `made`: classes that are only ever called -> their cold `__init__`.
    """

    new_names: dict[Symbol, str]
    units_of: dict[Symbol, tuple[str, ...]] = field(default_factory=dict)
    entries: dict[Symbol, str] = field(default_factory=dict)
    methods: dict[str, Symbol] = field(default_factory=dict)
    own: set[Symbol] = field(default_factory=set)
    made: dict[Symbol, Symbol] = field(default_factory=dict)


class Rewriter(Scoped):
    """One statement as it stands in its unit: symbols by their new names, constants in place."""

    def __init__(self, places: Places, unit: str, module: Module, modules: Modules,
                 owner: str = ""):
        super().__init__(module, modules)
        self._places = places
        self._unit = unit
        self._owner = owner
        self._in_class = bool(owner)
        # new names from elsewhere -> their unit
        self.needed: dict[str, str] = {}
        # symbols that are not called on the spot or not cold; words that may mean a cold method
        # of any class, or of this one
        self.handed_on: set[Symbol] = set()
        self.words: set[str] = set()
        self.own_words: set[Symbol] = set()
        self.texts: set[str] = set()

    def _hand_on(self, symbol: Symbol, node: Any) -> Any:
        self.handed_on.add(symbol)
        return self._put(symbol, node)

    def _put(self, symbol: Symbol, node: Any) -> Any:
        constants = self.modules[symbol.module].constants
        if symbol.name in constants:
            return ast.copy_location(_literal(constants[symbol.name]), node)
        new = self._places.new_names[symbol]
        if symbol in self._places.entries:
            home: tuple[str, ...] = (HOME,)
        else:
            home = self._places.units_of[symbol]
        if self._unit not in home and self._unit != PROGRAM:
            self.needed[new] = home[0]
        return ast.copy_location(ast.Name(new, node.ctx), node)

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id == CALL:
            return self._outer(CALL)
        symbol = self.stands_for(node.id)
        return node if symbol is None or not symbol.name else self._hand_on(symbol, node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        symbol = self.attribute(node)
        if symbol is None or not symbol.name:
            own = self._of_self(node)
            if own:
                self.own_words.add(own)
            else:
                self.words.add(node.attr)
            return self.generic_visit(node)
        return self._hand_on(symbol, node)

    def _of_self(self, node: ast.Attribute) -> Symbol | None:
        """`self.name` in a method, as a method of this class; None for anything else."""
        if self._owner and isinstance(node.value, ast.Name) and node.value.id == "self":
            return Symbol(self.module.name, f"{self._owner}.{node.attr}")
        return None

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            self.texts.add(node.value)
        return node

    # -- calls of what is cold -----------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> Any:
        if ast.unparse(node.func) == "getattr":
            self.words |= {each.value for each in node.args[1:2]
                           if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        symbol = self._called(node.func)
        if symbol in self._places.entries:
            return self._cold_call(node, symbol, [])
        if symbol in self._places.made:
            init = self._places.made[symbol]
            return self._call(node, MAKE, [self._put(symbol, node.func), *self._where(init)])
        if isinstance(node.func, ast.Attribute):
            method = self._method(node.func)
            if method:
                return self._cold_call(node, method, [self.visit(node.func.value)])
        return self.generic_visit(node)

    def _called(self, function: ast.expr) -> Symbol | None:
        """The symbol that is called by its name or as `module.name`."""
        if isinstance(function, ast.Name):
            return self.stands_for(function.id)
        return self.attribute(function) if isinstance(function, ast.Attribute) else None

    def _method(self, function: ast.Attribute) -> Symbol | None:
        """The cold method that `value.name(...)` calls, if there is no doubt about it."""
        value = function.value
        if isinstance(value, ast.Name):
            own = self._of_self(function)
            if own and own in self._places.own:
                return own
            if self.stands_for(value.id):
                return None  # of a module or class, not of an object
        elif isinstance(value, ast.Call) and ast.unparse(value.func) == "super":
            return None
        return self._places.methods.get(function.attr)

    def _cold_call(self, node: ast.Call, symbol: Symbol, first: list[ast.expr]) -> ast.Call:
        """Within its unit by its name there; a unit that runs is loaded."""
        if self._places.units_of[symbol] == (self._unit,):
            return self._call(node, self._places.entries[symbol], first)
        return self._call(node, CALL, [*self._where(symbol), *first])

    def _where(self, symbol: Symbol) -> list[ast.expr]:
        return [ast.Constant(self._places.units_of[symbol][0]),
                ast.Constant(self._places.entries[symbol])]

    def _call(self, node: ast.Call, function: str, first: list[ast.expr]) -> ast.Call:
        node.args = [*first, *(self.visit(each) for each in node.args)]
        node.keywords = [self.visit(each) for each in node.keywords]
        node.func = self._outer(function) if function in (CALL, MAKE) else ast.Name(
            function, ast.Load())
        return node

    def _outer(self, function: str) -> ast.Name:
        """One of the functions that load units; they stand in the first part."""
        if self._unit != HOME:
            self.needed[function] = HOME
        return ast.Name(function, ast.Load())

    # -- definitions ---------------------------------------------------------------------------

    def visit_FunctionDef(self, node: Any) -> Any:
        if not self._locals and not self._in_class:
            node.name = self._places.new_names[Symbol(self.module.name, node.name)]
        inner, self._in_class = self._in_class, False
        done = super().visit_FunctionDef(node)
        self._in_class = inner
        done.body = done.body or [ast.Pass()]
        return done

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        name = node.name
        node.name = self._places.new_names[Symbol(self.module.name, node.name)]
        node.bases = [self.visit(each) for each in node.bases]
        self._in_class, self._owner = True, name
        node.body = [each for one in node.body for each in listed(self.visit(one))]
        self._in_class, self._owner = False, ""
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        raise NotLinkable(f"{self.module.name}: an import inside a function")


def _literal(value: int | str) -> ast.expr:
    if isinstance(value, int) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)

