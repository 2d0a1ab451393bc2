"""A till for a day: the released handset program on MicroPython, and the gateway's own intake.

Keys and cards go in by the control channel; what stands on the screen and in the ledger comes
out. `day.mute` is a set of message types whose answers the gateway keeps back (they are posted
all the same: the worst moment for a link to be lost), `day.deaf` of those that never reach it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import select

from firmware import settings
from gateway import database
from gateway.database import reading
from gateway.errors import TryLater
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.tables import entries
from protocol import keys
from simulator.broker import Credential
from tests.firmware.replies import Asked
from tests.support.handset_process import Handset, provision, pseudo_font
from tests.support.tiny_gateway import TinyGateway
from tools import coffee_shop

SECRETS = tuple(sha256(name).digest() for name in (b"master", b"audit", b"frame"))
KEYRING = Keyring(*SECRETS)


class Day:
    """One merchant's till; `handset` is its process while it is on."""

    def __init__(self, folder: Path, command: Sequence[str], language: str,
                 **changed: object) -> None:
        self.engine = database.open_engine(f"sqlite:///{folder / 'ledger.sqlite3'}")
        database.migrate(self.engine)
        self.registry = Registry(self.engine, KEYRING)
        self.intake = Intake(self.engine, KEYRING)
        self.cards = coffee_shop.create(self.registry)
        coffee_shop.add_terminals(self.registry, 1)
        self.terminal_id = coffee_shop.tills_of(self.registry.terminals())[0].terminal_id
        self.mute: set[int] = set()
        self.deaf: set[int] = set()
        self.heard: list[int] = []
        self._command = command
        self._key = KEYRING.terminal_key(self.terminal_id, 1)
        self._files = folder / "handset"
        self._language = language
        self._changed = changed

    @contextmanager
    def open(self) -> Iterator["Day"]:
        """Broker and gateway are there; the handset is provisioned and off."""
        user, password = keys.mqtt_user(self.terminal_id, 1), keys.mqtt_password(self._key)
        known = {user: Credential(self.terminal_id, password.encode())}
        with TinyGateway(known, self._answer) as gateway:
            self._provision(gateway.port)
            yield self
        self.engine.dispose()

    def _provision(self, port: int) -> None:
        values: dict[str, Any] = {"language": self._language, "outbox_blocks": 16,
                                  **self._changed}
        provision(self._files, settings.settings(
            self.terminal_id, 1, self._key, "127.0.0.1", port,
            keys.mqtt_user(self.terminal_id, 1), keys.mqtt_password(self._key), **values))
        pseudo_font(self._files / "font")  # either language can be switched to

    @contextmanager
    def on(self) -> Iterator["Day"]:
        """The handset runs and has its link; its power goes at the end."""
        with Handset(self._files, self._command) as self.handset:
            self.handset.event("link", up=True)
            yield self
            died = [said for said in self.handset.said if said.get("event") == "died"]
            assert not died and not self.handset.noise, self.handset.story()

    def _answer(self, frame: bytes) -> bytes | None:
        kind = Asked(frame).type
        self.heard.append(kind)
        if kind in self.deaf:
            return None
        arrived = Arrival(frame, datetime.now(UTC), self.terminal_id)
        try:
            reply = self.intake.take([arrived])[0].reply
        except TryLater:
            return None
        return None if kind in self.mute else reply

    # -- what a cashier does and sees ------------------------------------------------------------

    def keys(self, keys_: str) -> None:
        self.handset.do("keys", keys=keys_)

    def tap(self, member: int = 0) -> None:
        self.handset.do("card", entry=2, card=str(self.cards[member]))

    def link(self, up: bool) -> None:
        self.handset.do("link", up=up)
        self.handset.event("link", up=up)

    def sees(self, *rows: str | None) -> list[str]:
        """Wait for a screen with these rows (None: any); bar and foot stand around them."""
        def right(lines: Sequence[str]) -> bool:
            return all(row is None or lines[1 + place] == row for place, row in enumerate(rows))

        lines = self.handset.do("screen")["lines"]
        while not right(lines):
            lines = self.handset.event("screen")["lines"]
        assert any(self.handset.do("pixels")["pixels"]), "the display is dark"
        return lines

    # -- what head office sees -------------------------------------------------------------------

    def booked(self) -> list[tuple[int, int | None, int]]:
        """(message type, amount_minor, code) of each entry in the ledger, oldest first."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(entries.c.kind, entries.c.amount_minor, entries.c.code)
                .order_by(entries.c.id))
            return [(row.kind, row.amount_minor, row.code) for row in rows]

    def books(self, count: int) -> None:
        """Wait until so many entries stand in the ledger."""
        self.until(lambda: len(self.booked()) >= count)

    def until(self, so: Callable[[], object]) -> None:
        """Wait until this is so, as long as the handset answers."""
        while not so():
            self.handset.do("status")
