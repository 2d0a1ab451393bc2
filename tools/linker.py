"""Links the handset program: the modules reached from main become one, stripped to what it needs.

MicroPython keeps every loaded function, name and module dictionary in the heap (about 100 bytes
a function and 30 a name on 64 bit), so a program that is read in many small modules is carried in
one: like a linker, this resolves imports, drops what nothing reaches, puts integer constants
where they are used, and gives short names. Law: meaning never changes.

- A definition nobody refers to is dropped; a method only when its name occurs nowhere.
- An import inside a function begins a *unit* of its own, a module loaded when that line runs.
- A name is changed only where it is the program's own everywhere: not if the interpreter knows it,
  not if the same word occurs as a string. Keyword arguments keep their names.
- What it does not understand (two meanings of a name, star imports, global statements) it refuses.

`symbols` maps short names back, for tracebacks.
"""

import ast
import builtins
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.errors import ToolError

PROGRAM = "program"
MAIN = "__main__"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
# strings this short are names to MicroPython anyway, so that inlining one costs nothing
WORD_SIZE_MAX = 10
Knows = Callable[[str], bool]
INTERPRETER = {"sys.implementation.name": "micropython"}


class NotLinkable(ToolError):
    """The program uses something the linker does not understand; nothing was written."""

    code = "not_linkable"


@dataclass(frozen=True)
class Symbol:
    """A top-level name of a module of the program; `name` "" is the module itself."""

    module: str
    name: str


@dataclass
class Module:
    name: str
    body: list[ast.stmt]
    scope: dict[str, Symbol] = field(default_factory=dict)
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    constants: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Linked:
    """`units`: module name -> source; `__main__` is the script. `symbols`: short name -> long ones."""

    units: dict[str, str]
    symbols: dict[str, str]


def link(sources: dict[str, str], main: str, knows: Knows) -> Linked:
    """Link `sources` (module name -> text) as reached from the text `main`.

    `knows(word)`: the interpreter has this word already; it costs nothing and keeps its meaning.
    """
    modules = {name: Module(name, _folded(text)) for name, text in sources.items()}
    modules[MAIN] = Module(MAIN, _folded(main))
    for module in modules.values():
        _define(module, modules)
    for name in list(modules):
        _constants(name, modules, [])
    reached = _Reach(modules)
    reached.run()
    return _Writer(modules, reached, knows).write()


# -- reading -------------------------------------------------------------------------------------


