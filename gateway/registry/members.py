"""Members: an account, a tier, a state and a masked name each."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from gateway.clock import from_ms
from gateway.database import reading
from gateway.names import mask
from gateway.parties import ACTIVE, CLOSED, SUSPENDED
from gateway.registry.desk import RegistryError, Room, present
from gateway.registry.programmes import newest_rules
from gateway.tables import cards, members

STATES = (ACTIVE, SUSPENDED, CLOSED)


class MemberFacts(NamedTuple):
    """A member's derived figures and the cards that lead to it."""

    member_id: int
    masked_name: str
    tier: str
    state: str
    available: int
    held: int
    debt: int
    cards: tuple[str, ...]


class MemberState(NamedTuple):
    """How a member stands since when."""

    member_id: int
    name: str
    state: str
    since: datetime


class NewMember(NamedTuple):
    """`tier`: a code of the newest rule set; None takes the first."""

    name: str
    tier: str | None = None


class Members(Room):
    """Part of the Registry."""

    def create_member(self, programme_id: int, name: str, tier: str | None = None) -> int:
        return self.create_members(programme_id, [NewMember(name, tier)])[0]

    def create_members(self, programme_id: int, wanted: Sequence[NewMember]) -> list[int]:
        """Members with an account each; only the masked name is kept so far."""
        with self.at_desk() as desk:
            rules = newest_rules(desk, programme_id)
            for new in wanted:
                if new.tier is not None and rules.tier(new.tier) is None:
                    raise RegistryError(f"The programme has no tier {new.tier!r}."
                                        " Nothing was changed.")
            return desk.members(programme_id, [
                (new.tier or rules.tiers[0].code, mask(new.name)) for new in wanted])

    def set_member_state(self, member_id: int, state: str,
                         since: datetime | None = None) -> None:
        self.set_state(members, "member", STATES, state, since, id=member_id)

    def suspend_member(self, member_id: int) -> MemberState:
        """Freeze an account. One that is frozen already stays so since then, as taps are judged
        by when it began."""
        return self._between(member_id, ACTIVE, SUSPENDED)

    def reinstate_member(self, member_id: int) -> MemberState:
        """Open a suspended account again."""
        return self._between(member_id, SUSPENDED, ACTIVE)

    def _between(self, member_id: int, before: str, after: str) -> MemberState:
        with self.at_desk() as desk:
            row = present(desk, members, "member", id=member_id)
            desk.move(members, row, f"Member {row.id} {row.masked_name}", before, after)
            return MemberState(row.id, row.masked_name, after, from_ms(desk.at))

    def set_member_tier(self, member_id: int, tier: str) -> None:
        with self.at_desk() as desk:
            row = present(desk, members, "member", id=member_id)
            if newest_rules(desk, row.programme_id).tier(tier) is None:
                raise RegistryError(f"The programme has no tier {tier!r}. Nothing was changed.")
            desk.change(members, row, tier=tier)

    def members(self) -> list[MemberFacts]:
        with reading(self.engine) as connection:
            held: dict[int, list[str]] = {}
            for row in connection.execute(select(cards).order_by(cards.c.id)):
                held.setdefault(row.member_id, []).append(row.identity)
            return [MemberFacts(row.id, row.masked_name, row.tier, row.state, row.available,
                                row.held, row.debt, tuple(held.get(row.id, ())))
                    for row in connection.execute(select(members).order_by(members.c.id))]
