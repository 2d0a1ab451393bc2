"""The street: same seed, same day; every accepted tap answered in the end."""

from simulator.radio import Weather
from simulator.shore import one_by_one
from simulator.street import Outcome, Plan, Street
from tests.simulator.toy import Toy, identity

CARDS = (6200001234567892, 6200000000000013)
ROUGH = Plan(terminals=3, minutes=60, seed=5, power_cuts_per_day=48,
             weather=Weather(dark_per_day=96, dark_s_max=600))


def day(plan: Plan, toy: Toy | None = None) -> Outcome:
    return Street(plan, identity, CARDS, one_by_one(toy or Toy())).run()


def test_on_a_rough_day_every_accepted_tap_posts_exactly_once():
    toy = Toy()
    outcome = day(ROUGH, toy)
    taps = {(tap.terminal_id, tap.journal, tap.trace)
            for handset in outcome.handsets for tap in handset.taps.values()}
    assert len(taps) > 20 and set(toy.posted) == taps and set(toy.posted.values()) == {1}
    assert all(handset.waiting == 0 for handset in outcome.handsets)
    assert outcome.counts["power_off"] > 2 and outcome.counts["dark"] > 5
    assert "died" not in outcome.counts


def test_the_same_seed_gives_the_same_log_and_another_seed_another():
    plan = ROUGH._replace(minutes=15)
    assert day(plan).digest == day(plan).digest
    assert day(plan).digest != day(plan._replace(seed=6)).digest


def test_one_more_handset_changes_nothing_for_the_others():
    plan = ROUGH._replace(minutes=15)
    few, more = day(plan), day(plan._replace(terminals=4))
    taps = [[list(handset.taps.values()) for handset in outcome.handsets[:3]]
            for outcome in (few, more)]
    assert taps[0] == taps[1]


def test_a_gateway_that_answers_nothing_leaves_taps_waiting_and_says_so():
    plan = Plan(terminals=1, minutes=15, seed=1, drain_minutes_max=5)
    outcome = Street(plan, identity, CARDS, one_by_one(lambda frame, now_us: None)).run()
    handset = outcome.handsets[0]
    assert handset.waiting == len(handset.taps) > 0
    assert outcome.virtual_us == 20 * 60 * 1_000_000


def test_a_fleet_taps_as_often_as_it_was_told_whatever_power_and_coverage_do():
    outcome = day(ROUGH._replace(taps=12))
    assert [len(handset.taps) for handset in outcome.handsets] == [12, 12, 12]
    assert all(handset.waiting == 0 for handset in outcome.handsets)
    assert outcome.counts["power_off"] > 2 and outcome.counts["dark"] > 5


def test_how_often_idle_tasks_wake_changes_nothing_that_happens():
    plan = ROUGH._replace(minutes=30)
    assert day(plan._replace(watchdog_ms=60_000)).digest == day(plan).digest
