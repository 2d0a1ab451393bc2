"""The linker: few stripped modules that do what many did. What it makes runs on CPython too."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from tools.linker import MAIN, NotLinkable, link

# words of the interpreter that runs these programs
KNOWN = {name for kind in (str, list, dict, tuple, int, sys, sys.stdout, gc) for name in dir(kind)}
KNOWN |= {"mem_free", "threshold"}

PROGRAM = {
    "room": "",
    "room.limits": "WINDOW = 8\nNAME = 'tap'\n_SHIFT = 1 << 4\nLIMIT_MAX = WINDOW * 2 + _SHIFT\n",
    "room.box": """
from room.limits import LIMIT_MAX, NAME

class Box:
    kind = NAME

    def __init__(self, content, size=LIMIT_MAX):
        self._content = content
        self._size = size

    def describe(self, *, loud=False):
        text = self._text(loud)
        return "%s of %d: %s" % (self.kind, self._size, text)

    def _text(self, loud):
        content = self._content
        return content.upper() if loud else content

    def unused(self):
        return never_called(self)


def never_called(box):
    return box
""",
    "room.other": """
from room.box import Box

class Crate:
    def __init__(self, boxes):
        self._content = boxes

    def each(self):
        for box in self._content:
            yield box.describe(loud=True)


def crate(texts):
    def boxed(text):
        return Box(text)
    return Crate([boxed(text) for text in texts])


def total(numbers):
    result = 0
    for number in numbers:
        result += number
    return result
""",
}
MAIN_TEXT = """
import sys
from room import other
from room.box import Box
from room.limits import WINDOW

