"""What each flow of a cashier needs of the heap: the staged program against the real gateway.

A story is a row of FLOWS: steps of what is pressed (TAP: a member's card, PAPER: a printer is put
to it) and the state that it must come to. It is played in Chinese, with the real font file where
Unifont is installed, on the 64-bit unix port; `needed` finds the smallest heap with which it ends
well three times running. To add a story is to add a row.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from firmware import settings
from tests.support import handset_process
from tests.support.handset_process import Handset, provision
from tests.support.till_day import Day
from tools import font, handset_program

LIMIT_KB = 160
LEAST_KB, MOST_KB = 64, 192
NEAR_KB = 4
RUNS = 3
WAIT_S = 8.0
TAP, PAPER = "tap", "paper"
Steps = tuple[tuple[str, str], ...]

OPERATOR, PIN = 5, "2468"


class Story(NamedTuple):
    """What is done, one step after the other, on a handset with these settings."""

    steps: Steps
    settings: dict[str, Any] = {}


def sale(amount: str) -> Steps:
    return (("*", "home"), (amount + "#", "card"), (TAP, "result"))


FLOWS: dict[str, Story] = {
    "sale": Story((*sale("1250"), *sale("900"), *sale("77700"))),
    "a sale in lines": Story((("1250A65535#" + "500A3#" * 15 + "#", "card"), (TAP, "result"))),
    "the same sale again": Story((*sale("1250"), *sale("1250")[:2], (TAP, "card.twice"),
                                  ("#", "result"))),
    "inquiry": Story((("A", "card"), (TAP, "result"))),
    "sale, cancelled": Story((*sale("1250"), ("D", "ask_void"), ("#", "result"))),
    "points pay a bill": Story((*sale("500000"), ("*", "home"), ("B", "redeem.amount"),
                                ("20000#", "redeem.card"), (TAP, "redeem.points"),
                                ("#", "redeem.sure"), ("#", "result"))),
    "void by receipt": Story((("D", "menu.main"), ("1", "reverse.receipt"),
                              ("4294967295#", "reverse.sure"), ("#", "result"))),
    "refund by receipt": Story((("D", "menu.main"), ("2", "reverse.receipt"),
                                ("4294967295#", "reverse.amount"), ("99999#", "reverse.sure"),
                                ("#", "result"))),
    "refund of the last tap": Story((*sale("1250"), ("C", "taps.one"), ("C", "reverse.amount"),
                                     ("500#", "reverse.sure"), ("#", "result"))),
    "refund of lines": Story((*(("1250A65535#" + "500A3#" * 15 + "#", "card"), (TAP, "result")),
                              ("C", "taps.one"), ("C500A65535##", "reverse.sure"),
                              ("#", "result"))),
    "day-end": Story((*sale("1250"), *sale("900"), ("*", "home"), ("D", "menu.main"),
                      ("4", "dayend.totals"), ("#", "dayend.done"), ("#", "home"))),
    "menu and status": Story((("D", "menu.main"), ("7", "status"), ("*", "home"))),
    "settings": Story((("D", "menu.main"), ("5", "setup.main"), ("2", "setup.main"),
                       ("3", "setup.main"), ("11", "setup.main"), ("4", "setup.about"),
                       ("*", "setup.main"), ("*", "home"))),
    "training": Story((("D6", "training.ask"), ("#", "home"), ("1250#", "card"), ("**", "home"),
                       ("D6", "training.ask"), ("#", "home"), *sale("900"))),
    "no card": Story((("1250#", "card"), ("D", "card.none"), ("#", "card"), (TAP, "result"))),
    "a slip, and once more": Story(((PAPER, "home"), *sale("1250"), ("C", "taps.one"),
                                    ("#", "paper.main"), ("*", "home"))),
    "day-end, on paper": Story(((PAPER, "home"), *sale("1250"), ("*", "home"),
                                ("D4", "dayend.totals"), ("#", "dayend.done"), ("#", "home"))),
    "the printer": Story(((PAPER, "home"), *sale("1250"), ("*", "home"), ("D9", "paper.main"),
                          ("#", "paper.main"), ("C", "paper.main"), ("*", "home"))),
    "last taps": Story((*sale("1250"), *sale("900"), ("C", "taps.one"), ("B", "taps.one"),
                        ("*", "home"))),
    "what is not done": Story((*sale("1250"), ("*", "home"), ("D", "menu.main"),
                               ("3", "waiting.main"), ("A", "waiting.none"), ("****", "home"))),
    "login and logout": Story(((f"{OPERATOR}#", "login.pin"), (f"{PIN}#", "home"),
                               *sale("1250"), ("*", "home"), ("D8", "home")), {"login": 1}),
}

# Put before the program: notes which cold units are loaded at once, and how large they are. Who
# removes the note begins anew.
WATCH = """
import builtins, gc, os, sys
_import, _sizes, _most = builtins.__import__, {}, [0]

