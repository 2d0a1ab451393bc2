"""One handset and the real gateway in virtual time: a key rotated under its feet, a ledger put
back to last week's backup. The merchant does nothing; every tap posts once.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from firmware.settings import Settings, settings
from gateway import database
from gateway.database import reading
from gateway.errors import TryLater
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.tables import entries
from protocol import keys
from simulator.broker import Credential
from tests.firmware.counter import Counter
from tools import coffee_shop

OPENING = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
KEYRING = Keyring(*(sha256(name).digest() for name in (b"master", b"audit", b"frame")))
HOUR_S = 3600


class Desk:
    """A counter whose frames go through the gateway's own intake, and HQ behind it."""

    def __init__(self, folder: Path, logins: dict[str, Credential]):
        self.file = folder / "ledger.sqlite3"
        self.counter = Counter(answer=self._answer)
        self._logins = logins
        self._open()
        self.card = coffee_shop.create(self.registry)[0]
        coffee_shop.add_terminals(self.registry, 1)
        self.terminal_id = coffee_shop.tills_of(self.registry.terminals())[0].terminal_id
        self.knows(1)
        self.counter.settings = self._settings()

    def _open(self) -> None:
        self.engine: Engine = database.open_engine(f"sqlite:///{self.file}")
        database.migrate(self.engine)
        self.registry = Registry(self.engine, KEYRING, clock=self._now)
        self.intake = Intake(self.engine, KEYRING, clock=self._now, pause=lambda seconds: None)

    def _now(self) -> datetime:
        return OPENING + timedelta(microseconds=self.counter.loop.now_us)

    def _answer(self, frame: bytes) -> bytes | None:
        try:
            return self.intake.take([Arrival(frame, self._now(), self.terminal_id)])[0].reply
        except TryLater:
            return None

    def _settings(self) -> Settings:
        key = KEYRING.terminal_key(self.terminal_id, 1)
        return settings(self.terminal_id, 1, key, "broker", 1883,
                        keys.mqtt_user(self.terminal_id, 1), keys.mqtt_password(key),
                        language="en", outbox_blocks=16)

    def knows(self, epoch: int) -> None:
        """The broker lets this epoch's login in."""
        key = KEYRING.terminal_key(self.terminal_id, epoch)
        self._logins[keys.mqtt_user(self.terminal_id, epoch)] = Credential(
            self.terminal_id, keys.mqtt_password(key).encode())

    def boot(self) -> None:
        self.counter.boot(on_settings=lambda made: setattr(self.counter, "settings", made))
        self.counter.wait(5)

    def reboot(self) -> None:
        self.counter.cut()
        self.boot()

    def sell(self, count: int) -> None:
        for _ in range(count):
            self.counter.sale("500", self.card)
            self.counter.wait(2)

    @property
    def unsettled(self) -> int:
        assert self.counter.app.outbox is not None
        return self.counter.app.outbox.unsettled

    def posted(self) -> int:
        """Journal entries of the till's taps."""
        with reading(self.engine) as connection:
            return len(connection.execute(select(entries.c.id)).all()) - self.before

    before = 0

    def back_up(self, to: Path) -> None:
        self.engine.dispose()
        shutil.copy(self.file, to)
        self._open()

    def put_back(self, backup: Path) -> None:
        self.engine.dispose()
        for old in self.file.parent.glob("ledger.sqlite3*"):
            old.unlink()
        shutil.copy(backup, self.file)
        self._open()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    logins: dict[str, Credential] = {}
    monkeypatch.setattr("tests.firmware.counter.CREDENTIALS", logins)
    made = Desk(tmp_path, logins)
    made.before = made.posted()
    yield made
    made.counter.loop.close()
    made.engine.dispose()