box = Box("card")
sys.stdout.write(box.describe() + "\\n")
sys.stdout.write(" ".join(other.crate(["a", "b"]).each()) + "\\n")
sys.stdout.write("%d %d\\n" % (other.total([1, 2, 3]), WINDOW))
"""
SAID = "tap of 32: card\ntap of 32: A tap of 32: B\n6 8\n"


def linked(sources=None, main=MAIN_TEXT, cold=None, part_size_max=16000, spare=()):
    return link(sources or PROGRAM, main, cold or {}, lambda words: words & KNOWN, part_size_max,
                spare)


def run(made, folder: Path) -> str:
    """What the linked program says on CPython; `gc` and `__import__` are all it needs."""
    for unit, text in made.units.items():
        name = "main" if unit == MAIN else unit
        (folder / f"{name}.py").write_text(
            text.replace("gc.threshold(max(1024, gc.mem_free() // 90))", ""))
    # no bytecode is kept: the next program of this second may be as long
    done = subprocess.run([sys.executable, "-B", folder / "main.py"], capture_output=True,
                          text=True, check=False)
    return done.stdout + done.stderr


def test_a_linked_program_says_what_the_modules_said(tmp_path):
    made = linked()
    assert set(made.units) == {MAIN, "program0"}
    assert run(made, tmp_path) == SAID


def test_it_may_come_in_parts_and_in_cold_units(tmp_path):
    cold = {"sums": ("room.other:total",), "says": ("room.box:Box.describe",)}
    made = linked(cold=cold, part_size_max=100)
    assert {"sums", "says", "program0", "program1"} <= set(made.units)
    assert run(made, tmp_path) == SAID


def test_what_nothing_reaches_is_left_out():
    text = "".join(linked().units.values())
    assert "unused" not in text and "never_called" not in text and "Crate" not in text
    assert "LIMIT_MAX" not in text and "32" in text


def test_a_private_method_goes_with_the_cold_one_that_calls_it():
    made = linked(cold={"says": ("room.box:Box.describe",)})
    assert ".upper()" in made.units["says"] and ".upper()" not in made.units["program0"]


def test_short_names_can_be_read_back_from_the_symbols():
    symbols = linked().symbols
    names = " ".join(symbols.values())
    assert "describe" in names and "Box_of_room_box._content" in names
    assert all(len(short) <= 3 for short in symbols)


# as many as a program has names, and each may be another thing than what it is used for
SPARE = [f"{kind}_{number}" for kind in ("sine", "loud", "flag") for number in range(60)]


@pytest.mark.parametrize("cold", [{}, {
    "sums": ("room.other:total",), "says": ("room.box:Box.describe", "room.box:Box.__init__")}])
def test_spare_words_stand_for_what_gets_a_short_name(tmp_path, cold):
    made = linked(cold=cold, spare=SPARE, part_size_max=100)
    assert run(made, tmp_path) == SAID
    assert {short for short in made.symbols if made.symbols[short] != "_word"} <= set(SPARE)
    assert all(made.files[unit] in SPARE and made.files[unit] in made.units for unit in cold)


def test_a_spare_word_that_the_program_has_is_passed_over(tmp_path):
    taken = ["describe", "loud", "sys", "room", "len", "card", "class", "WINDOW", "box"]
    made = linked(spare=[*taken, *SPARE])
    assert not set(taken) & set(made.symbols)
    assert run(made, tmp_path) == SAID


def test_spare_words_may_run_out(tmp_path):
    for count in (1, 20, 30, 50):
        made = linked(cold={"says": ("room.box:Box.describe",)}, spare=SPARE[:count])
        assert run(made, tmp_path) == SAID


def test_the_symbols_name_the_units(tmp_path):
    made = linked(cold={"says": ("room.box:Box.describe",)}, spare=SPARE)
    assert made.symbols[made.files["says"]].endswith("unit says")


def test_words_of_the_interpreter_strings_and_named_arguments_keep_their_names():
    text = "".join(linked().units.values())
    assert "sys.stdout.write" in text and "loud=True" in text
    sources = {"room": "", "room.a": "from collections import namedtuple\n"
               "Tap = namedtuple('Tap', ('trace', 'amount'))\n"}
    main = "import sys\nfrom room.a import Tap\nsys.stdout.write(str(Tap(1, 2).amount))\n"
    assert ".amount" in "".join(linked(sources, main).units.values())


def test_the_type_of_a_named_tuple_is_no_word_of_its_own(tmp_path):
    sources = {"room": "", "room.a": "from collections import namedtuple\n"
               "Reading = namedtuple('Reading', ('trace', 'amount'))\n"}
    main = "import sys\nfrom room.a import Reading\nsys.stdout.write(str(Reading(1, 2)[1]))\n"
    program = linked(sources, main)
    assert "Reading" not in "".join(program.units.values())
    assert run(program, tmp_path) == "2"


def test_a_local_name_never_hides_a_global(tmp_path):
    sources = {"room": "", "room.views": "def lines(text):\n    return [text]\n",
               "room.app": "from room import views\n\ndef draw():\n"
                           "    lines = views.lines('x')\n    return lines\n"}
    main = "import sys\nfrom room.app import draw\nsys.stdout.write(str(draw()))\n"
    assert run(linked(sources, main), tmp_path) == "['x']"


def test_a_cold_unit_is_forgotten_behind_the_call(tmp_path):
    sources = {"room": "", "room.a": "def first(count):\n    return count + helper()\n\n"
                                     "def helper():\n    return 1\n"}
    main = ("import sys\nfrom room.a import first\nfor count in (1, 2):\n"
            "    sys.stdout.write('%d %s ' % (first(count), 'cold' in sys.modules))\n")
    assert run(linked(sources, main, {"cold": ("room.a:first",)}), tmp_path) == "2 False 3 False "


def test_a_cold_function_may_call_another_of_its_unit_and_fail_in_it(tmp_path):
    sources = {"room": "", "room.a": "from room.b import Fault\n\ndef outer(n):\n"
               "    return inner(n) + 1\n\ndef inner(n):\n    if n > 1:\n"
               "        raise Fault('too much')\n    return n\n",
               "room.b": "class Fault(Exception):\n    pass\n"}
    main = ("import sys\nfrom room.a import outer\nfrom room.b import Fault\ntry:\n"
            "    outer(1)\n    outer(2)\nexcept Fault as fault:\n"
            "    sys.stdout.write('%s %s' % (fault, 'cold' in sys.modules))\n")
    made = linked(sources, main, {"cold": ("room.a:outer", "room.a:inner")})
    assert run(made, tmp_path) == "too much False"


def test_a_function_that_two_units_need_is_in_both_and_a_class_in_neither(tmp_path):
    sources = {"room": "", "room.a": """
class Shared:
    pass

def helper(n):
    return (n, Shared)

def one(n):
    return helper(n)

def two(n):
    return helper(n)
