"""Forms the units: the resident program in parts, and one unit for each group of cold functions.

What only units need stands in them, in several if need be, as long as it is a function or a
literal. A class or what else is made by a call exists once, in the resident program, because two
copies of a class would be two classes; unless it is named as cold itself.
"""

import ast
import copy
from typing import Any

from tools.linker.reach import Reach, Scoped, own_calls
from tools.linker.reading import (
    FUNCTIONS,
    IMPORTS,
    MAIN,
    Module,
    Modules,
    NotLinkable,
    Symbol,
    listed,
)

PROGRAM = "program"
CALL = "cold_call"
# what a unit left is swept up before the next one is loaded; a unit's own names are cleared behind
# it, because the collector may find a stale pointer to it on the stack
CALLER = f"""
def {CALL}(unit, entry, args, named={{}}):
    inner = unit in sys.modules
    gc.collect()
    try:
        return getattr(__import__(unit), entry)(*args, **named)
    finally:
        if not inner and unit in sys.modules:
            sys.modules.pop(unit).__dict__.clear()
"""
Bodies = dict[str, list[ast.stmt]]


class Writer:
    """`units_of`: where each symbol stands; `new_names`: what it is called there."""

    def __init__(self, modules: Modules, reach: Reach, part_size_max: int):
        self.modules = modules
        self.reach = reach
        self._part_size_max = part_size_max
        self.units_of: dict[Symbol, tuple[str, ...]] = {}
        self.entries: dict[Symbol, str] = {}
        self._called: set[str] = set()
        # unlike any local name, so that no function hides a global it did not know by this name
        self.new_names = {symbol: f"{symbol.name.replace('.', '_of_')}_of_"
                                  f"{symbol.module.replace('.', '_')}"
                          for symbol in reach.symbols}

    def write(self) -> Bodies:
        self._place()
        units = sorted({unit for placed in self.units_of.values() for unit in placed}
                       | {MAIN, f"{PROGRAM}0"})
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
            self.entries[symbol] = f"e{len([each for each in self.entries if cold[each] == unit])}"
            self.units_of[symbol] = (unit,)
        for symbol in self.reach.symbols - set(cold):
            self.units_of[symbol] = ((MAIN,) if symbol.module == MAIN
                                     else (PROGRAM,) if symbol in resident
                                     else tuple(sorted(wanted[symbol])))
        self._called = self._words_outside()
        self._part()

    def _copies(self, symbol: Symbol) -> bool:
        statement = self.modules[symbol.module].defined[symbol.name]
        if isinstance(statement, ast.Assign):
            return not any(isinstance(node, ast.Call) for node in ast.walk(statement.value))
        # a function that was handed on may be called when its unit is long forgotten
        return isinstance(statement, ast.FunctionDef) and symbol not in self.reach.handed_on

    def _part(self) -> None:
        """Divide the resident program into parts of a bounded size, in the order of imports."""
        number, size = 0, 0
        for name in self._order():
            kept = [statement for statement in self.modules[name].body
                    if self._kept(PROGRAM, self.modules[name], statement) is not None]
            here = sum(len(ast.unparse(each)) for each in kept)
            if size and size + here > self._part_size_max:
                number, size = number + 1, 0
            size += here
            for symbol, units in self.units_of.items():
                if symbol.module == name and units == (PROGRAM,):
                    self.units_of[symbol] = (f"{PROGRAM}{number:x}",)

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

    def _words_outside(self) -> set[str]:
        """Attributes mentioned anywhere but in a direct call within a cold unit."""
        direct = {symbol: unit for symbol, (unit, *_) in (
            (each, self.units_of[each]) for each in self.entries)}
        words: set[str] = set()
        for symbol, statement in self.reach.functions():
            own, calls = symbol.name.partition(".")[0], own_calls(statement)
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words.add(node.value)
                if not isinstance(node, ast.Attribute):
                    continue
                called = Symbol(symbol.module, f"{own}.{node.attr}")
                within = id(node) in calls and called in direct and (
                    direct[called] == direct.get(symbol))
                if not within:
                    words.add(node.attr)
        return words

    # -- what stands there ---------------------------------------------------------------------

    def _unit(self, unit: str) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        outside: dict[str, ast.stmt] = {}
        needed: dict[str, str] = {}
        if unit == f"{PROGRAM}0" and self.entries:
            body += ast.parse(CALLER).body
            outside["import sys"], outside["import gc"] = ast.parse("import sys\nimport gc").body
        for name in self._order():
            module = self.modules[name]
            kept: list[ast.stmt] = []
            for statement in module.body:
                found = self._kept(unit, module, statement)
                if found is not None:
                    rewriter = Rewriter(self, unit, module)
                    kept.extend(listed(rewriter.visit(copy.deepcopy(found))))
                    needed.update(rewriter.needed)
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

    def _kept(self, unit: str, module: Module, statement: ast.stmt) -> ast.stmt | None:
        """The part of a top-level statement that stands in this unit, or None."""
        if isinstance(statement, IMPORTS):
            return None
        if module.name == MAIN:
            return statement if unit == MAIN else None
        names = [name for name, each in module.defined.items() if each is statement]
        if not names:
            raise NotLinkable(f"{module.name}: {ast.unparse(statement)[:60]} runs when imported")
        symbols = [Symbol(module.name, name) for name in names]
        if symbols[0] in self.entries:
            return self._stub(statement, symbols[0]) if self._home(unit) else None
        if not any(unit in self.units_of.get(symbol, ()) for symbol in symbols):
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
                if method in self.entries:
                    if inner.name not in self._called and not inner.name.startswith("__"):
                        continue
                    inner = self._stub(inner, method)
            trimmed.body.append(inner)
        trimmed.body = trimmed.body or [ast.Pass()]
        return trimmed

    def _home(self, unit: str) -> bool:
        """Stubs of cold functions stand in the first part, where all others find them."""
        return unit in (f"{PROGRAM}0", PROGRAM)

    def _stub(self, function: Any, symbol: Symbol) -> ast.FunctionDef:
        unit, entry = self.units_of[symbol][0], self.entries[symbol]
        takes = function.args
        if takes.kwarg or takes.kwonlyargs or takes.defaults:
            text = (f"def {function.name}(*args, **named):\n"
                    f"    return {CALL}('{unit}', '{entry}', args, named)")
        else:
            text = f"def {function.name}(*args):\n    return {CALL}('{unit}', '{entry}', args)"
        made = ast.parse(text).body[0]
        assert isinstance(made, ast.FunctionDef)
        return made

    def _cold_functions(self, unit: str, module: Module, needed: dict[str, str]
                        ) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for symbol in sorted(self.entries):
            if symbol.module != module.name or self.units_of[symbol] != (unit,):
                continue
            owner, _, method = symbol.name.partition(".")
            statement: Any = module.defined[owner]
            if method:
                statement = next(each for each in statement.body
                                 if isinstance(each, FUNCTIONS) and each.name == method)
            rewriter = Rewriter(self, unit, module, owner)
            function: Any = rewriter.visit(copy.deepcopy(statement))
            needed.update(rewriter.needed)
            function.name = self.entries[symbol]
            if method:
                # names.py: its private names are those of the class
                function.owner = self.new_names[Symbol(module.name, owner)]
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


