"""The demo's handsets as the page knows them, and what it may do to them.

Runs in the demo's loop. Law: what a handset is like comes from its control channel; what the page
set for it (signal, battery, power) is set again each time it is switched on. While the demo taps
by itself nobody else presses a key: `opened` says from when on a person may.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

from firmware import texts
from protocol import codes
from tools.coffee_shop import Operator
from tools.errors import NotReady, ToolError
from tools.handsets import Handset
from tools.page import hints
from tools.page.feed import Feed

LANGUAGES = ("zh", "en")
SAID_KEPT = 200
ENTRIES = (1, 2, 3)  # swiped, tapped, scanned
KEYS_MAX = 32
SIGNAL_DBM, BATTERY_PERCENT = -67, 83
# behind these it is asked how its link and its outbox are
LOOK_AFTER = ("ready", "recovery", "link", "saved", "settled", "conflict")
# and, where a person presses its keys, behind this one where it is
LOOK_OPENED = "screen"
# drawn, not listed
SHOWN_ELSEWHERE = ("screen", "pixels")


class Unfit(ToolError):
    """The page asked for something that is not there; nothing was done."""

    code = "unfit"


class Card(NamedTuple):
    """A card of the drawer. `kind`: its member's tier; "stock", "unknown": it leads to none."""

    number: int
    name: str
    kind: str

    def face(self, place: int) -> dict[str, object]:
        """What the page gets to know of it."""
        return {"card": place, "name": self.name, "kind": self.kind,
                "last4": f"{self.number % 10000:04}"}


class Seen:
    """A handset as it was last seen, and what was set for it. `login`: as `hints.hint` has it."""

    def __init__(self, handset: Handset, login: bool) -> None:
        self.handset = handset
        self.login = login
        self.power = False
        self.up = False
        self.unsent: int | None = None
        self.place = ""  # the state of its checkout
        self.looks = 0
        self.lines: tuple[str, ...] = ()
        self.pixels = ""
        self.signal_dbm: int | None = SIGNAL_DBM
        self.battery_percent: int | None = BATTERY_PERCENT
        self.paper = True

    def dark(self) -> None:
        """Nothing that it said before is true any more."""
        self.up, self.unsent, self.place, self.lines, self.pixels = False, None, "", (), ""
        self.looks += 1

    def state(self) -> dict[str, object]:
        return {"handset": self.handset.terminal_id, "runtime": self.handset.runtime,
                "power": self.power, "up": self.up, "unsent": self.unsent, "place": self.place,
                "hint": hints.hint(self.place, self.lines, self.login), "lines": self.lines,
                "pixels": self.pixels, "signal_dbm": self.signal_dbm,
                "battery_percent": self.battery_percent, "paper": self.paper}