def test_a_key_is_rotated_while_taps_wait_and_each_posts_once(desk: Desk):
    desk.boot()
    desk.sell(1)
    assert desk.unsettled == 0
    desk.counter.radio.set_dark(True)
    desk.sell(3)
    desk.counter.wait(60)
    assert desk.unsettled == 3
    desk.registry.advance_epoch(desk.terminal_id)
    desk.knows(2)
    desk.counter.radio.set_dark(False)
    desk.counter.wait(120)
    assert desk.counter.all("rotated") == [(2,)] and desk.unsettled == 0
    assert desk.counter.settings.epoch == 2
    desk.sell(1)
    assert desk.unsettled == 0 and desk.posted() == 5
    # the new login and a heartbeat under the new key: the old one is forgotten on both sides
    desk.reboot()
    desk.counter.wait(HOUR_S + 60)
    assert desk.counter.settings.old_keys == () and desk.counter.app.up()
    old = KEYRING.terminal_key(desk.terminal_id, 1)
    assert desk.registry.mqtt_login(f"{desk.terminal_id}-1", keys.mqtt_password(old)) is None
    desk.sell(1)
    assert desk.unsettled == 0 and desk.posted() == 6


def test_a_power_cut_in_the_middle_of_a_rotation_loses_neither_key_nor_tap(desk: Desk):
    desk.boot()
    desk.counter.radio.set_dark(True)
    desk.sell(2)
    desk.counter.wait(60)
    desk.registry.advance_epoch(desk.terminal_id)
    desk.knows(2)
    kept = desk.counter.settings
    desk.counter.radio.set_dark(False)
    desk.counter.wait(120)
    assert desk.counter.all("rotated") == [(2,)]
    # the rename never reached the flash: the old settings are what the next boot finds
    desk.counter.settings = kept
    desk.reboot()
    desk.counter.wait(60)
    assert desk.counter.all("rotated") == [(2,), (2,)]
    desk.sell(1)
    assert desk.unsettled == 0 and desk.posted() == 3


def test_a_login_the_broker_does_not_know_yet_keeps_no_tap_back(desk: Desk):
    desk.boot()
    desk.registry.advance_epoch(desk.terminal_id)
    desk.counter.wait(HOUR_S + 60)
    assert desk.counter.all("rotated") == [(2,)]
    desk.reboot()
    desk.counter.wait(120)
    assert desk.counter.app.up()
    desk.sell(1)
    assert desk.unsettled == 0 and desk.counter.settings.old_keys


def test_taps_come_back_by_themselves_after_a_restore_from_an_older_backup(desk: Desk,
                                                                           tmp_path: Path):
    desk.boot()
    desk.sell(3)
    desk.back_up(tmp_path / "backup")
    desk.sell(12)
    assert desk.unsettled == 0 and desk.posted() == 15
    desk.put_back(tmp_path / "backup")
    assert desk.posted() == 3
    desk.registry.begin_recovery(1000)
    desk.counter.wait(HOUR_S + 120)
    assert desk.counter.all("asked_again") == [(7, 4, 15)]
    assert [each[:2] for each in desk.counter.all("sent_again")] == [
        (7, trace) for trace in range(4, 16)]
    assert desk.posted() == 15
    desk.sell(1)
    assert desk.unsettled == 0 and desk.posted() == 16
    # nothing more is asked for, nothing is sent twice
    desk.counter.wait(3 * HOUR_S)
    assert len(desk.counter.all("sent_again")) == 12


def test_taps_of_before_a_rotation_come_back_too(desk: Desk, tmp_path: Path):
    desk.boot()
    desk.back_up(tmp_path / "backup")
    desk.sell(3)
    desk.registry.advance_epoch(desk.terminal_id)
    desk.knows(2)
    desk.reboot()
    desk.counter.wait(2 * HOUR_S + 60)
    desk.reboot()
    desk.counter.wait(2 * HOUR_S)
    assert desk.counter.settings.epoch == 2 and desk.counter.settings.old_keys == ()
    desk.sell(2)
    assert desk.posted() == 5
    desk.put_back(tmp_path / "backup")
    desk.registry.begin_recovery(1000)
    desk.counter.wait(4 * HOUR_S)
    assert desk.posted() == 5


