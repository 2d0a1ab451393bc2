"""The registry: programmes, merchants, terminals, operators, members and cards. One way in.

Law: every write to a registry table happens here, in a transaction that also appends its event to
the house chain (house.py), so that an edit behind its back is found. Locks are taken in the order
of the intake: terminals, members, then cards, counters last. What the catalogue caches bumps the
counter `config` in the same transaction.

    registry = Registry(engine, keyring)
    programme = registry.create_programme("coffee", "Coffee street", rule_set)
    shop = registry.create_shop(registry.create_merchant(programme, "Bean"), "Old town")
    terminal = registry.create_terminal(shop)
"""

from gateway import aside
from gateway.clock import to_ms
from gateway.database import writing
from gateway.registry.cards import Cards, NewCard
from gateway.registry.desk import RegistryError
from gateway.registry.members import MemberFacts, Members, NewMember
from gateway.registry.operators import OperatorFacts, Operators
from gateway.registry.programmes import Programmes
from gateway.registry.rates import MerchantRates, RateFacts
from gateway.registry.recoveries import Recoveries
from gateway.registry.terminals import TerminalFacts, Terminals

__all__ = ["MemberFacts", "NewCard", "NewMember", "OperatorFacts", "RateFacts", "Registry",
           "RegistryError", "TerminalFacts"]


class Registry(Programmes, Operators, MerchantRates, Terminals, Members, Cards, Recoveries):
    """`actor` stands in each event. Methods raise RegistryError and then changed nothing."""

    def requeue(self, digest: bytes) -> None:
        """Decide a quarantined frame when it comes again. Raises NotQuarantined."""
        with writing(self.engine) as connection:
            aside.requeue(connection, self.keyring, digest, to_ms(self.clock()))
