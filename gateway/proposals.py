"""HQ's commands from proposal to end: one person proposes, another approves or refuses.

    proposal = propose(intake, Proposal(0, "grant", member_id, 100, ...))
    approve(intake, proposal.serial, "Wang")

Law: a proposal is a sealed row that never changes; its end is an outcome (origin COMMANDS, key:
its serial), so there is one, however often and by how many it is approved. It is tried out when it
is made, and worked out anew when it is approved, on the road of every message (`Intake.settle`):
the same locks, one entry of the same ledger. Who and why stand in encrypted boxes, for neither may
be in a chain (DESIGN 6.7). One that nobody ended within LAPSE_DAYS can only be refused.
"""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from gateway import bulk, chain, counting
from gateway.book import Book, Loaded
from gateway.clock import DAY_MS, month_of, to_ms
from gateway.commands import Command, CommandError, Proposal, well_formed
from gateway.database import reading, writing
from gateway.decisions.adjustment import adjustment, worked_out
from gateway.effects import Decision, Facts
from gateway.errors import SealBroken
from gateway.held import POSTED, REFUSED
from gateway.intake import Intake
from gateway.judging import OUTCOME, Case
from gateway.keyring import Keyring, bound_to
from gateway.loading import CatalogueCache, load
from gateway.message import COMMANDS, Message
from gateway.originals import HANDSET_KEY
from gateway.tables import SEALED, outcomes, proposals
from gateway.words import REASON_SIZE_MAX, need_line, need_name, note_of
from protocol.frames import frame_hash
from protocol.messages import request

LAPSE_DAYS = 30
STATES = {POSTED: "approved", REFUSED: "refused"}
COLUMNS = (*SEALED["proposals"], "row_mac")
ALIKE_MAX = 1000  # they are sought by number, as no lock is held while a table is read through
# two proposals of the same of these would do the same twice
DOING = ("kind", "member_id", "points", "bearer_id", "receipt", "lot_id", "ends_on",
         "amount_minor")


class Proposed(NamedTuple):
    """A proposal as it was stored, and what approving it now would do: points, balance behind."""

    proposal: Proposal
    points: int
    balance: int


class Ended(NamedTuple):
    """What became of a proposal. `points`, `balance`, `receipt`: of the entry it made."""

    serial: int
    state: str
    points: int | None
    balance: int | None
    receipt: int | None


def propose(intake: Intake, proposal: Proposal, *, again: bool = False) -> Proposed:
    """Store a proposal (serial and time are given here) that could be approved as things stand;
    one that asks for what another open one does, only if it is said `again`. Raises CommandError
    (nothing changed) and TryLater."""
    well_formed(proposal)

    def work() -> Proposed:
        with writing(intake.engine) as connection:
            now = to_ms(intake.clock())
            message = _message(Command(proposal, ""), now)
            book = load(connection, CatalogueCache(), [message], now, intake.keyring).book
            facts = worked_out(message, book).facts
            serial, = counting.take(connection, intake.keyring.audit_key, counting.PROPOSALS, 1)
            made = proposal._replace(serial=serial, proposed_at=now)
            waiting = None if again else _waiting(connection, made)
            if waiting is not None:
                raise CommandError(f"Proposal {waiting} asks for the same and waits for a second"
                                   " person. Nothing was changed; have that one approved or"
                                   " refused, or propose it --again if it is to be done twice.")
            _insert(connection, intake.keyring, made)
            assert facts.points is not None and facts.balance is not None
            return Proposed(made, facts.points, facts.balance)

    return intake.retried(work)


def _waiting(connection: Connection, proposal: Proposal) -> int | None:
    """The newest of the last ALIKE_MAX proposals that would do the same and can be approved."""
    alike = connection.execute(select(proposals.c.serial).where(
        proposals.c.serial.between(proposal.serial - ALIKE_MAX, proposal.serial - 1),
        proposals.c.proposed_at >= proposal.proposed_at - LAPSE_DAYS * DAY_MS,
        *(proposals.c[name] == getattr(proposal, name) for name in DOING))).scalars()
    keys = {proposal._replace(serial=serial).key: serial for serial in alike}
    ended = {row[0] for row in bulk.select(connection, outcomes, ("operation_key",), HANDSET_KEY, [
        (COMMANDS, key) for key in sorted(keys)])} if keys else set()
    return max((serial for key, serial in keys.items() if key not in ended), default=None)