"""}
    main = ("import sys\nfrom room.a import one, two\n"
            "sys.stdout.write(str(one(1)[1] is two(1)[1]))\n")
    made = linked(sources, main, {"a": ("room.a:one",), "b": ("room.a:two",)})
    assert run(made, tmp_path) == "True"
    assert "class" in made.units["program0"]
    assert "class" not in made.units["a"] + made.units["b"]
    assert all("return (" in made.units[unit] for unit in ("a", "b"))


def test_a_function_that_was_handed_on_outlives_the_unit_that_did_it(tmp_path):
    sources = {"room": "", "room.a": """
import sys

def leave():
    sys.stdout.write("left")

class Door:
    def __init__(self):
        self.then = leave
"""}
    main = "from room.a import Door\nDoor().then()\n"
    assert run(linked(sources, main, {"cold": ("room.a:Door.__init__",)}), tmp_path) == "left"


SHELF = {"room": "", "room.a": """
class Shelf:
    def __init__(self, kind, size=2):
        self._size = size
        self.kind = kind

    def take(self, count):
        return "%s %d/%d" % (self.kind, count, self._size)
"""}


def test_what_is_cold_has_no_stand_in_where_it_is_only_called(tmp_path):
    main = ("import sys\nfrom room.a import Shelf\n"
            "sys.stdout.write(Shelf('wood', size=3).take(2))\n")
    made = linked(SHELF, main, {"cold": ("room.a:Shelf.__init__", "room.a:Shelf.take")})
    assert made.units["program0"].count("'cold'") == 0 and made.units[MAIN].count("'cold'") == 2
    assert run(made, tmp_path) == "wood 2/3"


TWO = {"room": "", "room.a": """
class Shelf:
    def told(self):
        return "shelf " + self._take(1)

    def _take(self, count):
        return str(count)

class Door:
    def told(self):
        return "door " + self._take(2)

    def _take(self, count):
        return str(count)
