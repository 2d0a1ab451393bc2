"""How operators look: a table for a person, lines for a pipe, JSON for a program."""

from collections.abc import Sequence
from typing import Any, TextIO

from gateway import listing
from gateway.registry import OperatorFacts

COLUMNS = ("merchant", "name", "operator", "called", "state", "since (UTC)", "PIN")


def as_json(operators: OperatorFacts | Sequence[OperatorFacts], **also: str) -> str:
    """Objects; times in ISO 8601. `also`: what is told beside a single one."""
    if isinstance(operators, OperatorFacts):
        shown: dict[str, Any] = operators._asdict()
        return listing.as_json(shown | also)
    return listing.as_json(operators)


def show(operators: Sequence[OperatorFacts], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in operators], out)


def line(facts: OperatorFacts) -> str:
    """One line for a person."""
    return (f"operator {facts.number} {facts.name} of merchant {facts.merchant_id}"
            f" ({facts.merchant}) is {facts.state}, {_pin(facts)}")


def _cells(facts: OperatorFacts) -> tuple[str, ...]:
    return (str(facts.merchant_id), facts.merchant, str(facts.number), facts.name, facts.state,
            f"{facts.since:%Y-%m-%d %H:%M:%S}", _pin(facts))


def _pin(facts: OperatorFacts) -> str:
    if facts.locked_until is not None:
        return f"locked until {facts.locked_until:%Y-%m-%d %H:%M:%S} UTC"
    return "has a PIN" if facts.has_pin else "has no PIN"
