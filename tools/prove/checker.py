"""The verdict on a run: what merchants saw and what accounts hold, by table T.

    findings = check(story, read_books(engine), rules)     [] when nothing is wrong

Law: the checker never asks firmware or gateway for their state. What must hold follows from the
story (story.py) by the model's own arithmetic (model.py), and is compared with the books. Each
rule is a function of its own (wire_, ledger_, bill_ and verdict_rules.py); a finding names
what is wrong, the tap, what was expected and what was found. Pure.
"""

from collections.abc import Callable

from tools.prove import bill_rules, ledger_rules, verdict_rules, wire_rules
from tools.prove.books import Books
from tools.prove.case import Case
from tools.prove.findings import Finding, Findings
from tools.prove.model import Rules
from tools.prove.story import Story

__all__ = ["RULES", "Finding", "Rule", "check"]

Rule = Callable[[Case], Findings]

RULES: tuple[Rule, ...] = (*wire_rules.RULES, *ledger_rules.RULES, *bill_rules.RULES,
                          *verdict_rules.RULES)


def check(story: Story, books: Books, rules: Rules, *,
          by: tuple[Rule, ...] = RULES) -> list[Finding]:
    """Everything that is wrong with a run; empty when nothing is."""
    case = Case(story, books, rules)
    return [finding for rule in by for finding in rule(case)]
