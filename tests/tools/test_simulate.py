"""`pointwire simulate`: real firmware, real gateway and database, virtual time, one hash."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.street import Plan
from tools import simulate
from tools.errors import Unwritable

PLAN = Plan(terminals=2, minutes=20, seed=3, customers_per_hour=40)


def test_the_same_seed_gives_the_same_hash_and_another_seed_another(tmp_path: Path):
    digests = []
    for number, seed in enumerate((3, 3, 4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        report = simulate.run(PLAN._replace(seed=seed), folder)
        assert report.good and report.tally.taps > 5
        assert report.points == sum(reply.points or 0 for handset in report.outcome.handsets
                                    for reply in handset.answers.values())
        digests.append(report.outcome.digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_hash_does_not_depend_on_the_interpreters_hash_seed(tmp_path: Path):
    command = [sys.executable, "-m", "tools.cli", "simulate", "--terminals", "2", "--minutes",
               "10", "--json"]
    found = []
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo" if seed == "1" else "UTC"}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.append(json.loads(ended.stdout)["event_log_sha256"])
    assert found[0] == found[1]


def test_a_person_gets_a_table_and_the_log_goes_to_a_file(tmp_path: Path):
    log = tmp_path / "events.log"
    shown = CliRunner().invoke(simulate.simulate, [
        "--terminals", "1", "--minutes", "10", "--log", str(log)])
    assert shown.exit_code == 0, shown.output
    assert "posted exactly once" in shown.output and "event log" in shown.output
    assert "closing" in log.read_text()


def test_a_log_that_cannot_be_written_ends_the_command_before_the_street_opens(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(simulate, "run", lambda *_: pytest.fail("it ran"))
    ended = CliRunner().invoke(simulate.simulate, ["--log", str(tmp_path / "no" / "log")])
    assert isinstance(ended.exception, Unwritable) and "no/log" in str(ended.exception)


def test_impossible_streets_are_usage_errors():
    for wrong in (["--terminals", "0"], ["--minutes", "0"], ["--seed", "-1"], ["--minutes", "x"],
                  ["--taps", "-1"], ["--keepalive", "5"], ["--hours", "1", "--minutes", "60"]):
        assert CliRunner().invoke(simulate.simulate, wrong).exit_code == 2


def test_a_fleet_taps_as_often_as_was_asked_and_nothing_is_lost():
    shown = CliRunner().invoke(simulate.simulate, [
        "--terminals", "3", "--taps", "4", "--hours", "2", "--seed", "5", "--json"])
    assert shown.exit_code == 0, shown.output
    said = json.loads(shown.stdout)
    assert said["taps"] == said["posted"] == 12 and said["minutes"] == 120
    assert said["events"]["link"] >= 3 and said["times_real_time"] > 0


def test_a_fleet_has_darkness_power_cuts_and_a_busy_gateway():
    fleet, street = simulate.plan_of(10, 60, 30, 1), simulate.plan_of(10, 60, 0, 1)
    assert 0 < fleet.power_cuts_per_day < street.power_cuts_per_day
    assert 0 < fleet.weather.dark_per_day < street.weather.dark_per_day
    assert fleet.work.commit_ms_min > street.work.commit_ms_max
