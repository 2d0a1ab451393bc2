"""Points as tokens, each in its lot, and what can become of one: no import from gateway.

Slow on purpose. What happens to a member as a whole, and by which law, is points_model.py's.
"""

from collections import Counter
from dataclasses import dataclass, field

SPENT_BY_NOBODY = 0


@dataclass(eq=False)
class Token:
    """One point. `taker`: who spent it, 0 while it is the member's; `instead`: of one that was
    taken back; `aside`: its taker only holds it, until HQ has its word; `expired`: nobody can
    spend it; `frozen`: nobody can until HQ has its word."""

    taker: int = SPENT_BY_NOBODY
    expired: bool = False
    instead: bool = False
    frozen: bool = False
    aside: bool = False

    @property
    def there(self) -> bool:
        return not (self.taker or self.expired or self.frozen)


@dataclass(eq=False)
class Lot:
    """Points of one issuer and day. `away`: takers whose point here was taken back, one entry a
    point; each has another one instead. `paid`: how many more the member paid for."""

    number: int
    merchant: int
    earned_on: int
    ends_on: int
    replaces: "Lot | None" = None
    tokens: list[Token] = field(default_factory=list)
    away: list[int] = field(default_factory=list)
    paid: int = 0
    carried_to: int = 0  # activity of its member keeps it alive until then

    @property
    def age(self) -> int:
        """The oldest is the lowest; what stands in for another lot is as old as that."""
        return self.replaces.number if self.replaces else self.number


