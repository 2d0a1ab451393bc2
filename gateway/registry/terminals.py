"""Terminals, their key epochs and their MQTT logins."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, select

from gateway import bulk
from gateway.database import reading
from gateway.parties import ACTIVE, LOST, RETIRED, SUSPENDED
from gateway.registry.desk import Desk, RegistryError, Room, absent, present, unknown
from gateway.sightings import COLUMNS, Sighting, sealed
from gateway.tables import shops, sightings, terminal_epochs, terminals
from protocol import keys
from protocol.limits import EPOCH_MAX, TERMINAL_ID_MAX

FIRST_TERMINAL_ID = 10_000_001
STATES = (ACTIVE, SUSPENDED, LOST, RETIRED)


class TerminalFacts(NamedTuple):
    """A terminal as the tools see it; `revoked_epochs` one byte each."""

    terminal_id: int
    shop_id: int
    merchant_id: int
    label: str
    state: str
    epoch: int
    revoked_epochs: bytes

    @property
    def older_epochs(self) -> tuple[int, ...]:
        """Epochs before the newest under which frames are still accepted."""
        return tuple(epoch for epoch in range(1, self.epoch) if epoch not in self.revoked_epochs)

    @property
    def key_way(self) -> str:
        """How the terminal gets its newest key. A heartbeat brings it, if it comes under an older
        key that is still trusted and the terminal is not lost."""
        if self.state in (LOST, RETIRED):
            return f"but no heartbeat brings it while the terminal is {self.state}"
        if not self.older_epochs:
            return ("but no heartbeat brings it: no older key is trusted any more; provision the"
                    " terminal anew")
        return "with its next heartbeat"


class Terminals(Room):
    """Part of the Registry."""

    def create_terminal(self, shop_id: int, *, terminal_id: int | None = None,
                        label: str = "") -> int:
        """A terminal with key epoch 1; without an id it takes the next free one."""
        with self.at_desk() as desk:
            present(desk, shops, "shop", id=shop_id)
            if terminal_id is None:
                terminal_id = desk.next_id(terminals, FIRST_TERMINAL_ID)
            if not 1 <= terminal_id <= TERMINAL_ID_MAX:
                raise RegistryError("A terminal id is 1 to 4294967295. Nothing was changed.")
            absent(desk, terminals, "terminal", id=terminal_id)
            desk.insert(terminals, [{
                "id": terminal_id, "shop_id": shop_id, "label": label, "state": ACTIVE,
                "state_since": desk.at, "epoch": 1, "revoked_epochs": b""}])
            desk.insert(terminal_epochs, [epoch_row(desk, terminal_id, 1)])
            bulk.insert(desk.connection, sightings, COLUMNS, [
                sealed(self.keyring.audit_key, Sighting(terminal_id, desk.at))])
        return terminal_id

    def set_terminal_state(self, terminal_id: int, state: str,
                           since: datetime | None = None) -> None:
        self.set_state(terminals, "terminal", STATES, state, since, id=terminal_id)

    def advance_epoch(self, terminal_id: int) -> int:
        """The next key epoch of a terminal; the ones before stay valid until revoked."""
        with self.at_desk() as desk:
            row = present(desk, terminals, "terminal", id=terminal_id)
            if row.epoch >= EPOCH_MAX:
                raise RegistryError("The terminal has used all its key epochs. Nothing was"
                                    " changed; give it a new id.")
            raise_epoch(desk, row, row.epoch + 1)
        return row.epoch + 1

    def revoke_epoch(self, terminal_id: int, epoch: int) -> None:
        """Trust nothing more under this key: its journaled frames are held."""
        with self.at_desk() as desk:
            row = present(desk, terminals, "terminal", id=terminal_id)
            present(desk, terminal_epochs, "key epoch", terminal_id=terminal_id, epoch=epoch)
            if epoch not in row.revoked_epochs:
                end_epochs(desk, {terminal_id: (epoch,)})

    def terminals(self, *only: int) -> list[TerminalFacts]:
        """All of them by their ids, or `only` these."""
        wanted = select(terminals.c.id, terminals.c.shop_id, shops.c.merchant_id,
                        terminals.c.label, terminals.c.state, terminals.c.epoch,
                        terminals.c.revoked_epochs).join(
            shops, shops.c.id == terminals.c.shop_id).order_by(terminals.c.id)
        if only:
            wanted = wanted.where(terminals.c.id.in_(only))
        with reading(self.engine) as connection:
            return [TerminalFacts(*row) for row in connection.execute(wanted)]

    def mqtt_login(self, user: str, password: str) -> int | None:
        """The terminal an MQTT user and password belong to, or None.

        Every epoch that was recorded and not revoked may log in; lost and retired terminals
        may not. A suspended one may: its taps are held, not dropped.
        """
        left, _, right = user.partition("-")
        if not (left.isascii() and left.isdigit() and right.isascii() and right.isdigit()
                and len(left) <= 10 and len(right) <= 3):
            return None
        terminal_id, epoch = int(left), int(right)
        with reading(self.engine) as connection:
            state = connection.execute(
                select(terminals.c.state).join(
                    terminal_epochs, terminal_epochs.c.terminal_id == terminals.c.id).where(
                    terminals.c.id == terminal_id, terminal_epochs.c.epoch == epoch,
                    terminal_epochs.c.revoked_at.is_(None))).scalar_one_or_none()
        if state not in (ACTIVE, SUSPENDED) or user != keys.mqtt_user(terminal_id, epoch):
            return None
        right_one = keys.mqtt_password(self.keyring.terminal_key(terminal_id, epoch))
        return terminal_id if keys.same(right_one.encode(), password.encode()) else None


def epoch_row(desk: Desk, terminal_id: int, epoch: int) -> dict[str, object]:
    return {"terminal_id": terminal_id, "epoch": epoch, "revoked_at": None,
            "master_key_id": desk.keyring.master_key_id, "recorded_at": desk.at}


def end_epochs(desk: Desk, ended: Mapping[int, Sequence[int]]) -> None:
    """Accept nothing more under these epochs, by terminal: revoked by HQ, or reported as needed no
    more. As many statements for many as for one; an epoch that was never recorded is now."""
    rows = desk.locked_all(terminals, list(ended))
    if len(rows) != len(ended):
        raise unknown("terminal")
    wanted = [(row.id, epoch) for row in rows for epoch in sorted(ended[row.id])]
    known = {(each.terminal_id, each.epoch): each for each in desk.found(
        terminal_epochs, ("terminal_id", "epoch"), wanted)}
    desk.change_all(terminals, rows, ("revoked_epochs",), [
        (bytes(sorted({*row.revoked_epochs, *ended[row.id]})),) for row in rows])
    desk.replace(terminal_epochs, list(known.values()), [
        {**(known[key]._mapping if key in known else epoch_row(desk, *key)),
         "revoked_at": desk.at} for key in wanted])


def raise_epoch(desk: Desk, row: Row, epoch: int) -> None:
    """Record a higher key epoch of a terminal whose row is locked."""
    desk.change(terminals, row, epoch=epoch)
    desk.insert(terminal_epochs, [epoch_row(desk, row.id, epoch)])
