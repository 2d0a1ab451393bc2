"""The slips that merchants hold in their hands: what a refund begins with.

Law: a slip is printed when the handset showed the approval of a bill, with its amount and receipt
number, and not before; so a refund is asked only of what is settled (DESIGN 5.5). The slips of one
merchant lie together: any of its terminals may take goods back.
"""

from collections.abc import Mapping
from typing import NamedTuple

from protocol.codes import APPROVED
from protocol.messages import REDEMPTION, REFUND, SALE, Reply
from simulator.loop import VirtualLoop
from simulator.witness import Key, Named
from tools.prove.story import TapKey
from tools.prove.witness import Chronicler

PRINTED = (SALE, REDEMPTION, REFUND)


class Slip(NamedTuple):
    """A bill, or what came back of one. `amount_minor`: the whole of it."""

    key: TapKey
    kind: int
    amount_minor: int
    receipt: int
    card: int | bytes | None


class Drawers(Chronicler):
    """The chronicler, with the slips of each merchant (`merchants`: by terminal), and the balance
    that the last slip of a card told."""

    def __init__(self, loop: VirtualLoop, merchants: Mapping[int, int]) -> None:
        super().__init__(loop)
        self._merchants = merchants
        self._slips: dict[int, list[Slip]] = {}
        self.balances: dict[int | bytes | None, int] = {}
        self._bills: dict[TapKey, tuple[int, int, int | bytes | None]] = {}

    def slips(self, terminal_id: int, *, foreign: bool = False) -> list[Slip]:
        """Those of this terminal's merchant, or of the others, oldest first."""
        own = self._merchants[terminal_id]
        return [slip for merchant, slips in self._slips.items() if (merchant != own) == foreign
                for slip in slips]

    def saved(self, terminal_id: int, key: Key, kind: int, amount_minor: int | None,
              card: int | bytes | None, original: Named | None,
              points: int | None = None) -> None:
        super().saved(terminal_id, key, kind, amount_minor, card, original, points)
        self._bills.pop((terminal_id, *key), None)  # of another life of this flash
        if kind in PRINTED and amount_minor is not None:
            self._bills[terminal_id, *key] = kind, amount_minor, card

    def moved(self, terminal_id: int, old: Key, new: Key) -> None:
        super().moved(terminal_id, old, new)
        known = self._bills.pop((terminal_id, *old), None)
        if known is not None:
            self._bills[terminal_id, *new] = known

    def shown(self, terminal_id: int, reply: Reply) -> None:
        super().shown(terminal_id, reply)
        key = terminal_id, reply.journal, reply.trace
        if reply.code == APPROVED and reply.receipt and key in self._bills:
            kind, amount_minor, card = self._bills.pop(key)
            self._slips.setdefault(self._merchants[terminal_id], []).append(
                Slip(key, kind, amount_minor, reply.receipt, card))
            self.balances[card] = reply.balance or 0
