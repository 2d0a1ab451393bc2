"""A shop's counter in virtual time: the App on a fake board, a radio, a gateway. Not portable.

`told` is everything the App said; `screens` every screen it drew, in order.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from firmware.app import App
from firmware.outbox import Outbox, format_outbox
from firmware.states import TWICE
from protocol import keys
from simulator.board import FakeBoard
from simulator.broker import Broker, Credential
from simulator.eventlog import EventLog
from simulator.flash import NorFlash
from simulator.loop import US, VirtualLoop
from simulator.radio import Radio, Weather
from simulator.shore import Shore, Work, one_by_one
from tests.firmware.replies import Asked, reply_frame
from tests.firmware.shop import CARD, CREDENTIALS, Shop, settings_for

AT_ONCE = Work()
QUICK = Weather(latency_ms_min=50, latency_ms_max=50)


class Counter:
    """`with Counter() as counter:`; `boot` puts power on, `cut` takes it at once."""

    def __init__(self, answer: Callable[[bytes], bytes | None] | None = None,
                 weather: Weather = QUICK, work: Work = AT_ONCE, blocks: int = 16,
                 language: str = "en", terminal: tuple[int, bytes] | None = None,
                 **changed: object) -> None:
        # the program collects garbage as often as a handset can afford to; on this side that would
        # walk through all that the tests before this one have left
        gc.freeze()
        self.shop = Shop()
        self.loop = VirtualLoop()
        self.settings = settings_for(1883, language=language, outbox_blocks=blocks, **changed)
        known = CREDENTIALS
        if terminal:  # one that another gateway knows
            user, password = keys.mqtt_user(terminal[0], 1), keys.mqtt_password(terminal[1])
            known = {user: Credential(terminal[0], password.encode())}
            self.settings = self.settings._replace(
                terminal_id=terminal[0], key=terminal[1], mqtt_user=user, mqtt_password=password)
        broker = Broker(known)
        answer = answer or self.shop.answer
        log = EventLog(lambda: self.loop.now_us)
        Shore(self.loop, Random(1), broker, one_by_one(lambda frame, now_us: answer(frame)), log,
              work)
        self.radio = Radio(self.loop, Random(2), weather, broker)
        self.flash = NorFlash(blocks, Random(3))
        format_outbox(self.flash, 7)
        self.files: dict[str, bytes] = {}
        self.told: list[tuple[Any, ...]] = []
        self.screens: list[tuple[str, ...]] = []
        self.boots = 0

    def boot(self, **board: Any) -> App:
        """Power on; `board` replaces members of the board."""
        self.boots += 1
        self.board = FakeBoard(self.loop, Random(4), self.flash, self.radio.connect, self.boots)
        self.board.files = self.files
        for name, value in board.items():
            setattr(self.board, name, value)
        self.app = App(self.board, self.settings, self._tell)
        self.task = self.loop.create_task(self.app.run())
        self.wait(0)
        return self.app

    def _tell(self, kind: str, *values: Any) -> None:
        self.told.append((kind, *values))
        if kind == "screen":
            self.screens.append(values[0])

    def cut(self) -> None:
        self.task.cancel()
        self.flash = self.flash.reborn()
        self.radio.cut()

    def wait(self, seconds: float) -> None:
        self.loop.run_until_us(self.loop.now_us + round(seconds * US))

    def keys(self, keys: str) -> None:
        self.board.panel.press(keys)
        self.wait(0)

    def tap(self, card: int = CARD) -> None:
        self.board.panel.card(2, card)
        self.wait(0)

    def sale(self, keys: str = "1250", card: int = CARD) -> None:
        self.keys("*" + keys + "#")
        self.tap(card)
        if self.app.state.name == TWICE:  # the same once more: meant so
            self.keys("#")

    @property
    def lines(self) -> tuple[str, ...]:
        return self.app.screen.lines

    def all(self, kind: str) -> list[tuple[Any, ...]]:
        return [each[1:] for each in self.told if each[0] == kind]

    def on_flash(self) -> Outbox:
        """What a boot would find, had power gone this moment."""
        outbox = Outbox(self.flash.copy().reborn())
        outbox.mount()
        return outbox

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.close()
        gc.unfreeze()


@contextmanager
def refusing(code: int, *traces: int) -> Iterator[Counter]:
    """A counter with its link up, whose gateway answers the taps with these traces by `code`."""
    shop = Shop()

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        return reply_frame(frame, code=code) if asked.trace in traces else shop.answer(frame)

    with Counter(answer) as made:
        made.boot()
        made.wait(5)
        yield made