class Street:
    """`started` and `heard` are the demo's to call, `do` and `feed` the page's. `operators`: who
    may log in; without any, nobody has to."""

    def __init__(self, cards: Sequence[Card], now: Callable[[], str],
                 operators: Sequence[Operator] = ()) -> None:
        self.feed = Feed(self._snapshot)
        self.opened = False
        self._cards = cards
        self._operators = operators
        self._now = now
        self._seen: dict[int, Seen] = {}
        self._said: deque[dict[str, object]] = deque(maxlen=SAID_KEPT)
        self._under_way: set[asyncio.Task[Any]] = set()

    def _snapshot(self) -> dict[str, Any]:
        return {"opened": self.opened, "said": list(self._said), "reasons": reasons(),
                "operators": [each._asdict() for each in self._operators],
                "cards": [card.face(place) for place, card in enumerate(self._cards)],
                "handsets": [each.state() for each in self._seen.values()]}

    def open(self) -> None:
        """From now on a person may press and tap."""
        self.opened = True
        for seen in self._seen.values():
            seen.handset.sells_twice = False
            self._look_soon(seen)
        self.feed.tell("opened", True)

    # -- what the handsets say -----------------------------------------------------------------

    def started(self, handset: Handset) -> None:
        """A process stands behind it: what was set for it is said to it before it is asked."""
        seen = self._seen.setdefault(handset.terminal_id,
                                     Seen(handset, bool(self._operators)))
        seen.dark()
        seen.power = True
        handset.process.on_end = lambda code: self._ended(seen)
        self._soon(self._equip(seen))
        self._tell(seen)

    def _ended(self, seen: Seen) -> None:
        seen.dark()
        seen.power = False
        self._say(seen, {"event": "off"})
        self._tell(seen)

    async def _equip(self, seen: Seen) -> None:
        if seen.signal_dbm is None:
            await seen.handset.do("link", up=False)
        await seen.handset.do("watch")
        await seen.handset.do("signal", dbm=seen.signal_dbm)
        await seen.handset.do("battery", percent=seen.battery_percent)
        await seen.handset.do("printer", state=_printer(seen))

    def heard(self, handset: Handset, said: Mapping[str, Any]) -> None:
        """An event line of a handset."""
        seen = self._seen[handset.terminal_id]
        if said["event"] == "screen":
            seen.lines = tuple(said["lines"])
        elif said["event"] == "pixels":
            seen.pixels = said["pixels"]
            self._tell(seen)  # the lines came just before it
        else:
            self._say(seen, said)
        if said["event"] in LOOK_AFTER or self.opened and said["event"] == LOOK_OPENED:
            self._look_soon(seen)

    def _look_soon(self, seen: Seen) -> None:
        seen.looks += 1
        self._soon(self._look(seen, seen.looks))

    async def _look(self, seen: Seen, look: int) -> None:
        """What a later look will say better is not told: it may be older than what was heard."""
        status = await seen.handset.do("status")
        if look != seen.looks:
            return
        seen.up, seen.unsent = bool(status["up"]), status["unsettled"]
        seen.place = str(status["state"])
        self._tell(seen)

    def _tell(self, seen: Seen) -> None:
        self.feed.tell("handset", seen.state())

    def _say(self, seen: Seen, said: Mapping[str, Any]) -> None:
        row = {**said, "handset": seen.handset.terminal_id, "at": self._now()}
        self._said.append(row)
        self.feed.tell("said", row)

    def _soon(self, asking: Coroutine[Any, Any, None]) -> None:
        async def asked() -> None:
            with contextlib.suppress(NotReady):  # it died meanwhile: `started` comes again
                await asking
        task = asyncio.get_running_loop().create_task(asked())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    # -- what the page does --------------------------------------------------------------------

    async def do(self, terminal_id: int, what: str, asked: Mapping[str, Any]) -> None:
        """Raises Unfit for what cannot be, NotReady for what cannot be now."""
        acts = {"keys": self._keys, "card": self._card, "two-cards": self._two_cards,
                "signal": self._signal, "battery": self._battery, "paper": self._paper,
                "power": self._power}
        seen, act = self._seen.get(terminal_id), acts.get(what)
        if seen is None or act is None:
            raise Unfit(f"no handset {terminal_id} that can do {what!r}")
        if not self.opened:
            raise NotReady("the demo taps by itself just now; wait for it to end")
        await act(seen, asked)

    async def _keys(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        keys = asked.get("keys")
        if not isinstance(keys, str) or not 0 < len(keys) <= KEYS_MAX:
            raise Unfit(f"keys are 1 to {KEYS_MAX} letters")
        await self._on(seen).do("keys", keys=keys)

    async def _card(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        place, entry = asked.get("card"), asked.get("entry")
        if type(place) is not int or not 0 <= place < len(self._cards) or entry not in ENTRIES:
            raise Unfit("no such card, or no such way to show it")
        await self._on(seen).do("card", entry=entry, card=str(self._cards[place].number))

    async def _two_cards(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        await self._on(seen).do("unread", entry=2, why="two_cards")

    async def _signal(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        seen.signal_dbm = _level(asked.get("dbm"), -120, 0)
        handset = self._on(seen)
        await handset.do("link", up=seen.signal_dbm is not None)
        await handset.do("signal", dbm=seen.signal_dbm)
        self._look_soon(seen)

    async def _battery(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        seen.battery_percent = _level(asked.get("percent"), 0, 100)
        await self._on(seen).do("battery", percent=seen.battery_percent)
        self._tell(seen)

    async def _paper(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        if type(asked.get("there")) is not bool:
            raise Unfit("there is paper or not: true or false")
        seen.paper = bool(asked["there"])
        await self._on(seen).do("printer", state=_printer(seen))
        self._tell(seen)

    async def _power(self, seen: Seen, asked: Mapping[str, Any]) -> None:
        process = seen.handset.process
        if asked.get("on") is True:
            process.wake()
        elif not process.kill(math.inf):
            raise NotReady("it is off already")

    def _on(self, seen: Seen) -> Handset:
        if not seen.power:
            raise NotReady("it is off: switch it on first")
        return seen.handset



def reasons() -> dict[str, dict[int, str]]:
    """Language -> reply code -> why a tap did not post, in the handset's own words."""
    words = {language: texts.Words(texts.parts(language)) for language in LANGUAGES}
    return {language: {code: why for code in codes.KNOWN
                       if (why := of.reason(code)) is not None}
            for language, of in words.items()}


def _printer(seen: Seen) -> str:
    """What the handset's printer is like, as its driver names it."""
    return "idle" if seen.paper else "paper_out"


def _level(number: Any, least: int, most: int) -> int | None:
    if number is None or type(number) is int and least <= number <= most:
        return number
    raise Unfit(f"a whole number from {least} to {most}, or none")
