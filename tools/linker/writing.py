"""Forms the units: the resident program in parts, and one unit for each group of cold functions.

What only units need stands in them, in several if need be, as long as it is a function or a
literal. A class or what else is made by a call exists once, in the resident program, because two
copies of a class would be two classes; unless it is named as cold itself.
"""

import ast
import copy
from collections.abc import Sequence
from typing import Any

from tools.linker.methods import Methods
from tools.linker.names import Knows
from tools.linker.reach import Reach
from tools.linker.reading import (
    FUNCTIONS,
    IMPORTS,
    MAIN,
    Module,
    Modules,
    NotLinkable,
    Symbol,
    copied,
    listed,
)
from tools.linker.rewriting import CALL, HOME, MAKE, PROGRAM, Places, Rewriter

# what a unit left is swept up before the next one is loaded; a unit's own names are cleared behind
# it, because the collector may find a stale pointer to it on the stack
CALLER = f"""
def {CALL}(unit, entry, *args, **named):
    inner = unit in sys.modules
    gc.collect()
    try:
        return getattr(__import__(unit), entry)(*args, **named)
    finally:
        if not inner and unit in sys.modules:
            sys.modules.pop(unit).__dict__.clear()

def {MAKE}(kind, unit, entry, *args, **named):
    made = kind()
    {CALL}(unit, entry, made, *args, **named)
    return made
"""
Bodies = dict[str, list[ast.stmt]]


