"""From a world that has come to rest to what is wrong with it: the checker, and the audit.

Law: the checker (checker.py) gets the story and the ledger's rows, and what the world was made of;
it shares nothing with firmware and gateway. The audit is the gateway's own, with everything
derived computed once more.
"""

from typing import TYPE_CHECKING

from gateway.audit import run_audit
from tools.prove.base import MADE, RULES, keyring
from tools.prove.bills import Redeeming
from tools.prove.books import read_books, survived
from tools.prove.checker import check
from tools.prove.model import US, CardFacts, Rate, Room, Rules
from tools.prove.process import OPENING
from tools.prove.purses import Ends
from tools.prove.story import Survived

if TYPE_CHECKING:
    from tools.prove.world import World

LONG_AGO_US = -(10 ** 18)


def rules(world: "World") -> Rules:
    """What the world was made of, for the checker's own model."""
    facts, paid = world.facts, RULES
    return Rules(int(OPENING.timestamp()), (Rate(LONG_AGO_US, paid.rate_points, paid.rate_minor),),
                 {card: CardFacts(member) for card, member
                  in zip(facts.cards, facts.members, strict=True)}
                 | {card: CardFacts(*each) for card, each in facts.odd.items()},
                 facts.multipliers, facts.merchants,
                 -int((OPENING - MADE).total_seconds()) * US,
                 drift_ppm_max=world.options.drift_ppm_max,
                 outbox=Room(world.options.outbox_blocks),
                 redeeming=Redeeming(*paid.redeeming) if paid.redeeming else None,
                 ends=Ends(paid.lot_months, paid.return_grace_days))


def findings(world: "World") -> list[str]:
    """One line for each thing that is wrong."""
    found = check(world.witness.story, read_books(world.base.engine), rules(world))
    audit = run_audit(world.base.engine, keyring(), rebuild=True, clock=world.clock)
    return [str(each) for each in found] + [f"audit: {each}" for each in audit.findings]


def surviving(world: "World") -> Survived:
    """What the database holds now."""
    return survived(world.base.engine)
