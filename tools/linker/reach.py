"""What main reaches, and by whom it is reached.

A method lives when its name occurs as an attribute or a string in code that lives: what an
object is cannot be known here, so a name is enough. Cold functions are users of their own; a
private method that only they call goes with them.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from tools.linker.reading import (
    DEFINITIONS,
    FUNCTIONS,
    IMPORTS,
    MAIN,
    Module,
    Modules,
    NotLinkable,
    Symbol,
    copied,
    listed,
    resolved,
)

Cold = Mapping[str, Sequence[str]]


def own_names(function: Any) -> set[str]:
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
        elif isinstance(node, IMPORTS):
            found.update((each.asname or each.name).split(".")[0] for each in node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        for child in ast.iter_child_nodes(node):
            look(child)

    for statement in function.body if isinstance(function.body, list) else [function.body]:
        look(statement)
    return found - nonlocals


def yields(function: ast.AST) -> bool:
    """Whether it makes a generator, whose code must stay."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))


def own_calls(function: ast.AST) -> set[int]:
    """The ids of the nodes `self.method` that are called on the spot, not handed on."""
    return {id(node.func) for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name) and node.func.value.id == "self"}


class Scoped(ast.NodeTransformer):
    """Walks code of one module and knows which names are global, and what they stand for."""

    def __init__(self, module: Module, modules: Modules):
        self.module = module
        self.modules = modules
        self._locals: list[set[str]] = []

    def stands_for(self, name: str) -> Symbol | None:
        """The symbol behind a name here, or None for locals, builtins and outside modules."""
        if any(name in own for own in self._locals):
            return None
        symbol = self.module.scope.get(name)
        return resolved(symbol, self.modules) if symbol else None

    def attribute(self, node: ast.Attribute) -> Symbol | None:
        """The symbol behind `module.name`, or None."""
        if not isinstance(node.value, ast.Name):
            return None
        holder = self.stands_for(node.value.id)
        if holder is None or holder.name:
            return None
        return resolved(Symbol(holder.module, node.attr), self.modules)

    def visit_FunctionDef(self, node: Any) -> Any:
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        node.args.kw_defaults = [each and self.visit(each) for each in node.args.kw_defaults]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        self._locals.append(own_names(node))
        node.body = [each for one in node.body for each in listed(self.visit(one))]
        self._locals.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        self._locals.append(own_names(node))
        node.body = self.visit(node.body)
        self._locals.pop()
        return node