class Writer:
    """`units_of`: where each symbol stands; `new_names`: what it is called there."""

    def __init__(self, modules: Modules, reach: Reach, knows: Knows, part_size_max: int,
                 entries: Sequence[str]):
        self.modules = modules
        self.reach = reach
        self._methods = Methods(modules, reach, knows)
        self._part_size_max = part_size_max
        self._entries = entries
        # unlike any local name, so that no function hides a global it did not know by this name
        self.places = Places({symbol: f"{symbol.name.replace('.', '_of_')}_of_"
                                      f"{symbol.module.replace('.', '_')}"
                              for symbol in reach.symbols})
        self._handed_on: set[Symbol] = set()
        self._defined: dict[int, list[Symbol]] = {}  # by each top-level statement
        for module in modules.values():
            for name, statement in module.defined.items():
                self._defined.setdefault(id(statement), []).append(Symbol(module.name, name))

    def write(self) -> Bodies:
        self._place()
        units = sorted({unit for placed in self.places.units_of.values() for unit in placed}
                       | {MAIN, HOME})
        for unit in units:
            self._unit(unit)  # shows what is handed on: that needs stand-ins
        self.places.made = {kind: init for kind, init in self.places.made.items()
                            if kind not in self._handed_on}
        bodies = {unit: self._unit(unit) for unit in units}
        parts = [unit for unit in units if unit.startswith(PROGRAM)]
        bodies[MAIN] = [*self._loading(parts), *bodies[MAIN]]
        return bodies

    def _loading(self, parts: list[str]) -> list[ast.stmt]:
        """One part after the other, and what each left behind swept up before the next.

        A small heap is swept often, so that what stays does not end up all over it: the largest
        piece a unit needs is about 1 KB, and it must find room after weeks as well.
        """
        lines = ["import gc", "gc.threshold(max(1024, gc.mem_free() // 90))",
                 *(f"import {part}\ngc.collect()" for part in parts)]
        return ast.parse("\n".join(lines)).body

    # -- where things stand --------------------------------------------------------------------

    def _closure(self, starts: set[Symbol], stop_at_cold: bool) -> set[Symbol]:
        found: set[Symbol] = set()
        waiting = list(starts)
        while waiting:
            symbol = waiting.pop()
            if symbol in found:
                continue
            found.add(symbol)
            if not (stop_at_cold and symbol in self.reach.cold):
                waiting.extend(self.reach.uses.get(symbol, ()))
        return found

    def _place(self) -> None:
        cold = {symbol: unit for symbol, unit in self.reach.cold.items()
                if symbol in self.reach.symbols}
        always = {Symbol(name, "") for name in self.reach.live}
        resident = self._closure(always, True)
        wanted: dict[Symbol, set[str]] = {}
        for symbol, unit in cold.items():
            for each in self._closure(self.reach.uses.get(symbol, set()), True) - resident:
                if each not in cold:
                    wanted.setdefault(each, set()).add(unit)
        shared = {symbol for symbol in wanted
                  if symbol not in self.reach.movable and not self._copies(symbol)}
        resident |= self._closure(shared, True)
        for symbol, unit in sorted(cold.items()):
            number = sum(cold[each] == unit for each in self.places.entries)
            self.places.entries[symbol] = self._entries[number]
            self.places.units_of[symbol] = (unit,)
        for symbol in self.reach.symbols - set(cold):
            self.places.units_of[symbol] = ((MAIN,) if symbol.module == MAIN
                                     else (PROGRAM,) if symbol in resident
                                     else tuple(sorted(wanted[symbol])))
        self.places.made = self._made()
        self._methods.place(self.places)
        self._ordered = self._order()
        self._part()
        self._stands_in: dict[str, set[str]] = {}  # modules of which something stands in a unit
        self._cold_in: dict[tuple[str, str], list[Symbol]] = {}
        for symbol, units in self.places.units_of.items():
            for unit in units:
                self._stands_in.setdefault(unit, set()).add(symbol.module)
        for symbol in sorted(self.places.entries):
            unit, = self.places.units_of[symbol]
            self._cold_in.setdefault((unit, symbol.module), []).append(symbol)

    def _copies(self, symbol: Symbol) -> bool:
        statement = self.modules[symbol.module].defined[symbol.name]
        if isinstance(statement, ast.Assign):
            return not any(isinstance(node, ast.Call) for node in ast.walk(statement.value))
        # a function that was handed on may be called when its unit is long forgotten
        return isinstance(statement, ast.FunctionDef) and symbol not in self.reach.handed_on

    def _part(self) -> None:
        """Divide the resident program into parts of a bounded size, in the order of imports."""
        number, size = 0, 0
        for name in self._ordered:
            kept = [statement for statement in self.modules[name].body
                    if self._kept(PROGRAM, self.modules[name], statement) is not None]
            here = sum(len(ast.unparse(each)) for each in kept)
            if size and size + here > self._part_size_max:
                number, size = number + 1, 0
            size += here
            for symbol, units in self.places.units_of.items():
                if symbol.module == name and units == (PROGRAM,):
                    self.places.units_of[symbol] = (f"{PROGRAM}{number:x}",)

    def _order(self) -> list[str]:
        """Modules, those first that others import."""
        order: list[str] = []

        def place(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise NotLinkable(f"modules import each other: {' -> '.join((*above, name))}")
            if name in order:
                return
            for other in sorted({symbol.module for symbol in self.modules[name].scope.values()}):
                if other != name and other in self.reach.live:
                    place(other, (*above, name))
            order.append(name)

        for name in sorted(self.reach.live):
            place(name, ())
        order.remove(MAIN)
        return [*order, MAIN]

    def _made(self) -> dict[Symbol, Symbol]:
        """Classes that may be made without their `__init__` -> that, where it is cold."""
        found = {Symbol(each.module, each.name.partition(".")[0]): each
                 for each in self.places.entries if each.name.endswith(".__init__")}
        return {kind: init for kind, init in found.items() if not self._class(kind).bases}

    def _class(self, symbol: Symbol) -> ast.ClassDef:
        statement = self.modules[symbol.module].defined[symbol.name]
        assert isinstance(statement, ast.ClassDef)
        return statement

    # -- what stands there ---------------------------------------------------------------------

    def _unit(self, unit: str) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        outside: dict[str, ast.stmt] = {}
        needed: dict[str, str] = {}
        if unit == HOME and self.places.entries:
            body += ast.parse(CALLER).body
            outside["import sys"], outside["import gc"] = ast.parse("import sys\nimport gc").body
        for name in self._ordered:
            # stand-ins are in the first part, whatever else of their module is
            if unit not in (HOME, PROGRAM, MAIN) and name not in self._stands_in.get(unit, ()):
                continue
            module = self.modules[name]
            kept: list[ast.stmt] = []
            for statement in module.body:
                found = self._kept(unit, module, statement)
                if found is not None:
                    rewriter = Rewriter(self.places, unit, module, self.modules)
                    kept.extend(listed(rewriter.visit(copied(found))))
                    self._heed(rewriter, needed)
            kept.extend(self._cold_functions(unit, module, needed))
            words = {node.id for each in kept for node in ast.walk(each)
                     if isinstance(node, ast.Name)}
            for statement in module.body:
                if isinstance(statement, IMPORTS):
                    outside.update(self._outside(statement, words))
            body.extend(kept)
        for new, home in sorted(needed.items()):
            outside[new] = ast.ImportFrom(home, [ast.alias(new)], 0)
        return [*outside.values(), *body]

    def _heed(self, rewriter: Rewriter, needed: dict[str, str]) -> None:
        needed.update(rewriter.needed)
        self._handed_on |= rewriter.handed_on
        self._methods.heed(rewriter)

    def _kept(self, unit: str, module: Module, statement: ast.stmt) -> ast.stmt | None:
        """The part of a top-level statement that stands in this unit, or None."""
        if isinstance(statement, IMPORTS):
            return None
        if module.name == MAIN:
            return statement if unit == MAIN else None
        symbols = self._defined.get(id(statement))
        if not symbols:
            raise NotLinkable(f"{module.name}: {ast.unparse(statement)[:60]} runs when imported")
        if symbols[0] in self.places.entries:
            stands = unit in (HOME, PROGRAM) and symbols[0] in self._handed_on
            return self._stub(statement, symbols[0]) if stands else None
        if not any(unit in self.places.units_of.get(symbol, ()) for symbol in symbols):
            return None
        if not isinstance(statement, ast.ClassDef):
            return statement
        trimmed = copy.copy(statement)
        trimmed.body = []
        for inner in statement.body:
            if isinstance(inner, FUNCTIONS):
                method = Symbol(module.name, f"{statement.name}.{inner.name}")
                if not self.reach.keeps_method(inner.name):
                    continue
                if method in self.places.entries:
                    if not self._methods.needs_stand_in(method):
                        continue
                    inner = self._stub(inner, method)
            trimmed.body.append(inner)
        trimmed.body = trimmed.body or [ast.Pass()]
        return trimmed

    def _stub(self, function: Any, symbol: Symbol) -> ast.FunctionDef:
        """What is called in the place of a cold function; in the first part, all find it."""
        where = f"{CALL}('{self.places.units_of[symbol][0]}', '{self.places.entries[symbol]}'"
        takes = function.args
        if takes.kwarg or takes.kwonlyargs or takes.defaults:
            text = f"def {function.name}(*args, **named):\n    return {where}, *args, **named)"
        else:
            text = f"def {function.name}(*args):\n    return {where}, *args)"
        made = ast.parse(text).body[0]
        assert isinstance(made, ast.FunctionDef)
        return made

    def _cold_functions(self, unit: str, module: Module, needed: dict[str, str]
                        ) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for symbol in self._cold_in.get((unit, module.name), ()):
            owner, _, method = symbol.name.partition(".")
            statement: Any = module.defined[owner]
            if method:
                statement = next(each for each in statement.body
                                 if isinstance(each, FUNCTIONS) and each.name == method)
            rewriter = Rewriter(self.places, unit, module, self.modules, owner)
            function: Any = rewriter.visit(copied(statement))
            self._heed(rewriter, needed)
            function.name = self.places.entries[symbol]
            if method:
                # names.py: its private names are those of the class
                function.owner = self.places.new_names[Symbol(module.name, owner)]
            made.append(function)
        return made

    def _outside(self, node: ast.Import | ast.ImportFrom, words: set[str]
                 ) -> dict[str, ast.stmt]:
        """The imports of things outside the program that these words need."""
        if isinstance(node, ast.ImportFrom):
            if node.module in self.modules or node.module == "micropython":
                return {}
        made: dict[str, ast.stmt] = {}
        for each in node.names:
            if (each.asname or each.name).split(".")[0] in words:
                one = copy.copy(node)
                one.names = [each]
                made[ast.unparse(one)] = one
        return made
