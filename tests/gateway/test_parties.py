"""Who takes part: the rules that were in force at an instant."""

from gateway.parties import Programme
from gateway.rules import RuleSet, Tier

OLD, NEW = (RuleSet(version, version, 100, 9, (Tier("basic", "Basic", 10000),))
            for version in (1, 2))


def test_the_newest_rules_that_had_begun_are_in_force():
    programme = Programme(1, "UTC", 240, False, ((1000, OLD), (2000, NEW)))
    found = [programme.rule_set_at(at) for at in (999, 1000, 1999, 2000, 9999)]
    assert found == [None, OLD, OLD, NEW, NEW]