class Reach:
    """`symbols` reached, `uses` of each, `words`: attribute names and strings, `cold` symbols.

    `handed_on`: what is mentioned without being called, so that it may be kept somewhere.
    """

    def __init__(self, modules: Modules, cold: Cold):
        self.modules = modules
        named = {_named(name, modules): unit for unit, names in cold.items() for name in names}
        # a class may go to the unit that makes it only where it is named: its objects may live on
        self.movable = {symbol for symbol in named if not _is_function(symbol, modules)}
        self.cold = {symbol: unit for symbol, unit in named.items()
                     if symbol not in self.movable}
        self.symbols: set[Symbol] = set()
        self.live: set[str] = set()
        self.words: set[str] = set()
        self.uses: dict[Symbol, set[Symbol]] = {}
        self.handed_on: set[Symbol] = set()
        self._seen: set[int] = set()

    def run(self) -> None:
        """Everything main needs; then once more, with the private methods that turned out cold."""
        self._walk()
        while self._cool():
            self.symbols.clear()
            self.live.clear()
            self.words.clear()
            self.uses.clear()
            self._seen.clear()
            self._walk()

    def _cool(self) -> bool:
        """Make cold what only cold methods of the same class and unit mention."""
        # by whom a method is called as self.method; None: handed on, or mentioned elsewhere
        mentions: dict[Symbol, set[Symbol | None]] = {}
        anywhere: set[str] = set()
        for symbol, statement in self.functions():
            called, owner = own_calls(statement), symbol.name.partition(".")[0]
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and isinstance(
                        node.value, ast.Name) and node.value.id == "self":
                    user = symbol if id(node) in called else None
                    method = Symbol(symbol.module, f"{owner}.{node.attr}")
                    mentions.setdefault(method, set()).add(user)
                elif isinstance(node, ast.Attribute):
                    anywhere.add(node.attr)
        before = len(self.cold)
        for symbol, statement in self.functions():
            method = symbol.name.partition(".")[2]
            if (not method.startswith("_") or method.startswith("__") or symbol in self.cold
                    or method in anywhere
                    or not isinstance(statement, ast.FunctionDef) or statement.decorator_list
                    or yields(statement)):
                continue
            units = {self.cold.get(user) if user else None
                     for user in mentions.get(symbol, set()) - {symbol}}
            if len(units) == 1 and None not in units:
                self.cold[symbol] = str(units.pop())
        return len(self.cold) > before

    def functions(self) -> list[tuple[Symbol, ast.stmt]]:
        """Living functions and methods."""
        found: list[tuple[Symbol, ast.stmt]] = []
        for symbol in sorted(self.symbols):
            statement = self.modules[symbol.module].defined.get(symbol.name)
            if isinstance(statement, FUNCTIONS):
                found.append((symbol, statement))
            elif isinstance(statement, ast.ClassDef):
                found += [(Symbol(symbol.module, f"{symbol.name}.{each.name}"), each)
                          for each in statement.body
                          if isinstance(each, FUNCTIONS) and self.keeps_method(each.name)]
        return found

    def _walk(self) -> None:
        self._module(MAIN)
        before = None
        while before != (len(self.symbols), len(self.words), len(self._seen)):
            before = (len(self.symbols), len(self.words), len(self._seen))
            for symbol in sorted(self.symbols):
                statement = self.modules[symbol.module].defined.get(symbol.name)
                if isinstance(statement, ast.ClassDef):
                    self._class(symbol, statement)

    def keeps_method(self, name: str) -> bool:
        return name.startswith("__") or name in self.words

    def _module(self, name: str) -> None:
        """Statements of a module that are no definitions run whenever it is loaded."""
        if name in self.live:
            return
        self.live.add(name)
        for statement in self.modules[name].body:
            if name == MAIN and not isinstance(statement, IMPORTS) or not isinstance(
                    statement, (*DEFINITIONS, ast.Assign, *IMPORTS)):
                self._look(Symbol(name, ""), statement)

    def reach(self, symbol: Symbol, user: Symbol) -> None:
        self.uses.setdefault(user, set()).add(symbol)
        module = self.modules[symbol.module]
        if symbol in self.symbols or symbol.name in module.constants:
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
            if id(inner) in self._seen:
                continue
            self._seen.add(id(inner))
            user = symbol
            if isinstance(inner, FUNCTIONS):
                method = Symbol(symbol.module, f"{symbol.name}.{inner.name}")
                if method in self.cold:
                    self.symbols.add(method)
                    user = method
            self._look(user, inner)

    def _look(self, user: Symbol, node: ast.AST) -> None:
        _Looker(self, user).visit(copied(node))


class _Looker(Scoped):
    def __init__(self, reach: Reach, user: Symbol):
        super().__init__(reach.modules[user.module], reach.modules)
        self._reach = reach
        self._user = user
        self._called: set[int] = set()
        # a table of functions stands and falls with its module
        self._in_table = isinstance(self.module.defined.get(user.name), ast.Assign)

    def visit_Call(self, node: ast.Call) -> Any:
        self._called.add(id(node.func))
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        symbol = self.stands_for(node.id)
        if symbol and symbol.name:
            self._reached(symbol, node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        symbol = self.attribute(node)
        if symbol is None:
            self._reach.words.add(node.attr)
            return self.generic_visit(node)
        if symbol.name:
            self._reached(symbol, node)
        return node

    def _reached(self, symbol: Symbol, node: ast.expr) -> None:
        self._reach.reach(symbol, self._user)
        if id(node) not in self._called and not self._in_table:
            self._reach.handed_on.add(symbol)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            self._reach.words.add(node.value)
        return node


def _is_function(symbol: Symbol, modules: Modules) -> bool:
    owner, _, method = symbol.name.partition(".")
    return bool(method) or isinstance(modules[symbol.module].defined[owner], FUNCTIONS)


def _named(name: str, modules: Modules) -> Symbol:
    """The symbol of "room.module:function" or "room.module:Class.method"."""
    module, _, qualified = name.partition(":")
    owner, _, method = qualified.partition(".")
    statement = modules[module].defined.get(owner) if module in modules else None
    if not method and isinstance(statement, (ast.ClassDef, ast.Assign)):
        return Symbol(module, qualified)
    if method and isinstance(statement, ast.ClassDef):
        found = [each for each in statement.body
                 if isinstance(each, ast.FunctionDef) and each.name == method]
        statement = found[0] if found and not found[0].decorator_list else None
    if not isinstance(statement, ast.FunctionDef) or yields(statement):
        raise NotLinkable(f"{name} is no plain function or class: it cannot be cold")
    return Symbol(module, qualified)