class Tokens:
    """One member's lots and tokens; `today` is moved by whoever tells the story. `freezes`: what
    ends is not expired but frozen."""

    def __init__(self, grace_days: int = 30, *, freezes: bool = False) -> None:
        self.grace_days = grace_days
        self.freezes = freezes
        self.carried_to = 0
        self.lots: list[Lot] = []
        self.owed: dict[int, int] = {}  # by taker, what it could not have
        self.afloat: dict[int, int] = {}  # the same, of what it has away elsewhere
        self.today = 0
        self.found: Counter[int] = Counter()  # what was owed, by taker, before the last entry
        self.became_debt: list[tuple[int, int]] = []  # (day, points)

    # -- figures -------------------------------------------------------------------------------

    @property
    def usable(self) -> int:
        return sum(len(self._there(lot)) for lot in self.lots if self._lives(lot))

    @property
    def available(self) -> int:
        return sum(len(self._there(lot)) for lot in self.lots)

    @property
    def debt(self) -> int:
        return sum(self.owed.values()) + sum(self.afloat.values())

    @property
    def held(self) -> int:
        """What the member has and cannot spend: it is frozen, or put aside."""
        return sum(token.frozen or token.aside for lot in self.lots for token in lot.tokens)

    @property
    def expired(self) -> int:
        return sum(token.expired for lot in self.lots for token in lot.tokens)

    def owed_long(self, days: int) -> int:
        """The debt of today less all that became debt in so many days (J11)."""
        late = sum(points for day, points in self.became_debt if day > self.today - days)
        return max(self.debt - late, 0)

    # -- one point at a time ---------------------------------------------------------------------

    def _lives(self, lot: Lot) -> bool:
        return max(lot.ends_on, lot.carried_to) >= self.today

    def _there(self, lot: Lot) -> list[Token]:
        return [token for token in lot.tokens if token.there]

    def _aside(self, taker: int) -> list[tuple[Lot, Token]]:
        return [(lot, token) for lot in self.lots for token in lot.tokens
                if token.aside and token.taker == taker]

    def _ended(self) -> Token:
        return Token(expired=not self.freezes, frozen=self.freezes)

    def _owing(self) -> Counter[int]:
        return Counter(self.owed) + Counter(self.afloat)

    def _family(self, lot: Lot) -> list[Lot]:
        return [lot, *(each for each in self.lots if each.replaces is lot)]

    def _cover(self) -> None:
        for claims, instead in ((self.owed, False), (self.afloat, True)):
            for taker in sorted(claims):
                for lot in sorted(self.lots, key=lambda lot: (lot.ends_on, lot.age)):
                    while claims[taker] and self._lives(lot) and self._there(lot):
                        token = self._there(lot)[0]
                        token.taker, token.instead = taker, instead
                        claims[taker] -= 1

    def _lift(self) -> None:
        """Who has a point instead of another one has none, until all is evened out."""
        for lot in self.lots:
            for token in lot.tokens:
                if token.instead:
                    self.afloat[token.taker] = self.afloat.get(token.taker, 0) + 1
                    token.taker, token.instead = SPENT_BY_NOBODY, False

    def _even(self) -> None:
        while any([self._spare(lot) for lot in self.lots if lot.away]):
            pass
        self._cover()

    def _spare(self, lot: Lot) -> bool:
        """A point that is there, or is gone anyway, goes in place of one that was spent."""
        found = self._costing_nothing(lot)
        if not found:
            for where in self._family(lot)[1:]:
                if self._there(where):
                    found = where, self._there(where)[0]
                    lot.paid += 1
                    break
        if found:
            found[0].tokens.remove(found[1])
            self._bring_back(lot)
        return found is not None

    def _bring_back(self, lot: Lot) -> None:
        taker = min(lot.away)
        lot.away.remove(taker)
        lot.tokens.append(Token(taker))
        self.afloat[taker] -= 1

    def _paid_for_good(self, taker: int) -> None:
        lot = next(lot for lot in self.lots if taker in lot.away)
        lot.away.remove(taker)
        lot.paid += 1

    def _unspend_one(self, taker: int) -> None:
        if self.owed.get(taker):
            self.owed[taker] -= 1
            return
        mine = [lot for lot in self.lots if taker in lot.away
                or any(token.taker == taker for token in lot.tokens)]
        lot = max(mine, key=lambda lot: (*self._lasts(lot), lot.age))
        here = [token for token in lot.tokens if token.taker == taker]
        if here:
            lot.tokens.remove(here[0])
            self._return_to(lot)
        else:
            lot.away.remove(taker)
            self.afloat[taker] -= 1
            self._return_to(lot)
            self._take_back_one(lot)

    def _lasts(self, lot: Lot) -> tuple[int, int]:
        """How long a point that comes back to this lot can be used."""
        home = self._home(lot)
        if not home and self._granted(lot):
            return 0, lot.ends_on
        return (2 if self._lives(lot) else 1), home.ends_on if home else self._grace_ends(lot)

    def _home(self, lot: Lot) -> Lot | None:
        """Where points of this lot come back to: what ends last of it and what stands in for it,
        while that lives."""
        last = max(self._family(lot), key=lambda each: (max(each.ends_on, each.carried_to),
                                                        each.number))
        return last if self._lives(last) else None

    def _granted(self, lot: Lot) -> bool:
        """Whether something stood in for it once, or it does itself: nothing will again (J2)."""
        return lot.replaces is not None or len(self._family(lot)) > 1

    def _grace_ends(self, lot: Lot) -> int:
        return max(lot.ends_on, self.today + self.grace_days)

    def _return_to(self, lot: Lot) -> None:
        home = self._home(lot)
        if not home and self._granted(lot):
            lot.tokens.append(self._ended())
            return
        if not home:
            home = self._open(lot.merchant, lot.earned_on, self._grace_ends(lot), lot)
        home.tokens.append(Token())

    def _costing_nothing(self, lot: Lot) -> tuple[Lot, Token] | None:
        for token in self._there(lot):
            return lot, token
        gone = [(where, token) for where in self._family(lot) for token in where.tokens
                if token.frozen or token.expired]
        return min(gone, key=lambda each: each[1].expired, default=None)

    def _take_back_one(self, lot: Lot) -> None:
        family = self._family(lot)
        found = self._costing_nothing(lot)
        if found:
            found[0].tokens.remove(found[1])
            return
        for where in family[1:]:
            if self._there(where):
                where.tokens.remove(self._there(where)[0])
                lot.paid += 1
                return
        for where, aside in [(each, False) for each in family] + [(each, True) for each in family]:
            token = max((token for token in where.tokens if token.taker and token.aside == aside),
                        key=lambda token: token.taker, default=None)
            if token:
                where.tokens.remove(token)
                if aside:
                    lot.paid += 1
                else:
                    lot.away.append(token.taker)
                    self.afloat[token.taker] = self.afloat.get(token.taker, 0) + 1
                return
        raise AssertionError("more was taken back than given")

    def _open(self, merchant: int, earned_on: int, ends_on: int,
              replaces: Lot | None = None) -> Lot:
        lot = Lot(len(self.lots) + 1, merchant, earned_on, ends_on, replaces)
        lot.carried_to = self.carried_to if self.carried_to >= self.today else 0
        self.lots.append(lot)
        return lot
