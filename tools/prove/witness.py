"""Who watches the run and writes the story the checker reads (story.py)."""

from protocol import topics
from protocol.messages import Reply
from simulator.loop import VirtualLoop
from simulator.packets import Publication
from simulator.witness import Key, Named, Witness
from tools.prove import story as words
from tools.prove.story import Story


class Chronicler(Witness):
    """What handsets, wire and gateway show, with the time at which they do."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.story = Story()
        self.sent = 0
        self._loop = loop

    # -- the merchant's side -------------------------------------------------------------------

    def attempted(self, terminal_id: int, kind: int, amount_minor: int | None,
                  card: int | bytes | None, original: Named | None,
                  points: int | None = None) -> None:
        self.story.attempted(terminal_id, kind, amount_minor, card, original,
                             self._loop.now_us, points)

    def saved(self, terminal_id: int, key: Key, kind: int, amount_minor: int | None,
              card: int | bytes | None, original: Named | None,
              points: int | None = None) -> None:
        self.story.accepted(terminal_id, *key, kind, amount_minor, card, original,
                            self._loop.now_us, points)

    def moved(self, terminal_id: int, old: Key, new: Key) -> None:
        self.story.moved(terminal_id, old, new, self._loop.now_us)

    def shown(self, terminal_id: int, reply: Reply) -> None:
        self.story.shown(terminal_id, reply, self._loop.now_us)  # type: ignore[arg-type]

    def clock_set(self, terminal_id: int) -> None:
        self.happened(words.CLOCK_SET, terminal_id)

    def displayed(self, terminal_id: int, lines: tuple[str, ...]) -> None:
        self.story.displayed(terminal_id, lines, self._loop.now_us)

    def powered(self, terminal_id: int, on: bool) -> None:
        self.happened(words.POWER_ON if on else words.POWER_OFF, terminal_id)

    # -- the wire ------------------------------------------------------------------------------

    def published(self, terminal_id: int, sent: Publication) -> None:
        """A handset wrote a publication; its state topic is none of the story."""
        if sent.topic == topics.up(terminal_id):
            self.sent += 1
            self.story.sent(terminal_id, sent.body, self._loop.now_us)

    def arrived(self, terminal_id: int, frame: bytes) -> None:
        self.story.arrived(terminal_id, frame, self._loop.now_us)

    def acknowledged(self, terminal_id: int, frame: bytes) -> None:
        self.story.acknowledged(terminal_id, frame, self._loop.now_us)

    def replied(self, terminal_id: int, frame: bytes) -> None:
        self.story.replied(terminal_id, frame, self._loop.now_us)

    # -- the world -----------------------------------------------------------------------------

    def happened(self, what: str, subject: object = None, value: object = None,
                 since_us: int | None = None) -> None:
        self.story.happened(self._loop.now_us, what, subject, value, since_us=since_us)
