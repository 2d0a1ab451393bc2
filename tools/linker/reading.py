"""Reads the modules of the program, folds what only CPython and people need, resolves names."""

import ast
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.errors import ToolError

MAIN = "__main__"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
# strings this short are names to MicroPython anyway, so that putting one in place costs nothing
WORD_SIZE_MAX = 10
# what conditions ask about; a linked module is never the script
INTERPRETER = {"sys.implementation.name": "micropython", "__name__": ""}


class NotLinkable(ToolError):
    """The program uses something the linker does not understand; nothing was written."""

    code = "not_linkable"


@dataclass(frozen=True, order=True)
class Symbol:
    """A top-level name of a module; `name` "" is the module, "Class.method" a cold method."""

    module: str
    name: str


@dataclass
class Module:
    """`scope`: what its global names stand for, `constants`: those that are a number or a word."""

    name: str
    body: list[ast.stmt]
    scope: dict[str, Symbol] = field(default_factory=dict)
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    constants: dict[str, int | str] = field(default_factory=dict)


Modules = dict[str, Module]


def read_program(sources: dict[str, str], main: str) -> Modules:
    modules = {name: Module(name, _folded(text)) for name, text in {**sources, MAIN: main}.items()}
    for module in modules.values():
        _define(module, modules)
    done: set[str] = set()
    for name in list(modules):
        _constants(name, modules, done)
    return modules


# -- folding -------------------------------------------------------------------------------------


class _Fold(ast.NodeTransformer):
    """Takes away docstrings, hints, asserts, `const`, and the branches for another interpreter."""

    def visit_If(self, node: ast.If) -> Any:
        verdict = _decided(node.test)
        if verdict is None:
            return self._block(node)
        kept = node.body if verdict else node.orelse
        return [each for one in kept for each in listed(self.visit(one))] or None

    def visit_Assert(self, node: ast.Assert) -> None:
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], self.visit(node.value)), node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    # a hint to the compiler, which has no name for it where several are assigned at once
    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        is_const = isinstance(node.func, ast.Name) and node.func.id == "const"
        return node.args[0] if is_const else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def _function(self, node: Any) -> Any:
        node.returns = None
        return self._block(node)

    def _block(self, node: Any) -> Any:
        self.generic_visit(node)
        if not node.body:
            node.body = [ast.Pass()]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function
    visit_ClassDef = visit_ExceptHandler = visit_For = visit_With = visit_While = _block


def copied(node: Any) -> Any:
    """A tree of its own; pickle makes it several times as fast as deepcopy."""
    return pickle.loads(pickle.dumps(node, pickle.HIGHEST_PROTOCOL))


def listed(found: Any) -> list[ast.stmt]:
    """What a transformer gave back, as a list."""
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
    body = _Fold().visit(ast.parse(text)).body
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Global) or (isinstance(node, ast.ImportFrom) and (
                node.level or any(each.name == "*" for each in node.names))):
            raise NotLinkable(f"line {node.lineno}: {ast.unparse(node)} cannot be linked")
    return body


# -- names of a module ---------------------------------------------------------------------------


def names_in(target: ast.AST) -> Iterator[str]:
    """Names that a target binds."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _define(module: Module, modules: Modules) -> None:
    for statement in module.body:
        names: list[str] = []
        if isinstance(statement, DEFINITIONS):
            names = [statement.name]
        elif isinstance(statement, ast.Assign):
            names = [name for target in statement.targets for name in names_in(target)]
        for name in names:
            if name in module.defined:
                raise NotLinkable(f"{module.name} defines {name} twice")
            module.defined[name] = statement
            module.scope[name] = Symbol(module.name, name)
        if isinstance(statement, ast.ImportFrom):
            for each in statement.names:
                symbol = imported(statement, each, modules)
                if symbol:
                    module.scope[each.asname or each.name] = symbol


def imported(node: ast.ImportFrom, each: ast.alias, modules: Modules) -> Symbol | None:
    """What an imported name stands for, where the import stays within the program."""
    inner = f"{node.module}.{each.name}"
    if inner in modules:
        return Symbol(inner, "")
    return Symbol(str(node.module), each.name) if node.module in modules else None


def resolved(symbol: Symbol, modules: Modules) -> Symbol:
    """Follow a name that a module only passes on."""
    if not symbol.name:
        return symbol
    module = modules[symbol.module]
    if symbol.name in module.defined:
        return symbol
    onward = module.scope.get(symbol.name)
    if onward is None:
        raise NotLinkable(f"{symbol.module} has no {symbol.name}")
    return resolved(onward, modules)


# -- constants -----------------------------------------------------------------------------------


def _constants(name: str, modules: Modules, done: set[str]) -> None:
    if name in done:
        return
    done.add(name)
    module = modules[name]
    for symbol in module.scope.values():
        _constants(symbol.module, modules, done)
    for each, statement in module.defined.items():
        if isinstance(statement, ast.Assign) and each.isupper() and len(statement.targets) == 1:
            value = _value(statement.value, module, modules)
            if value is not None:
                module.constants[each] = value


def _value(node: ast.expr, module: Module, modules: Modules) -> int | str | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(value)):
            return value
        case ast.Constant(value=str(value)) if len(value) <= WORD_SIZE_MAX:
            return value
        case ast.Name(id=name) if name in module.scope:
            symbol = resolved(module.scope[name], modules)
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
    match operator:
        case ast.Add():
            return one + other
        case ast.Sub():
            return one - other
        case ast.Mult():
            return one * other
        case ast.FloorDiv() if other:
            return one // other
        case ast.LShift() if 0 <= other <= 64:
            return one << other
        case ast.BitOr():
            return one | other
        case ast.Pow() if 0 <= other <= 64:
            return one ** other
    return None
