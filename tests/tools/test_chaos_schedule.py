"""The schedule of kills and faults: a function of the seed that leaves nothing out."""

from collections import Counter
from random import Random

import pytest
from click.testing import CliRunner

from tools.chaos import faults, schedule
from tools.chaos.command import Asked, chaos, plans
from tools.chaos.schedule import DECK, Kill, Scope, Spoil, draw
from tools.chaos.stage import CONFIGS

SCOPE = Scope(terminals=6, workers=2, postgresql=True, lasts_ms=45_000)
SEEDS = [str(seed) for seed in range(30)]


def kills(acts) -> list[Kill]:
    return [act for act in acts if isinstance(act, Kill)]


def spoils(acts) -> list[Spoil]:
    return [act for act in acts if isinstance(act, Spoil)]


def test_a_seed_repeats_its_schedule_and_another_one_has_its_own():
    assert draw("5", SCOPE) == draw("5", SCOPE)
    assert len({draw(seed, SCOPE) for seed in SEEDS}) == len(SEEDS)


def test_acts_come_in_order_and_the_last_one_is_a_kill_at_the_end():
    for seed in SEEDS:
        acts = draw(seed, SCOPE)
        times = [act.at_ms for act in acts]
        assert times == sorted(times) and times[-1] == SCOPE.lasts_ms, seed
        assert kills(acts)[-1] == acts[-1] and kills(acts)[-1].point == schedule.LAST, seed


def test_a_round_kills_everything_at_every_point():
    wanted = {(kind, point) for kind, point, _ in DECK}
    for seed in SEEDS:
        done = {(act.kind, act.point) for act in kills(draw(seed, SCOPE))[:-1]}
        assert done == wanted, seed


def test_a_round_has_every_fault():
    for seed in SEEDS:
        assert {act.fault.name for act in spoils(draw(seed, SCOPE))} == set(faults.NAMES), seed


def test_without_postgresql_no_database_is_killed():
    acts = draw("1", SCOPE._replace(postgresql=False))
    assert schedule.DATABASE not in {act.kind for act in kills(acts)}


def test_only_what_is_there_is_hurt():
    for seed in SEEDS:
        for act in draw(seed, SCOPE._replace(terminals=1, workers=1)):
            assert act.number in (0, None), (seed, act)


def test_chosen_faults_are_the_only_ones_and_none_is_none():
    some = draw("1", SCOPE._replace(names=(faults.CUT,)))
    assert {act.fault.name for act in spoils(some)} == {faults.CUT}
    assert not spoils(draw("1", SCOPE._replace(names=())))


def test_half_open_faults_are_for_terminals():
    for seed in SEEDS:
        for act in spoils(draw(seed, SCOPE)):
            assert act.kind != schedule.WORKER or act.fault.name in faults.INDOORS


@pytest.mark.parametrize("kind", faults.KINDS, ids=faults.NAMES)
def test_a_fault_is_drawn_within_its_bounds(kind: faults.Kind):
    random = Random(1)
    low, high = kind.values
    for _ in range(200):
        fault = faults.draw(kind.name, random)
        assert low <= fault.value <= high
        if kind.lasts_ms:
            assert kind.lasts_ms[0] <= fault.lasts_ms <= kind.lasts_ms[1]


def asked(**changed) -> Asked:
    usual = Asked(minutes=3, terminals=6, workers=2, configs=tuple(CONFIGS), names=faults.NAMES,
                  seed=1, drain_s=60, keep=False, for_program=False)
    return usual._replace(**changed)


@pytest.mark.parametrize("minutes", ["nan", "inf", "-1", "0", "soon"])
def test_a_length_that_is_none_is_refused(minutes: str):
    told = CliRunner().invoke(chaos, ["--minutes", minutes])
    assert told.exit_code == 2 and "--minutes" in told.output


def test_three_minutes_have_every_configuration_and_far_more_than_twenty_kills():
    rounds = plans(asked())
    assert [each.config.name for each in rounds] == list(CONFIGS)
    assert sum(each.lasts_ms for each in rounds) == 180_000
    for seed in range(30):
        planned = sum(len(kills(draw(each.seed, each.scope))) for each in plans(asked(seed=seed)))
        assert planned >= 60


def test_long_and_short_runs_take_the_configurations_in_turn():
    names = Counter(each.config.name for each in plans(asked(minutes=9)))
    assert set(names.values()) == {3}
    assert len(plans(asked(minutes=0.1))) == len(CONFIGS)
    assert [each.config.name for each in plans(asked(minutes=1.5, configs=("sqlite",)))] == [
        "sqlite", "sqlite"]


def test_the_command_that_repeats_a_schedule_names_what_was_asked():
    told = asked(configs=("sqlite",), names=(faults.CUT,), seed=77).command
    assert told == ("pointwire chaos --minutes 3 --seed 77 --terminals 6 --workers 2 "
                    f"--config sqlite --fault {faults.CUT}")
