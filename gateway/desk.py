"""What an operator looks after from the command line: the quarantine.

Law: a quarantined frame waits, answered 90, until someone has it decided again. Requeueing decides
nothing by itself: the terminal sends the frame again within the hour, and then it is decided by
the program that runs then. No card number is shown: a frame is named by its digest.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select

from gateway.clock import from_ms
from gateway.database import reading
from gateway.errors import GatewayError
from gateway.registry import Registry
from gateway.tables import quarantine


class DeskError(GatewayError):
    """The order does not fit what there is: nothing was changed."""

    code = "desk"


class Waiting(NamedTuple):
    """A frame that was set aside. `state`: quarantined, or requeued and not yet come again."""

    digest: str
    terminal_id: int
    journal: int
    trace: int
    state: str
    fault: str
    first_at: datetime
    last_at: datetime

    def __str__(self) -> str:
        return (f"{self.digest}  terminal {self.terminal_id}  journal {self.journal}"
                f"  trace {self.trace}  {self.state}  {self.fault}"
                f"  {self.first_at:%Y-%m-%d %H:%M:%S}Z")


def waiting(engine: Engine) -> list[Waiting]:
    """The quarantine, oldest first."""
    table = quarantine.c
    wanted = select(table.frame_hash, table.terminal_id, table.journal, table.trace, table.state,
                    table.fault, table.first_at, table.last_at).order_by(table.serial)
    with reading(engine) as connection:
        return [Waiting(row[0].hex(), *row[1:6], from_ms(row[6]), from_ms(row[7]))
                for row in connection.execute(wanted)]


def requeue(registry: Registry, digests: Sequence[str]) -> int:
    """Have the frames of these digests (16 or more hex digits) decided again; how many."""
    read: list[bytes] = []
    for digest in digests:
        try:
            read.append(bytes.fromhex(digest))
        except ValueError:
            raise DeskError(f"{digest!r} is no digest. Nothing was changed; take 16 or more hex"
                            " digits from the list: pointwire gateway quarantine") from None
    for done, digest in enumerate(read):
        try:
            registry.requeue(digest)
        except GatewayError as error:
            if done:
                error.args = (f"{error} {done} of the {len(read)} that were named are requeued.",)
            raise
    return len(read)
