"""How a recovery looks: lines for a person or a pipe, JSON for a program."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.registry.recoveries import Asked, RecoveryFacts, TerminalRecovery

SPANS_SHOWN = 8


def as_json(facts: RecoveryFacts | None, terminals: Sequence[TerminalRecovery]) -> str:
    """One object; times in ISO 8601, spans as [first, last]."""
    if facts is None:
        return json.dumps({"state": "never"})
    return json.dumps({
        "state": _state(facts), "id": facts.id, "begun_at": facts.begun_at.isoformat(),
        "ended_at": facts.ended_at.isoformat() if facts.ended_at else None,
        "receipts_from": facts.receipts_from,
        "terminals": [{
            "terminal_id": each.terminal_id,
            "heard_at": each.heard_at.isoformat() if each.heard_at else None,
            "asked": [asked._asdict() for asked in each.asked]} for each in terminals]})


def lines(facts: RecoveryFacts | None, terminals: Sequence[TerminalRecovery]) -> Iterator[str]:
    """What happened, then a line for each journal asked about and each silent terminal."""
    if facts is None:
        yield "no recovery was ever begun"
        return
    ended = "" if facts.ended_at is None else f", ended {_time(facts.ended_at)}"
    yield (f"recovery {facts.id} {_state(facts)}: begun {_time(facts.begun_at)}{ended}, receipt"
           f" numbers go on above {facts.receipts_from}")
    silent = [each.terminal_id for each in terminals if each.heard_at is None]
    asked = [one for each in terminals for one in each.asked]
    yield (f"{len(terminals) - len(silent)} of {len(terminals)} terminals heard since;"
           f" {sum(each.traces for each in asked)} traces asked again,"
           f" {sum(each.came for each in asked)} came")
    for each in terminals:
        for one in each.asked:
            yield f"{each.terminal_id}  journal {one.journal}  {_progress(one)}"
    for terminal_id in silent:
        yield f"{terminal_id}  not heard yet"


def _progress(asked: Asked) -> str:
    if not asked.missing:
        return f"{asked.traces} asked, all came"
    spans = [str(first) if first == last else f"{first}-{last}" for first, last in asked.missing]
    more = f" and {len(spans) - SPANS_SHOWN} more spans" if len(spans) > SPANS_SHOWN else ""
    return (f"{asked.traces} asked, {asked.came} came, missing"
            f" {', '.join(spans[:SPANS_SHOWN])}{more}")


def _state(facts: RecoveryFacts) -> str:
    return "under way" if facts.ended_at is None else "ended"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