"""}
TWO_MAIN = ("import sys\nfrom room.a import Door, Shelf\n"
            "sys.stdout.write(Shelf().told() + ', ' + Door().told())\n")


def test_self_means_the_cold_method_of_its_class_whoever_else_bears_the_name(tmp_path):
    made = linked(TWO, TWO_MAIN, {"cold": ("room.a:Shelf._take",)})
    assert made.units["program0"].count("'cold'") == 1  # where it is called, and no stand-in
    assert run(made, tmp_path) == "shelf 1, door 2"


@pytest.mark.parametrize("more, said", [
    # a class of its own kind, an object that is told otherwise, one that is asked from outside
    ("class Drawer(Shelf):\n    def _take(self, count):\n        return 'drawer'\n",
     "shelf drawer"),
    ("def Drawer():\n    made = Shelf()\n    made.told = made._take\n    return made\n", None),
])
def test_self_is_not_taken_for_a_cold_method_where_it_may_be_another(tmp_path, more, said):
    sources = {**TWO, "room.a": TWO["room.a"] + "\n" + more}
    main = ("import sys\nfrom room.a import Drawer\n"
            + ("sys.stdout.write(Drawer().told())\n" if said else
               "sys.stdout.write(Drawer().told('out'))\n"))
    made = linked(sources, main, {"cold": ("room.a:Shelf._take",)})
    assert run(made, tmp_path) == (said or "out")


def test_what_nothing_of_the_program_has_takes_no_method_its_name(tmp_path):
    sources = {**SHELF, "room.b": "class Other:\n    def take(self):\n        return 1\n"}
    main = "import sys\nfrom room.a import Shelf\nsys.stdout.write(Shelf('wood').take(1))\n"
    made = linked(sources, main, {"cold": ("room.a:Shelf.take",)})
    assert "'cold'" not in made.units["program0"]
    assert run(made, tmp_path) == "wood 1/2"


@pytest.mark.parametrize("more, stands", [
    ("", False), (" + getattr(shelf, 'take')(2)", True),
    (" + getattr(shelf, shelf.kind)(2)", True)])
def test_a_string_is_a_methods_name_only_where_names_are_looked_up(tmp_path, more, stands):
    main = ("import sys\nfrom room.a import Shelf\n"
            f"def said(shelf):\n    return shelf.take(1){more}\n"
            "sys.stdout.write(said(Shelf('take')))\n")
    made = linked(SHELF, main, {"cold": ("room.a:Shelf.take",)})
    assert ("'cold'" in made.units["program0"]) == stands
    assert run(made, tmp_path) == "take 1/2" + ("take 2/2" if stands else "")


def test_what_is_cold_and_handed_on_has_a_stand_in(tmp_path):
    main = ("import sys\nfrom room.a import Shelf\n"
            "def at(make, count):\n    return make('wood').take(count)\n"
            "take = Shelf('iron').take\nsys.stdout.write(take(1) + ', ' + at(Shelf, 2))\n")
    made = linked(SHELF, main, {"cold": ("room.a:Shelf.__init__", "room.a:Shelf.take")},
                  part_size_max=100)
    assert run(made, tmp_path) == "iron 1/2, wood 2/2"


@pytest.mark.parametrize("other, said", [
    ("class Other:\n    def take(self, count):\n        return 'other'\n", "other"),
    ("class Other:\n    def __init__(self):\n        self.take = lambda count: 'set'\n", "set"),
    ("class Other:\n    take = staticmethod(lambda count: 'in the class')\n", "in the class"),
    ("from collections import namedtuple\n\ndef Other():\n"
     "    return namedtuple('Row', ('take',))(lambda count: 'field')\n", "field"),
])
def test_a_cold_method_is_not_taken_for_what_bears_its_name(other, said, tmp_path):
    main = ("import sys\nfrom room.a import Shelf\nfrom room.b import Other\n"
            "for each in (Shelf('wood'), Other()):\n"
            "    sys.stdout.write(each.take(1) + '. ')\n")
    made = linked({**SHELF, "room.b": other}, main, {"cold": ("room.a:Shelf.take",)})
    assert run(made, tmp_path) == f"wood 1/2. {said}. "


def test_a_function_of_a_module_is_not_taken_for_a_cold_method(tmp_path):
    sources = {**SHELF, "room.b": "def take(count):\n    return 'function %d' % count\n"}
    main = ("import sys\nfrom room import b\nfrom room.a import Shelf\n"
            "sys.stdout.write(b.take(1) + ', ' + Shelf('wood').take(1))\n")
    made = linked(sources, main, {"cold": ("room.a:Shelf.take",)})
    assert run(made, tmp_path) == "function 1, wood 1/2"


def test_branches_for_another_interpreter_are_not_carried():
    sources = {"room": "", "room.a": "import sys\n\ndef which():\n"
               "    if sys.implementation.name == 'micropython':\n        return 'here'\n"
               "    return 'elsewhere'\n"}
    text = linked(sources, "from room.a import which\nwhich()\n").units["program0"]
    assert "'here'" in text and "implementation" not in text


@pytest.mark.parametrize("text, why", [
    ("count = 0\n\ndef f():\n    global count\n    count += 1\n", "cannot be linked"),
    ("from os import *\n\ndef f():\n    return 1\n", "cannot be linked"),
    ("import os\nos.remove('x')\n\ndef f():\n    return 1\n", "runs when imported"),
    ("def f():\n    from room import limits\n    return limits\n", "inside a function"),
    ("def f():\n    return 1\n\n\ndef f():\n    return 2\n", "twice"),
])
def test_what_it_does_not_understand_it_refuses(text, why):
    sources = {"room": "", "room.limits": "A = 1\n", "room.a": text}
    with pytest.raises(NotLinkable, match=why):
        linked(sources, "from room.a import f\nf()\n")


@pytest.mark.parametrize("name", [
    "room.other:missing", "room.missing:f", "room.box:Box.missing", "room.other:Crate.each"])
def test_what_cannot_be_cold_stops_the_build(name):
    with pytest.raises(NotLinkable, match="cannot be cold"):
        linked(cold={"cold": (name,)})


def test_modules_that_import_each_other_are_refused():
    sources = {"room": "", "room.a": "from room import b\n\ndef f():\n    return b.g()\n",
               "room.b": "from room import a\n\ndef g():\n    return a.f\n"}
    with pytest.raises(NotLinkable, match="import each other"):
        linked(sources, "from room.a import f\nf()\n")


def test_several_constants_in_one_line_need_no_name_for_const():
    made = link({"room": "", "room.few": "from micropython import const\n"
                 "FIRST, _SECOND = const(70), const(81)\n"
                 "def both():\n    return FIRST + _SECOND\n"},
                "from room.few import both\nprint(both())\n", {}, lambda words: words)
    text = "".join(made.units.values())
    assert "const" not in text and "81" in text