def _watched(name, *rest):
    if name not in UNITS or name in sys.modules:
        return _import(name, *rest)
    gc.collect()
    before = gc.mem_alloc()
    loaded = _import(name, *rest)
    gc.collect()
    _sizes[name] = gc.mem_alloc() - before
    nest = [each for each in _sizes if each in sys.modules]
    size = sum([_sizes[each] for each in nest])
    try:
        os.stat(sys.argv[1] + "/nest")
    except OSError:
        _most[0] = 0
    if size > _most[0]:
        _most[0] = size
        with open(sys.argv[1] + "/nest", "w") as file:
            file.write("%d %s" % (size, " > ".join(nest)))
    return loaded

builtins.__import__ = _watched
"""
LIVE = """
import gc, sys
sys.path.insert(0, {folder!r})
gc.collect()
before = gc.mem_alloc()
for each in {parts!r}:
    __import__(each)
gc.collect()
print(gc.mem_alloc() - before)
"""


class Needed(NamedTuple):
    """A flow: the smallest heap in KB it runs with (None: with none of those tried), and the
    largest nest of cold units in it: bytes and names."""

    flow: str
    heap_kb: int | None
    nest: int
    units: str


class Resident(NamedTuple):
    """The code that is always there: bytes live behind its import, and of its .mpy files."""

    live: int
    files: int


class Counter:
    """A till to which one handset after the other is put, each fresh from the box."""

    def __init__(self, folder: Path, day: Day) -> None:
        self._folder, self._day = folder, day
        self._made = settings.read(str(folder / "handset" / "settings"))
        self._numbers = count(1000)

    def play(self, command: Sequence[str], story: Story) -> Path:
        """The handset's folder behind it; AssertionError: it did not come through."""
        number = next(self._numbers)
        made = self._made._replace(**story.settings)
        home = provision(self._folder / str(number), made, number)
        with Handset(home, command) as handset:
            handset.event("clock")
            (home / "nest").unlink(missing_ok=True)
            for what, state in story.steps:
                if what == TAP:
                    handset.do("card", entry=2, card=str(self._day.cards[0]))
                elif what == PAPER:
                    handset.do("printer", state="idle")
                else:
                    handset.do("keys", keys=what)
                _reaches(handset, state)
            _is_well(handset)
            assert handset.do("status")["up"], handset.story()
        return home

    def comes_through(self, command: Sequence[str], story: Story, heap_kb: int,
                      runs: int) -> bool:
        sized = with_heap(command, heap_kb)
        for _ in range(runs):
            try:
                shutil.rmtree(self.play(sized, story))
            except (AssertionError, OSError):
                return False
        return True


def _reaches(handset: Handset, state: str) -> None:
    deadline = time.monotonic() + handset_process.WAIT_S
    while handset.do("status")["state"] != state:
        _is_well(handset)  # else it would be waited for in vain
        assert time.monotonic() < deadline, f"never in {state}; {handset.story()}"
        time.sleep(0.02)