class Rewriter(Scoped):
    """One statement as it stands in its unit: symbols by their new names, constants in place."""

    def __init__(self, writer: Writer, unit: str, module: Module, owner: str = ""):
        super().__init__(module, writer.modules)
        self._writer = writer
        self._unit = unit
        self._owner = owner
        self._in_class = bool(owner)
        self.needed: dict[str, str] = {}

    def _put(self, symbol: Symbol, node: Any) -> Any:
        constants = self.modules[symbol.module].constants
        if symbol.name in constants:
            return ast.copy_location(_literal(constants[symbol.name]), node)
        new = self._writer.new_names[symbol]
        if symbol in self._writer.entries:
            home: tuple[str, ...] = (f"{PROGRAM}0",)
        else:
            home = self._writer.units_of[symbol]
        if self._unit not in home and self._unit != PROGRAM:
            self.needed[new] = home[0]
        return ast.copy_location(ast.Name(new, node.ctx), node)

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id == CALL:
            if self._unit != f"{PROGRAM}0":
                self.needed[CALL] = f"{PROGRAM}0"
            return node
        symbol = self.stands_for(node.id)
        return node if symbol is None or not symbol.name else self._put(symbol, node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        symbol = self.attribute(node)
        if symbol is None or not symbol.name:
            return self.generic_visit(node)
        return self._put(symbol, node)

    def visit_Call(self, node: ast.Call) -> Any:
        """Cold methods of one unit call each other without the detour over the class."""
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            symbol = Symbol(self.module.name, f"{self._owner}.{called.attr}")
            entry = self._writer.entries.get(symbol)
            if (called.value.id == "self" and self._owner and entry
                    and self._writer.units_of[symbol] == (self._unit,)):
                node.func = ast.Name(entry, ast.Load())
                node.args.insert(0, called.value)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: Any) -> Any:
        if not self._locals and not self._in_class:
            node.name = self._writer.new_names[Symbol(self.module.name, node.name)]
        inner, self._in_class = self._in_class, False
        done = super().visit_FunctionDef(node)
        self._in_class = inner
        done.body = done.body or [ast.Pass()]
        return done

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.name = self._writer.new_names[Symbol(self.module.name, node.name)]
        node.bases = [self.visit(each) for each in node.bases]
        self._in_class = True
        node.body = [each for one in node.body for each in listed(self.visit(one))]
        self._in_class = False
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        raise NotLinkable(f"{self.module.name}: an import inside a function")


def _literal(value: int | str) -> ast.expr:
    if isinstance(value, int) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)

