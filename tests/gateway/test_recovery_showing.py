"""What an operator reads about a recovery."""

import json
from datetime import UTC, datetime

from gateway.recovery_showing import as_json, lines
from gateway.registry.recoveries import Asked, RecoveryFacts, TerminalRecovery

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FACTS = RecoveryFacts(1, AT, None, 10_000_007)
TERMINALS = [
    TerminalRecovery(42, AT, (Asked(7, 20, 18, ((3, 3), (9, 9))), Asked(8, 5, 5, ()))),
    TerminalRecovery(43, None, ())]


def test_a_recovery_in_lines():
    assert list(lines(FACTS, TERMINALS)) == [
        "recovery 1 under way: begun 2026-11-22 08:00:00Z, receipt numbers go on above 10000007",
        "1 of 2 terminals heard since; 25 traces asked again, 23 came",
        "42  journal 7  20 asked, 18 came, missing 3, 9",
        "42  journal 8  5 asked, all came",
        "43  not heard yet"]
    assert "ended 2026-11-22" in next(lines(FACTS._replace(ended_at=AT), ()))
    assert list(lines(None, ())) == ["no recovery was ever begun"]


def test_many_gaps_are_counted_beyond_the_first():
    gaps = tuple((place, place + 1) for place in range(1, 100, 5))
    line = list(lines(FACTS, [TerminalRecovery(42, AT, (Asked(7, 99, 9, gaps),))]))[2]
    assert "missing 1-2, 6-7" in line and line.endswith("and 12 more spans")


def test_a_recovery_as_json():
    told = json.loads(as_json(FACTS, TERMINALS))
    assert told["state"] == "under way" and told["receipts_from"] == 10_000_007
    assert told["terminals"][0]["asked"][0] == {
        "journal": 7, "traces": 20, "came": 18, "missing": [[3, 3], [9, 9]]}
    assert told["terminals"][1]["heard_at"] is None
    assert json.loads(as_json(None, ())) == {"state": "never"}
