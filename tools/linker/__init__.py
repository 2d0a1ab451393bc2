"""Links the handset program: all modules reached from main become a few, stripped to the need.

MicroPython keeps every loaded function, name and module dictionary in the heap (about 100 bytes
a function and 30 a name on 64 bit), so a program that is read in forty small modules is carried
in a few: like a linker, this resolves imports, drops what nothing reaches, puts integer constants
where they are used, and gives short names. Law: meaning never changes.

- A definition nobody refers to is dropped; a method when its name occurs nowhere.
- `cold` functions are moved into units of their own: such a unit is loaded from flash for the
  call and forgotten behind it. In a product image, frozen into flash, none of this is needed.
  They are called by unit and entry where the call stands; nothing stays resident for them.
- A name is changed only where it is the program's own everywhere: not if the interpreter knows
  it, not if the same word occurs as a string or names an argument in a call.
- What is changed is called by words that the interpreter has anyway (`spare`), for a new word is
  kept for ever, and their table doubles at the 311th and at the 631st.
- What it does not understand it refuses (NotLinkable), and nothing is written.

`reading` folds and resolves, `reach` finds what is used, `writing` forms the units of what
`rewriting` made of the statements, `methods` tells which calls mean a cold method, `names`
shortens with the `words` that cost least. `Linked.symbols` maps short names back, for tracebacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.linker.names import Knows, shorten
from tools.linker.reach import Cold, Reach
from tools.linker.reading import MAIN, NotLinkable, read_program
from tools.linker.words import Reserved, free_words
from tools.linker.writing import Writer

__all__ = ["MAIN", "UNIT_MARK", "Cold", "Linked", "NotLinkable", "link"]

# what stands before the unit in the symbols of its short name
UNIT_MARK = "unit "


@dataclass(frozen=True)
class Linked:
    """`units`: module name -> source; `__main__` is the script. `symbols`: short -> long names.
    `files`: cold unit -> module name."""

    units: dict[str, str]
    symbols: dict[str, str]
    files: dict[str, str]


def link(sources: dict[str, str], main: str, cold: Cold, knows: Knows,
         part_size_max: int = 40000, spare: Sequence[str] = ()) -> Linked:
    """Link `sources` (module name -> text) as reached from the text `main`.

    `cold`: unit name -> functions ("room.module:function", "room.module:Class.method").
    `knows(words)`: those the interpreter has already; they cost nothing and keep their meaning.
    `part_size_max`: characters of one module of the resident program. Loading one takes a third
    more heap than it keeps, so it comes in parts; each part repeats the names that it shares.
    `spare`: words the interpreter has that are no module and no method of what it hands out.
    """
    modules = read_program(sources, main)
    free = free_words(spare, modules)
    files = {unit: free[place] if place < len(free) else unit for place, unit in enumerate(cold)}
    reach = Reach(modules, {files[unit]: names for unit, names in cold.items()})
    reach.run()
    reserved = Reserved(free)
    bodies = Writer(modules, reach, knows, part_size_max, reserved.entries).write()
    units, symbols = shorten(bodies, knows, reserved)
    for unit, file in files.items():
        symbols[file] = f"{symbols.get(file, '')}, {UNIT_MARK}{unit}".removeprefix(", ")
    return Linked(units, dict(sorted(symbols.items())), files)
