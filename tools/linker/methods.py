"""Which calls can mean nothing but a cold method, and which cold methods need a stand-in.

What an object is cannot be known here, but what bears a method's name can: of all that the program
has in it, or of the class whose `self` is asked.
"""

import ast
from collections import Counter
from collections.abc import Iterator

from tools.linker.names import Knows
from tools.linker.reach import Reach
from tools.linker.reading import FUNCTIONS, Modules, Symbol, names_in
from tools.linker.rewriting import Places, Rewriter


class Methods:
    """`place` finds the cold methods; `heed` each rewriting, which shows what is asked for."""

    def __init__(self, modules: Modules, reach: Reach, knows: Knows):
        self._modules = modules
        self._reach = reach
        self._knows = knows
        self._words: set[str] = set()
        self._own_words: set[Symbol] = set()
        self._texts: set[str] = set()

    def place(self, places: Places) -> None:
        self._places = places
        # a string is a method's name only where one is looked up that the code does not show
        self._looks_up = any(isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr"
                             and not isinstance(node.args[1], ast.Constant)
                             for node in self._living())
        self._bases = {ast.unparse(base).rpartition(".")[2] for node in self._living()
                       if isinstance(node, ast.ClassDef) for base in node.bases}
        places.methods = self._only_ones()
        places.own = {symbol for symbol in places.entries if self._is_own(symbol)}

    def heed(self, rewriter: Rewriter) -> None:
        self._words |= rewriter.words
        self._own_words |= rewriter.own_words
        self._texts |= rewriter.texts

    def needs_stand_in(self, method: Symbol) -> bool:
        name = method.name.partition(".")[2]
        if name.startswith("__"):
            return method not in self._places.made.values()
        if name in self._words or self._looks_up and name in self._texts:
            return True
        if method in self._places.own and name.startswith("_"):
            return method in self._own_words
        return any(each.name.partition(".")[2] == name for each in self._own_words)

    def _living(self) -> Iterator[ast.AST]:
        """What the program has in it anywhere: of the modules read, some serve other boards."""
        for name in sorted(self._reach.live):
            module = self._modules[name]
            for statement in module.body:
                names = [each for each, stands in module.defined.items() if stands is statement]
                if not names or any(Symbol(name, each) in self._reach.symbols for each in names):
                    yield from ast.walk(statement)

    def _only_ones(self) -> dict[str, Symbol]:
        """Cold methods by name, where an attribute of this name can be nothing else."""
        bound: Counter[str] = Counter()
        for node in self._living():
            bound.update(_attributes(node))
        named = {symbol.name.partition(".")[2]: symbol for symbol in self._places.entries
                 if "." in symbol.name}
        only = {name for name in named if bound[name] == 1 and not name.startswith("__")}
        return {name: named[name] for name in only - self._knows(only)}

    def _is_own(self, symbol: Symbol) -> bool:
        """Whether `self.name` in a method of this class can be nothing but its cold method."""
        owner, _, name = symbol.name.partition(".")
        if not name or name.startswith("__"):
            return False
        stored = {node.attr for node in ast.walk(self._modules[symbol.module].defined[owner])
                  if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)}
        return owner not in self._bases and name not in stored


def _attributes(node: ast.AST) -> Iterator[str]:
    """Attributes that this node makes: of a class, of an object, the fields of a named tuple."""
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, FUNCTIONS):
                yield each.name
            elif isinstance(each, ast.Assign):
                yield from (name for target in each.targets for name in names_in(target))
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "namedtuple":
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield from each.value.replace(",", " ").split()