def _message(command: Command, now: int) -> Message:
    digest = frame_hash(command.proposal.content)
    return Message(0, 0, b"", digest, now, request(0, 0, 0), by_hq=True, command=command)


def _insert(connection: Connection, keyring: Keyring, made: Proposal) -> None:
    digest = frame_hash(made.content)
    box = keyring.lock(month_of(made.proposed_at), bound_to("proposals", digest), made.content,
                       note_of(made.maker, made.reason))
    row = (*made[:-2], digest, box)
    bulk.insert(connection, proposals, COLUMNS,
                [(*row, chain.seal(keyring.audit_key, "proposals", row))])


def approve(intake: Intake, serial: int, by: str, reason: str = "") -> Ended:
    """Do what a proposal says, now. Raises CommandError (nothing changed) and TryLater."""
    return _end(intake, serial, adjustment, by, reason)


def refuse(intake: Intake, serial: int, by: str, reason: str) -> Ended:
    """End a proposal without doing it; its maker may, too. Raises as `approve`."""
    need_line("reason", reason, 1, REASON_SIZE_MAX, CommandError)
    return _end(intake, serial, lambda _message, _book: Decision(REFUSED, Facts(points=0)), by,
                reason)


def _end(intake: Intake, serial: int, decide: Callable[[Message, Book], Decision], by: str,
         reason: str) -> Ended:
    need_name("name of who decides", by, CommandError)
    need_line("reason", reason, 0, REASON_SIZE_MAX, CommandError)
    with reading(intake.engine) as connection:
        proposal = found(connection, intake.keyring, serial)
    message = _message(Command(proposal, by), to_ms(intake.clock()))
    note = note_of(by, reason)

    def judging(batch: Sequence[Message], loaded: Loaded) -> list[Case]:
        return [_judge(batch[0], loaded, decide, note)]

    settled = intake.settle(message, judging)
    facts = settled.case.decision.facts
    return Ended(serial, STATES[settled.case.decision.code], facts.points, facts.balance,
                 settled.entry.id if settled.entry else None)


def _judge(message: Message, loaded: Loaded, decide: Callable[[Message, Book], Decision],
           note: bytes) -> Case:
    assert message.command is not None
    proposal = message.command.proposal
    before = loaded.seen.outcomes.get((COMMANDS, message.key))
    if before is not None:
        receipt = f", receipt {before.entry_id}" if before.entry_id else ""
        raise CommandError(f"Proposal {proposal.serial} was {STATES[before.code]}"
                           f" already{receipt}. Nothing was changed.")
    decision = decide(message, loaded.book)
    if decision.code == POSTED and lapsed(proposal, loaded.book.now):
        raise CommandError(f"Proposal {proposal.serial} is older than {LAPSE_DAYS} days. Nothing"
                           " was posted; refuse it, and propose anew what is still right.")
    loaded.book.join(decision)
    return Case(message, OUTCOME, decision, box=note, reason=STATES[decision.code])


def lapsed(proposal: Proposal, now: int) -> bool:
    return now - proposal.proposed_at > LAPSE_DAYS * DAY_MS


def found(connection: Connection, keyring: Keyring, serial: int) -> Proposal:
    """The proposal with its maker and reason. CommandError where there is none, SealBroken for one
    that was tampered with, KeyringError for a box that does not open."""
    rows = bulk.select(connection, proposals, COLUMNS, ("serial",), [(serial,)])
    if not rows:
        raise CommandError(f"There is no proposal {serial}. Nothing was changed; list them:"
                           " pointwire gateway adjust list")
    *row, mac = tuple(rows[0])
    if not chain.same(mac, chain.seal(keyring.audit_key, "proposals", tuple(row))):
        raise SealBroken(f"Proposal {serial} is not what was sealed. Nothing was changed; run the"
                         " audit.")
    return opened(keyring, row)


def opened(keyring: Keyring, row: Sequence) -> Proposal:
    """The proposal of a row; raises KeyringError."""
    *said, digest, box = row
    made = Proposal(*said)
    _, note = keyring.unlock(month_of(made.proposed_at), bound_to("proposals", digest), box)
    told = json.loads(note)
    return made._replace(maker=told["by"], reason=told["reason"])