class _Fold(ast.NodeTransformer):
    """Takes away what only people and CPython need: docstrings, hints, asserts, their branches."""

    def visit_If(self, node: ast.If) -> Any:
        verdict = _decided(node.test)
        if verdict is not None:
            kept = node.body if verdict else node.orelse
            return [each for one in kept for each in _listed(self.visit(one))] or None
        return self._block(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        assigned = ast.Assign([node.target], self.visit(node.value))
        return ast.copy_location(assigned, node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns = None
        return self._block(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        node.returns = None
        return self._block(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._block(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        return self._block(node)

    def visit_For(self, node: ast.For) -> Any:
        return self._block(node)

    def visit_With(self, node: ast.With) -> Any:
        return self._block(node)

    def _block(self, node: Any) -> Any:
        self.generic_visit(node)
        if not node.body:
            node.body = [ast.Pass()]
        return node


def _listed(found: Any) -> list[ast.stmt]:
    return found if isinstance(found, list) else [] if found is None else [found]


def _decided(test: ast.expr) -> bool | None:
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return None
    left, right = INTERPRETER.get(ast.unparse(test.left)), test.comparators[0]
    if left is None or not isinstance(right, ast.Constant):
        return None
    if isinstance(test.ops[0], ast.Eq):
        return left == right.value
    return left != right.value if isinstance(test.ops[0], ast.NotEq) else None


def _folded(text: str) -> list[ast.stmt]:
    tree = _Fold().visit(ast.parse(text))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) or (isinstance(node, ast.ImportFrom) and (
                node.level or any(each.name == "*" for each in node.names))):
            raise NotLinkable(f"line {node.lineno}: {ast.unparse(node)} cannot be linked")
    return tree.body


def _names(target: ast.AST) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _define(module: Module, modules: dict[str, Module]) -> None:
    for statement in module.body:
        names: list[str] = []
        if isinstance(statement, DEFINITIONS):
            names = [statement.name]
        elif isinstance(statement, ast.Assign):
            names = [name for target in statement.targets for name in _names(target)]
        for name in names:
            if name in module.defined:
                raise NotLinkable(f"{module.name} defines {name} twice")
            module.defined[name] = statement
            module.scope[name] = Symbol(module.name, name)
        if isinstance(statement, ast.ImportFrom):
            for each, symbol in _imported(statement, modules):
                module.scope[each] = symbol


def _imported(node: ast.ImportFrom, modules: dict[str, Module]) -> Iterator[tuple[str, Symbol]]:
    """Local names and what they stand for, where an import stays within the program."""
    for each in node.names:
        inner = f"{node.module}.{each.name}"
        if inner in modules:
            yield each.asname or each.name, Symbol(inner, "")
        elif node.module in modules:
            yield each.asname or each.name, Symbol(node.module, each.name)


def _resolved(symbol: Symbol, modules: dict[str, Module]) -> Symbol:
    """Follow a name that a module only passes on."""
    if not symbol.name:
        return symbol
    module = modules[symbol.module]
    if symbol.name in module.defined:
        return symbol
    onward = module.scope.get(symbol.name)
    if onward is None:
        raise NotLinkable(f"{symbol.module} has no {symbol.name}")
    return _resolved(onward, modules)


def _constants(name: str, modules: dict[str, Module], busy: list[str]) -> None:
    """Find the module's names that stand for one integer or short word for ever."""
    module = modules[name]
    if module.constants or name in busy:
        return
    busy.append(name)
    for symbol in module.scope.values():
        if symbol.module != name:
            _constants(symbol.module, modules, busy)
    for each, statement in module.defined.items():
        if isinstance(statement, ast.Assign) and each.isupper() and len(statement.targets) == 1:
            value = _value(statement.value, module, modules)
            if value is not None:
                module.constants[each] = value


def _value(node: ast.expr, module: Module, modules: dict[str, Module]) -> int | str | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(value)):
            return value
        case ast.Constant(value=str(value)) if len(value) <= WORD_SIZE_MAX:
            return value
        case ast.Call(func=ast.Name(id="const"), args=[inner]):
            return _value(inner, module, modules)
        case ast.Name(id=name) if name in module.scope:
            symbol = _resolved(module.scope[name], modules)
            return modules[symbol.module].constants.get(symbol.name)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = _value(inner, module, modules)
            return -value if isinstance(value, int) else None
        case ast.BinOp(left=left, op=operator, right=right):
            one, other = _value(left, module, modules), _value(right, module, modules)
            if isinstance(one, int) and isinstance(other, int):
                return _computed(one, operator, other)
    return None


def _computed(one: int, operator: ast.operator, other: int) -> int | None:
    if isinstance(operator, ast.Div) or (
            isinstance(operator, ast.LShift | ast.Pow) and other > 64):
        return None
    text = ast.unparse(ast.BinOp(ast.Constant(one), operator, ast.Constant(other)))
    return int(eval(text, {"__builtins__": {}}))  # digits and one operator, from our own source


# -- scopes --------------------------------------------------------------------------------------


def _own_names(function: Any) -> set[str]:
    """Names local to a function or lambda: parameters and whatever it binds."""
    arguments = function.args
    found = {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}
    found |= {each.arg for each in (arguments.vararg, arguments.kwarg) if each}
    nonlocals: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((each.asname or each.name).split(".")[0] for each in node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        for child in ast.iter_child_nodes(node):
            look(child)

    for statement in function.body if isinstance(function.body, list) else [function.body]:
        look(statement)
    return found - nonlocals


class _Scoped(ast.NodeTransformer):
    """Walks code of one module and knows which names are global, and what they stand for."""

    def __init__(self, module: Module, modules: dict[str, Module]):
        self.module = module
        self.modules = modules
        self._locals: list[set[str]] = []
        self._lazy: list[dict[str, Symbol]] = []

    def stands_for(self, name: str) -> Symbol | None:
        """The symbol behind a name here, or None for locals, builtins and outside modules."""
        for own, lazy in zip(reversed(self._locals), reversed(self._lazy), strict=True):
            if name in lazy:
                return _resolved(lazy[name], self.modules)
            if name in own:
                return None
        symbol = self.module.scope.get(name)
        return _resolved(symbol, self.modules) if symbol else None

    def attribute(self, node: ast.Attribute) -> Symbol | None:
        """The symbol behind `module.name`, or None."""
        if not isinstance(node.value, ast.Name):
            return None
        holder = self.stands_for(node.value.id)
        if holder is None or holder.name:
            return None
        return _resolved(Symbol(holder.module, node.attr), self.modules)

    def visit_FunctionDef(self, node: Any) -> Any:
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        node.args.kw_defaults = [each and self.visit(each) for each in node.args.kw_defaults]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        self._enter(node)
        node.body = [each for one in node.body for each in _listed(self.visit(one))]
        self._leave()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        self._enter(node)
        node.body = self.visit(node.body)
        self._leave()
        return node

    def _enter(self, node: Any) -> None:
        self._locals.append(_own_names(node))
        lazy: dict[str, Symbol] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom):
                lazy.update(_imported(inner, self.modules))
        self._lazy.append(lazy)

    def _leave(self) -> None:
        self._locals.pop()
        self._lazy.pop()


# -- reach ---------------------------------------------------------------------------------------


class _Reach:
    """What main reaches: symbols, whole-module statements, attribute names, and lazy modules."""

    def __init__(self, modules: dict[str, Module]):
        self.modules = modules
        self.symbols: set[Symbol] = set()
        self.live: set[str] = set()
        self.words: set[str] = set()
        self.lazy: dict[str, set[Symbol]] = {}
        self.uses: dict[Symbol, set[Symbol]] = {}
        self._seen: set[int] = set()

    def run(self) -> None:
        self._module(MAIN)
        while True:
            before = (len(self.symbols), len(self.words), len(self._seen))
            for symbol in sorted(self.symbols, key=lambda each: (each.module, each.name)):
                statement = self.modules[symbol.module].defined[symbol.name]
                if isinstance(statement, ast.ClassDef):
                    self._class(symbol, statement)
            if before == (len(self.symbols), len(self.words), len(self._seen)):
                return

    def keeps_method(self, name: str) -> bool:
        return name.startswith("__") or name in self.words

    def _module(self, name: str) -> None:
        """The statements of a module that are no definitions run whenever it is loaded."""
        if name in self.live:
            return
        self.live.add(name)
        module = self.modules[name]
        for statement in module.body:
            if not isinstance(statement, (*DEFINITIONS, ast.Assign, ast.Import, ast.ImportFrom)):
                self._look(Symbol(name, ""), statement)

    def reach(self, symbol: Symbol, user: Symbol) -> None:
        self.uses.setdefault(user, set()).add(symbol)
        if symbol in self.symbols:
            return
        module = self.modules[symbol.module]
        if symbol.name in module.constants:
            return
        self.symbols.add(symbol)
        self._module(symbol.module)
        statement = module.defined[symbol.name]
        if isinstance(statement, ast.ClassDef):
            for base in statement.bases:
                self._look(symbol, base)
        else:
            self._look(symbol, statement)

    def _class(self, symbol: Symbol, statement: ast.ClassDef) -> None:
        for inner in statement.body:
            if isinstance(inner, FUNCTIONS) and not self.keeps_method(inner.name):
                continue
            if id(inner) not in self._seen:
                self._seen.add(id(inner))
                self._look(symbol, inner)

    def _look(self, user: Symbol, node: ast.AST) -> None:
        _Looker(self, user).visit(copy.deepcopy(node))


class _Looker(_Scoped):
    def __init__(self, reach: _Reach, user: Symbol):
        super().__init__(reach.modules[user.module], reach.modules)
        self._reach = reach
        self._user = user

    def visit_Name(self, node: ast.Name) -> ast.Name:
        symbol = self.stands_for(node.id)
        if symbol and symbol.name:
            self._reached(symbol, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        symbol = self.attribute(node)
        if symbol is None:
            self._reach.words.add(node.attr)
            return self.generic_visit(node)
        if symbol.name:
            self._reached(symbol, node.value.id if isinstance(node.value, ast.Name) else "")
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            self._reach.words.add(node.value)
        return node

    def _reached(self, symbol: Symbol, by: str) -> None:
        for lazy in self._lazy:
            if by in lazy:
                self._reach.lazy.setdefault(lazy[by].module, set()).add(symbol)
                self._reach.reach(symbol, Symbol(symbol.module, ""))
                return
        self._reach.reach(symbol, self._user)


# -- writing -------------------------------------------------------------------------------------


class _Writer:
    """Puts what was reached into units and gives the names."""

    def __init__(self, modules: dict[str, Module], reach: _Reach, knows: Knows):
        self.modules = modules
        self.reach = reach
        self.knows = knows
        self.unit_of: dict[Symbol, str] = {}
        self.new_names: dict[Symbol, str] = {}

    def write(self) -> Linked:
        self._place()
        self._name_globals()
        bodies = {unit: self._unit(unit) for unit in self._units()}
        symbols = _Shortener(bodies, self.knows).run()
        return Linked({unit: ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
                       for unit, body in bodies.items()}, symbols)

    def _units(self) -> list[str]:
        return [PROGRAM, MAIN] + sorted(set(self.unit_of.values()) - {PROGRAM})

    def _closure(self, starts: set[Symbol]) -> set[Symbol]:
        found: set[Symbol] = set()
        waiting = list(starts)
        while waiting:
            symbol = waiting.pop()
            if symbol not in found:
                found.add(symbol)
                waiting.extend(self.reach.uses.get(symbol, ()))
        return found

    def _place(self) -> None:
        """Core: reached without a lazy import. The rest belongs to the one unit that needs it."""
        live = {Symbol(name, "") for name in self.reach.live if name not in self.reach.lazy}
        core = self._closure({Symbol(MAIN, "")} | live)
        for symbol in self.reach.symbols & core:
            self.unit_of[symbol] = PROGRAM
        for lazy, starts in sorted(self.reach.lazy.items()):
            for symbol in (self._closure(starts) & self.reach.symbols) - core:
                other = self.unit_of.setdefault(symbol, _unit_name(lazy))
                if other != _unit_name(lazy):
                    self.unit_of[symbol] = PROGRAM

    def _name_globals(self) -> None:
        # unlike any local name, so that no function hides a global it did not know by this name
        for symbol in self.unit_of:
            self.new_names[symbol] = f"{symbol.name}_of_{symbol.module.replace('.', '_')}"

    def _unit(self, unit: str) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        outside: dict[str, ast.stmt] = {}
        needed: set[Symbol] = set()
        for name in self._order():
            module = self.modules[name]
            for statement in module.body:
                kept = self._kept(unit, module, statement)
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    if self._used_outside(unit, module, statement):
                        outside[ast.unparse(statement)] = statement
                elif kept is not None:
                    rewriter = _Rewriter(self, unit, module)
                    body.extend(_listed(rewriter.visit(copy.deepcopy(kept))))
                    needed |= rewriter.needed
        for symbol in sorted(needed, key=lambda each: self.new_names[each]):
            imported = ast.ImportFrom(
                self.unit_of[symbol], [ast.alias(self.new_names[symbol])], 0)
            outside[ast.unparse(imported)] = imported
        return [*outside.values(), *body]

    def _kept(self, unit: str, module: Module, statement: ast.stmt) -> ast.stmt | None:
        if isinstance(statement, (ast.Assign, *DEFINITIONS)):
            names = [name for name, each in module.defined.items() if each is statement]
            if not any(self.unit_of.get(Symbol(module.name, name)) == unit for name in names):
                return None
            if isinstance(statement, ast.ClassDef):
                trimmed = copy.copy(statement)
                trimmed.body = [each for each in statement.body if not isinstance(each, FUNCTIONS)
                                or self.reach.keeps_method(each.name)] or [ast.Pass()]
                return trimmed
            return statement
        if module.name == MAIN:
            return statement if unit == MAIN else None
        lives = module.name in self.reach.live and module.name not in self.reach.lazy
        return statement if lives and unit == PROGRAM else None

    def _used_outside(self, unit: str, module: Module, node: ast.stmt) -> bool:
        """Whether an import of something outside is wanted by code of this module here."""
        if isinstance(node, ast.ImportFrom) and (
                node.module in self.modules or node.module == "micropython"):
            return False
        if module.name == MAIN:
            return unit == MAIN
        return any(symbol.module == module.name and placed == unit
                   for symbol, placed in self.unit_of.items())

    def _order(self) -> list[str]:
        """Modules, those first that others use while they are loaded."""
        order: list[str] = []

        def place(name: str, above: tuple[str, ...]) -> None:
            if name in order or name in above:
                return
            for symbol in self.modules[name].scope.values():
                place(symbol.module, (*above, name))
            order.append(name)

        for name in sorted(self.modules):
            place(name, ())
        order.remove(MAIN)
        return [*order, MAIN]


def _unit_name(module: str) -> str:
    return "unit_" + module.rsplit(".", 1)[-1]


class _Rewriter(_Scoped):
    """One statement as it stands in its unit: symbols by their new names, constants in place."""

    def __init__(self, writer: _Writer, unit: str, module: Module):
        super().__init__(module, writer.modules)
        self._writer = writer
        self._unit = unit
        self._in_class = False
        self.needed: set[Symbol] = set()

    def _put(self, symbol: Symbol, node: Any) -> Any:
        constants = self.modules[symbol.module].constants
        if symbol.name in constants:
            return ast.copy_location(_literal(constants[symbol.name]), node)
        if self._writer.unit_of[symbol] != self._unit:
            self.needed.add(symbol)
        return ast.copy_location(ast.Name(self._writer.new_names[symbol], node.ctx), node)

    def visit_Name(self, node: ast.Name) -> Any:
        symbol = self.stands_for(node.id)
        if symbol is None or not symbol.name:
            return node
        if isinstance(node.ctx, ast.Store):
            return ast.copy_location(
                ast.Name(self._writer.new_names.get(symbol, node.id), node.ctx), node)
        for lazy in self._lazy:
            if node.id in lazy:
                return node
        return self._put(symbol, node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        symbol = self.attribute(node)
        if symbol is None or not symbol.name:
            return self.generic_visit(node)
        constants = self.modules[symbol.module].constants
        lazily = any(isinstance(node.value, ast.Name) and node.value.id in lazy
                     for lazy in self._lazy)
        if lazily and symbol.name not in constants and (
                self._writer.unit_of[symbol] != PROGRAM):
            node.attr = self._writer.new_names[symbol]
            return node
        return self._put(symbol, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module == "micropython":
            return None
        found = list(_imported(node, self.modules))
        if not found:
            return node
        made: list[ast.stmt] = []
        for local, symbol in found:
            unit = _unit_name(symbol.module)
            if symbol.name:
                target = _resolved(symbol, self.modules)
                if target in self._writer.unit_of:
                    made.append(ast.ImportFrom(self._writer.unit_of[target], [
                        ast.alias(self._writer.new_names[target], local)], 0))
            elif unit in self._writer.unit_of.values():
                made.append(ast.Import([ast.alias(unit, local)]))
        return made or ast.Pass()

    def visit_FunctionDef(self, node: Any) -> Any:
        if not self._locals and not self._in_class:
            node.name = self._writer.new_names[Symbol(self.module.name, node.name)]
        inner, self._in_class = self._in_class, False
        done = super().visit_FunctionDef(node)
        self._in_class = inner
        if not done.body:
            done.body = [ast.Pass()]
        return done

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.name = self._writer.new_names[Symbol(self.module.name, node.name)]
        node.bases = [self.visit(each) for each in node.bases]
        self._in_class = True
        node.body = [each for one in node.body for each in _listed(self.visit(one))]
        self._in_class = False
        return node


def _literal(value: int | str) -> ast.expr:
    if isinstance(value, int) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


# -- names ---------------------------------------------------------------------------------------


class _Shortener:
    """Gives short names to globals, attributes and parameters that are the program's own.

    Private attributes are numbered anew in each class, so that the words are shared; everything
    else keeps one name throughout the program.
    """

    def __init__(self, bodies: dict[str, list[ast.stmt]], knows: Knows):
        self._bodies = bodies
        self._knows = knows
        self._kept: set[str] = set()
        self._count: Counter[str] = Counter()
        self.symbols: dict[str, set[str]] = {}

    def run(self) -> dict[str, str]:
        for body in self._bodies.values():
            for statement in body:
                self._survey(statement)
        self._classes()
        for body in self._bodies.values():
            for statement in body:
                self._parameters(statement)
        names = [name for name, _ in sorted(self._count.items(), key=lambda each: (-each[1],
                                                                                   each[0]))
                 if self._may_change(name)]
        short = _short_names(self._kept | set(self._count))
        table = {name: next(short) for name in names}
        for old, new in table.items():
            self.symbols.setdefault(new, set()).add(old)
        for body in self._bodies.values():
            for statement in body:
                _rename(statement, table)
        return {new: ", ".join(sorted(old)) for new, old in sorted(self.symbols.items())}

    def _may_change(self, name: str) -> bool:
        return (len(name) > 2 and not name.startswith("__") and name not in self._kept
                and not hasattr(builtins, name) and not self._knows(name))

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
            for name in _names_in(node):
                self._count[name] += 1

    def _parameters(self, statement: ast.stmt) -> None:
        """Parameters nobody names in a call are called alike in every function."""
        for function in ast.walk(statement):
            if not isinstance(function, FUNCTIONS):
                continue
            used = {name for node in ast.walk(function) for name in _names_in(node)}
            bound_inside = {name for node in ast.walk(function)
                            if isinstance(node, (*FUNCTIONS, ast.Lambda)) and node is not function
                            for name in _own_names(node)}
            table = {}
            for place, each in enumerate(function.args.args):
                new = f"a{place}"
                if (each.arg not in ("self", *bound_inside) and self._may_change(each.arg)
                        and new not in used):
                    table[each.arg] = new
            _rename_variables(function, table)

    def _classes(self) -> None:
        """Private names of a class become _a, _b ...: other classes use the same words."""
        private: dict[str, set[str]] = {}
        for body in self._bodies.values():
            for statement in body:
                if isinstance(statement, ast.ClassDef):
                    for name in _privates(statement):
                        private.setdefault(name, set()).add(statement.name)
        outside: set[str] = set()
        for body in self._bodies.values():
            for statement in body:
                if not isinstance(statement, ast.ClassDef):
                    outside |= {node.attr for node in ast.walk(statement)
                                if isinstance(node, ast.Attribute)}
        for body in self._bodies.values():
            for statement in body:
                if isinstance(statement, ast.ClassDef):
                    own = [name for name in sorted(_privates(statement))
                           if name not in outside and self._may_change(name)]
                    table = dict(zip(own, (f"_{letter}" for letter in _letters()), strict=False))
                    _rename(statement, table)
                    for old, new in table.items():
                        self.symbols.setdefault(new, set()).add(f"{statement.name}.{old}")
                        self._count[old] = 0
        for name in [name for name, count in self._count.items() if not count]:
            del self._count[name]


def _privates(statement: ast.ClassDef) -> set[str]:
    found = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    found |= {each.name for each in statement.body if isinstance(each, FUNCTIONS)}
    found |= {name for each in statement.body if isinstance(each, ast.Assign)
              for target in each.targets for name in _names(target)}
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def _names_in(node: ast.AST) -> Iterator[str]:
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


def _rename(statement: ast.AST, table: dict[str, str]) -> None:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            node.id = table.get(node.id, node.id)
        elif isinstance(node, ast.Attribute):
            node.attr = table.get(node.attr, node.attr)
        elif isinstance(node, (*DEFINITIONS, ast.ExceptHandler)):
            node.name = table.get(node.name, node.name) if node.name else node.name
        elif isinstance(node, ast.arg):
            node.arg = table.get(node.arg, node.arg)
        elif isinstance(node, ast.alias):
            if node.asname:
                node.asname = table.get(node.asname, node.asname)
            node.name = table.get(node.name, node.name)
        elif isinstance(node, ast.Nonlocal):
            node.names = [table.get(each, each) for each in node.names]


def _rename_variables(function: ast.AST, table: dict[str, str]) -> None:
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = table.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = table.get(node.arg, node.arg)


def _letters() -> Iterator[str]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    yield from alphabet
    for one in alphabet:
        for other in alphabet:
            yield one + other


def _short_names(taken: set[str]) -> Iterator[str]:
    for letters in _letters():
        if letters not in taken and letters not in ("as", "if", "in", "is", "or"):
            yield letters
    for letters in _letters():
        yield letters + "_"
