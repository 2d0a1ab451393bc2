"""HQ's commands on a member's points, as values. Pure.

Law: what one person proposes, another approves or refuses; a proposal never changes, its end is an
outcome (origin COMMANDS, key: its serial). So there is one end of it, and approving twice posts
once. Its digest goes into the entry's chain and covers no names and no free text (DESIGN 6.7).

    kind          points           what it does                                      bearer
    grant         +p               gives points                                      any
    compensation  +p               gives points, after a fault of ours               any
    penalty       p                takes points, what is not there becomes debt      any
    correction    +p, -p           gives or takes, naming an entry of the member     any
    correction    none             takes back the whole of the adjustment it names   as it was
    write_off     p, none for all  ends debt that is old enough, and nothing else    HQ
    extension     none             a lot that ends or has ended, usable longer       HQ
    release       none             what is frozen in a lot is usable again, with grace (J2)  HQ
    forfeit       none             what is frozen in a lot expires                   HQ
    refund        none             so much money of a sale or bill taken back, where any, named
                                   a cashier may not: elsewhere, or too late (J10)
"""

from typing import NamedTuple

import cbor2

from gateway.errors import GatewayError
from gateway.words import REASON_SIZE_MAX, need_line, need_name
from protocol.limits import AMOUNT_MINOR_MAX, REQUEST_POINTS_MAX, U32_MAX

GRANT = "grant"
COMPENSATION = "compensation"
PENALTY = "penalty"
CORRECTION = "correction"
WRITE_OFF = "write_off"
EXTENSION = "extension"
RELEASE = "release"
FORFEIT = "forfeit"
REFUND = "refund"
ON_FROZEN = (RELEASE, FORFEIT)
GIVING = (GRANT, COMPENSATION)
KINDS = (*GIVING, PENALTY, CORRECTION, WRITE_OFF, EXTENSION, *ON_FROZEN, REFUND)

CATEGORIES = ("abuse", "campaign", "fault", "goodwill", "mistake", "other")

BY_HQ = 0  # the bearer who is no merchant
EXTENSION_DAYS_MAX = 3660


class CommandError(GatewayError):
    """HQ's command does not fit what there is: nothing was changed."""

    code = "command"


class Proposal(NamedTuple):
    """`points`: see above; `bearer_id`: a merchant, or BY_HQ; `receipt`: the entry that a
    correction or a refund names; `lot_id`: of an extension, a release or a forfeit; `ends_on`
    (days since 1970): of an extension; `amount_minor`: of a refund, 0 for all that remains;
    `proposed_at` in milliseconds since 1970. 0 where there is none. `serial` 0: not stored yet."""

    serial: int
    kind: str
    member_id: int
    points: int
    bearer_id: int
    category: str
    receipt: int
    lot_id: int
    ends_on: int
    amount_minor: int
    proposed_at: int
    maker: str = ""
    reason: str = ""

    @property
    def signed(self) -> int:
        """`points` as the member gets (positive) or loses them; 0 where none are said."""
        return -self.points if self.kind == PENALTY else self.points

    @property
    def content(self) -> bytes:
        """What its digest is taken of: all but the maker's name and the reason."""
        return cbor2.dumps(("proposal", *self[:-2]))

    @property
    def key(self) -> bytes:
        """The operation key of its outcome."""
        return self.serial.to_bytes(8, "big")


class Command(NamedTuple):
    """A proposal that `checker` wants carried out."""

    proposal: Proposal
    checker: str


def well_formed(proposal: Proposal) -> Proposal:
    """The proposal itself, or CommandError with the first thing that is wrong with its form."""
    need_name("name of who proposes", proposal.maker, CommandError)
    need_line("reason", proposal.reason, 1, REASON_SIZE_MAX, CommandError)
    if proposal.kind not in KINDS or proposal.category not in CATEGORIES:
        raise CommandError("A command is one of: " + ", ".join(KINDS) + "; its category one of: "
                           + ", ".join(CATEGORIES) + ". Nothing was changed.")
    kind, points = proposal.kind, proposal.points
    needs = kind in (*GIVING, PENALTY)
    least = 1 if needs else -REQUEST_POINTS_MAX if kind == CORRECTION else 0
    most = 0 if kind in (EXTENSION, *ON_FROZEN, REFUND) else REQUEST_POINTS_MAX
    if not least <= points <= most:
        span = f"{least} to {most} points" if most else "no points"
        raise CommandError(f"{_a(kind)} takes {span}, not {points}."
                           " Nothing was changed.")
    _need_named(proposal, "receipt", proposal.receipt, kind in (CORRECTION, REFUND))
    _need_named(proposal, "lot", proposal.lot_id, kind in (EXTENSION, *ON_FROZEN))
    _need_named(proposal, "last day", proposal.ends_on, kind == EXTENSION)
    if proposal.amount_minor and (kind != REFUND or not 0 < proposal.amount_minor
                                  <= AMOUNT_MINOR_MAX):
        raise CommandError(f"Only a refund has an amount, of 1 to {AMOUNT_MINOR_MAX}."
                           " Nothing was changed.")
    if proposal.bearer_id != BY_HQ and kind in (WRITE_OFF, EXTENSION, *ON_FROZEN):
        raise CommandError(f"{_a(kind)} is borne by HQ. Nothing was changed;"
                           " leave the bearer out.")
    return proposal


def _need_named(proposal: Proposal, what: str, number: int, needed: bool) -> None:
    word = _a(proposal.kind)
    if needed and not 0 < number <= U32_MAX:
        raise CommandError(f"{word} names a {what}. Nothing was changed; say which.")
    if number and not needed:
        raise CommandError(f"{word} names no {what}. Nothing was changed; leave it out.")


def _a(kind: str) -> str:
    """A kind as a sentence begins with it."""
    return ("An " if kind[0] in "aeiou" else "A ") + kind.replace("_", "-")