def _is_well(handset: Handset) -> None:
    bad = [said for said in handset.said
           if said.get("event") in ("died", "not_saved", "no_link", "flash")]
    assert not bad and not handset.noise, handset.story()


def with_heap(command: Sequence[str], heap_kb: int) -> list[str]:
    return [f"heapsize={heap_kb}K" if each.startswith("heapsize=") else each for each in command]


@contextmanager
def counter(folder: Path, command: Sequence[str]) -> Iterator[Counter]:
    """The gateway is there, the font is built, and a wait is short."""
    kept = handset_process.WAIT_S, handset_process.pseudo_font
    handset_process.WAIT_S = WAIT_S
    if font.UNIFONT.is_file():
        real = folder / "font"
        font.write(font.build(font.read_hex(font.UNIFONT), font.ascii_letters() + font.gb2312(
            (font.SYMBOLS, font.LEVEL_1, font.LEVEL_2))), real)
        handset_process.pseudo_font = lambda path: shutil.copyfile(real, path)
    try:
        day = Day(folder, command, "zh")
        merchant = day.registry.terminals()[0].merchant_id
        day.registry.create_operator(merchant, OPERATOR, "李小龙")
        day.registry.set_operator_pin(merchant, OPERATOR, PIN)
        with day.open():
            yield Counter(folder, day)
    finally:
        handset_process.WAIT_S, handset_process.pseudo_font = kept


def needed(till: Counter, command: Sequence[str], story: Story, about: int = 0) -> int | None:
    """The smallest heap in KB: one run each finds about where it is, RUNS runs say which."""
    low, high = LEAST_KB, MOST_KB
    for edge in (about - NEAR_KB, about + NEAR_KB):  # what fails costs a wait: most are alike
        if low < edge < high:
            low, high = (low, edge) if till.comes_through(command, story, edge, 1) else (
                edge, high)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if till.comes_through(command, story, middle, 1) else (
            middle, high)
    while high <= MOST_KB and not till.comes_through(command, story, high, RUNS):
        high += 1
    return high if high <= MOST_KB else None


def watching(folder: Path) -> list[str]:
    """The command of a staged program that notes its nests in the handset's folder."""
    command = handset_program.stage(folder, heap_size="4M")
    units = [each.stem for each in folder.glob("*.mpy") if not each.stem.startswith("program")]
    main = folder / "main.py"
    main.write_text(f"UNITS = {units!r}\n{WATCH}\n{main.read_text()}")
    return command


def nest(till: Counter, command: Sequence[str], story: Story) -> tuple[int, str]:
    """Bytes and names of the most that is loaded at once; `command` is that of `watching`."""
    size, _, files = (till.play(command, story) / "nest").read_text().partition(" ")
    units = handset_program.units(Path(command[-1]).parent)
    return int(size), " > ".join(units[each] for each in files.split(" > "))


def resident(folder: Path) -> Resident:
    """Of the program staged there."""
    from tests.support.micropython import run
    parts = sorted(folder.glob("program*.mpy"))
    live = run(LIVE.format(folder=str(folder), parts=[each.stem for each in parts]), heap="2M")
    return Resident(int(live), sum(each.stat().st_size for each in parts))


def measure(folder: Path, flows: Sequence[str] = tuple(FLOWS)) -> Iterator[Needed | Resident]:
    """The resident code, then one flow after the other."""
    staged = folder / "program"
    command = handset_program.stage(staged, heap_size=f"{MOST_KB}K")
    yield resident(staged)
    watched = watching(folder / "watching")
    about = 0
    with counter(folder, command) as till:
        for flow in flows:
            try:
                size, units = nest(till, watched, FLOWS[flow])
            except AssertionError as failed:  # the story is wrong, or the program: no heap helps
                yield Needed(flow, None, 0, str(failed)[:200])
                continue
            found = needed(till, command, FLOWS[flow], about)
            about = found or about
            yield Needed(flow, found, size, units)
