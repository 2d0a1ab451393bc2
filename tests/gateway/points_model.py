"""What a member's points must come to, by a model that shares nothing with the gateway.

Every point is a token of its own, in its lot: there, spent by somebody, put aside, or expired
(token_model.py). The law is that of DESIGN 6.5 and of rulings J1 to J4, J10 to J12, J16, read
anew: no sums, no movements, no import from gateway. Slow on purpose; amounts in tests are small.
"""

from tests.gateway.token_model import Lot, Token, Tokens


class Member(Tokens):
    """What happens to one member's points."""

    def begin(self, today: int) -> None:
        """What any entry of the member begins with: what has ended by then, has."""
        self.today = today
        self.found = self._owing()
        for lot in self.lots:
            if not self._lives(lot):
                for token in self._there(lot):
                    token.frozen, token.expired = self.freezes, not self.freezes
                for token in lot.tokens:
                    if token.instead:
                        token.instead = False
                        self._paid_for_good(token.taker)

    def end(self) -> None:
        """What an entry left uncovered became debt with it, whatever covers it later."""
        left = self._owing()
        left.subtract(self.found)
        self.became_debt.append((self.today, sum(more for more in left.values() if more > 0)))

    def give(self, merchant: int, earned_on: int, ends_on: int, points: int) -> Lot | None:
        if not points:
            return None
        for lot in self.lots:
            if ((lot.merchant, lot.earned_on, lot.ends_on, lot.replaces)
                    == (merchant, earned_on, ends_on, None)
                    and any(token.there or token.aside for token in lot.tokens)):
                break
        else:
            lot = self._open(merchant, earned_on, ends_on)
        lot.tokens += [Token() for _ in range(points)]
        self._cover()
        return lot

    def carry(self, until: int) -> None:
        """Activity: what is alive stays so, and what comes while that lasts."""
        self.carried_to = max(self.carried_to, until)
        for lot in self.lots:
            if self._lives(lot):
                lot.carried_to = max(lot.carried_to, until)

    def spend(self, taker: int, points: int) -> None:
        self.owed[taker] = self.owed.get(taker, 0) + points
        self._cover()

    def spend_again(self, taker: int, points: int) -> None:
        self._lift()
        self.owed[taker] = self.owed.get(taker, 0) + points
        self._even()

    def unspend(self, taker: int, points: int) -> None:
        self._lift()
        for _ in range(points):
            self._unspend_one(taker)
        self._even()

    def take_back(self, lot: Lot, points: int) -> None:
        """What lies in its lot as it was given is gone, and nothing else moves."""
        if len(self._there(lot)) == len(lot.tokens) >= points and not lot.paid and not lot.away:
            del lot.tokens[:points]
            return
        self._lift()
        for _ in range(points):
            self._take_back_one(lot)
        self._even()

    def put_back(self, lot: Lot, points: int) -> None:
        self._lift()
        for _ in range(points):
            if lot.away:
                self._bring_back(lot)
            elif lot.paid:
                lot.paid -= 1
                self._return_to(lot)
            else:
                lot.tokens.append(Token() if self._lives(lot) else self._ended())
        self._even()

    def hold(self, taker: int, points: int, lot: Lot) -> None:
        """Put aside what a return claims of this lot, as far as there is anything: of the lot and
        what stands in for it before others, then what ends first (J12)."""
        family = self._family(lot)
        for where in sorted(self.lots, key=lambda each: (
                each not in family, each.ends_on, each.age)):
            for token in self._there(where) if self._lives(where) else ():
                if points:
                    token.taker, token.aside = taker, True
                    points -= 1

    def take_held(self, taker: int, points: int, lot: Lot) -> None:
        """HQ takes so many points that a return claims of this lot: what was put aside of it goes,
        as the member's own; what was put aside of others pays like everything else."""
        self._lift()
        family = self._family(lot)
        for where, token in self._aside(taker):
            where.tokens.remove(token)
            if where in family:
                points -= 1
                lot.paid += 1
            else:
                self._return_to(where)
        for _ in range(points):
            self._take_back_one(lot)
        self._even()

    def let_go(self, taker: int) -> None:
        """What was put aside is the member's to use again, with grace where its lot ended (J2)."""
        self.unspend(taker, len(self._aside(taker)))

    def extend(self, lot: Lot, ends_on: int) -> bool:
        """HQ lets what nobody spent be used longer; False where there is nothing to extend, or it
        would not be longer."""
        usable = [token for token in lot.tokens if not token.taker]
        if not usable or ends_on <= max(lot.ends_on, lot.carried_to) or ends_on < self.today:
            return False
        later = self._open(lot.merchant, lot.earned_on, ends_on, lot.replaces or lot)
        later.tokens = [Token() for _ in usable]
        lot.tokens = [token for token in lot.tokens if token.taker]
        self._cover()
        return True

    def release(self, lot: Lot) -> bool:
        """HQ gives back what is frozen in a lot; False where nothing is, or where it came back
        once before."""
        frozen = [token for token in lot.tokens if token.frozen]
        if not frozen or self._granted(lot) and not self._home(lot):
            return False
        for token in frozen:
            lot.tokens.remove(token)
            self._return_to(lot)
        self._cover()
        return True

    def forfeit(self, lot: Lot) -> bool:
        """HQ lets what is frozen in a lot expire; False where nothing is."""
        frozen = [token for token in lot.tokens if token.frozen]
        for token in frozen:
            token.frozen, token.expired = False, True
        return bool(frozen)
