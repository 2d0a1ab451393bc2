"""The proof's own parts: options, worlds, shrinking, the command; and that a seed is a seed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tools import called
from tools.errors import Unwritable
from tools.prove import options as drawing
from tools.prove import run, shrink
from tools.prove.base import Memory, OnDisk
from tools.prove.command import prove
from tools.prove.options import Options, calm
from tools.prove.run import Wanted
from tools.prove.world import Verdict, run_seed

SMALL = {"terminals": 1, "taps": 12, "gap_ms_mean": 3000}


def verdict(**wanted: int) -> Verdict:
    """A small calm world with these options; its finding is shown when there is one."""
    found = run_seed(3, calm(**{**SMALL, **wanted}))
    assert found.good, f"{shrink.command(found)}\n" + "\n".join(found.findings)
    return found


@pytest.mark.parametrize(("seed", "options"), [
    # a void that power never let be told of moves along with its sale
    (9212, {"terminals": 1, "taps": 47, "gap_ms_mean": 3000, "members": 2, "outbox_blocks": 9,
            "lived_taps": 190, "voids_per_100": 20, "flash_cuts": 3, "planted": 2}),
    # a restored gateway decides a late copy again, and nobody sees that answer
    (1874, {"terminals": 4, "taps": 33, "commit_ms_max": 20, "latency_ms_max": 1500,
            "lived_taps": 225, "inquiries_per_100": 4, "down_lost_per_1000": 51,
            "up_late_per_1000": 163, "broker_restarts": 1, "broker_restarts_queue_lost": 1,
            "broker_down_s_max": 1, "broker_mutes": 1, "killed_after_commit_per_1000": 112,
            "killed_between_replies_per_1000": 147, "killed_down_s_max": 1, "flash_cuts": 3,
            "flash_cut_operations_max": 3, "restores": 1}),
    # a redemption that moved after a 62 is not what somebody else's frame posted under its key
    (417, {"terminals": 3, "taps": 42, "members": 2, "commit_ms_max": 1500, "outbox_blocks": 9,
           "lived_taps": 225, "redemptions_per_100": 25, "refunds_per_100": 20,
           "down_swapped_per_1000": 129, "swapped_ms_max": 60000, "blackout_s_max": 10,
           "server_power_losses": 4, "power_cuts": 4, "flash_cut_operations_max": 3,
           "off_s_max": 2, "planted": 3}),
    # a void that moved came to a restored gateway before its original did
    (1209, {"taps": 65, "gap_ms_mean": 3000, "workers": 3, "batch_max": 8, "latency_ms_max": 1500,
            "outbox_blocks": 32, "keepalive_s": 60, "redemptions_per_100": 25,
            "refunds_per_100": 20, "flash_cuts": 5, "clock_resets": 2, "heap_turns": 3,
            "planted": 3, "members_suspended": 2, "verdicts": 4, "restores": 2}),
    # a redemption waits at a suspended merchant, and its void has moved
    (1587, {"terminals": 4, "taps": 33, "members": 12, "outbox_blocks": 32, "lived_taps": 60,
            "keepalive_s": 60, "redemptions_per_100": 4, "refunds_per_100": 3,
            "down_duplicated_per_1000": 6, "broker_mutes": 2, "broker_mute_s_max": 5,
            "flash_cuts": 1, "flash_cut_operations_max": 3, "planted": 2,
            "merchants_suspended": 1, "verdicts": 2}),
])
def test_what_the_checker_once_took_for_a_fault(seed: int, options: dict[str, int]):
    found = run_seed(seed, calm(**options))
    assert found.good, found.findings


# ---- options -----------------------------------------------------------------------------------

def test_options_follow_from_the_seed_and_every_fault_is_drawn_and_left_out():
    drawn = [drawing.draw(seed) for seed in range(400)]
    assert drawn == [drawing.draw(seed) for seed in range(400)]
    for name in drawing.FAULTS:
        on = sum(getattr(options, name) > 0 for options in drawn)
        assert 4 < on < 300, name
    assert 5 < sum(not drawing.on(options) for options in drawn) < 60


def test_what_is_named_is_so_and_what_is_drawn_yields_to_it():
    for seed in range(200):
        restored = drawing.draw(seed, {"restores": 2})
        assert (restored.restores, restored.flash_put_backs, restored.outbox_blocks) == (2, 0, 32)
        put_back = drawing.draw(seed, {"flash_put_backs": 3})
        assert (put_back.flash_put_backs, put_back.restores, put_back.online_per_100) == (3, 0, 0)


def test_what_is_named_as_a_fault_needs_it_leaves_the_fault_in():
    seeds = range(400)
    restored = {seed for seed in seeds if drawing.draw(seed).restores}
    for named in ({"outbox_blocks": 32}, {"flash_put_backs": 0}):
        assert {seed for seed in seeds if drawing.draw(seed, named).restores} == restored
    assert not any(drawing.draw(seed, {"outbox_blocks": 16}).restores for seed in seeds)


def test_an_older_database_meets_revoked_keys_where_nobody_pays_with_points():
    drawn = [drawing.draw(seed) for seed in range(1000)]
    both = [each for each in drawn if each.restores and each.epochs_revoked]
    assert both and not any(each.redemptions_per_100 or each.refunds_per_100 for each in both)
    assert any(each.restores and each.redemptions_per_100 for each in drawn)
    paying = [drawing.draw(seed, {"redemptions_per_100": 25}) for seed in range(1000)]
    assert not any(each.restores and each.epochs_revoked for each in paying)


def test_every_option_is_a_whole_number_with_its_unit_in_the_name():
    units = ("_ms", "_s", "_ppm", "_days", "_per_100", "_per_1000", "_per_10000", "_max", "_mean")
    counted = [name for name in Options._fields if not name.endswith(units)]
    assert all(isinstance(value, int) for value in Options())
    assert "blackouts" in counted and "power_cuts" in counted


def test_seeds_cover_a_hundred_taps_on_average():
    drawn = [drawing.draw(seed) for seed in range(300)]
    assert sum(options.terminals * options.taps for options in drawn) / 300 > 125


def test_options_are_written_and_read_as_name_and_value():
    options = drawing.draw(11)
    assert drawing.Options()._replace(**drawing.read(drawing.text(options).split())) == options
    assert drawing.text(Options()) == ""


@pytest.mark.parametrize("word", [
    "taps", "taps=", "taps=-1", "taps=1.5", "rain=3", "taps=0", "members=0", "gap_ms_mean=0",
    "outbox_blocks=7", "keepalive_s=9", "watchdog_s=0", "workers=0", "taps=" + "9" * 5000,
    "taps=²", "terminals=5", "members=13", "up_lost_per_1000=1001", "reboot_loop_boots_max=1"])
def test_a_word_that_is_no_option_is_refused(word: str):
    with pytest.raises(ValueError):
        drawing.read([word])


def test_all_that_is_drawn_could_be_asked_for():
    for seed in range(300):
        drawn = drawing.draw(seed)
        assert Options()._replace(**drawing.read(drawing.text(drawn).split())) == drawn


# ---- each fault happens ------------------------------------------------------------------------

HAPPENS: dict[str, dict[str, int]] = {
    "up_lost": {"up_lost_per_1000": 300}, "down_lost": {"down_lost_per_1000": 400},
    "up_duplicated": {"up_duplicated_per_1000": 300},
    "down_duplicated": {"down_duplicated_per_1000": 300},
    "up_swapped": {"up_swapped_per_1000": 400}, "down_swapped": {"down_swapped_per_1000": 400},
    "up_late": {"up_late_per_1000": 300, "late_s_max": 2_592_000, "closed_days": 30},
    "down_late": {"down_late_per_1000": 300}, "up_corrupt": {"up_corrupt_per_1000": 300},
    "down_corrupt": {"down_corrupt_per_1000": 300}, "garbage": {"garbage_per_10000": 600},
    "dark": {"blackouts": 2, "blackout_s_max": 30}, "half_open": {"half_open": 2},
    "restart": {"broker_restarts": 2, "broker_down_s_max": 2},
    "restart_queue_lost": {"broker_restarts_queue_lost": 2, "broker_down_s_max": 2},
    "mute": {"broker_mutes": 1, "broker_mute_s_max": 10},
    "session_destroyed": {"sessions_destroyed": 3, "workers": 2},
    "before_commit": {"killed_before_commit_per_1000": 300},
    "after_commit": {"killed_after_commit_per_1000": 300},
    "between_acks": {"killed_between_acks_per_1000": 300},
    "before_replies": {"killed_before_replies_per_1000": 300},
    "between_replies": {"killed_between_replies_per_1000": 300},
    "partition": {"partitions": 3, "partition_s_max": 5},
    "locked": {"database_locked": 2, "database_locked_s_max": 10},
    # a full database still has room in the pages it has
    "full": {"terminals": 3, "taps": 30, "database_full": 3, "database_full_s_max": 60},
    "io": {"database_io_errors": 3}, "unsure": {"commits_unsure": 3},
    "requeue": {"poison_per_1000": 300}, "power_off": {"power_cuts": 3},
    "cut_within": {"flash_cuts": 4, "flash_cut_operations_max": 5},
    "reboot_loop": {"reboot_loops": 2}, "clock_jump": {"clock_jumps": 3},
    "clock_wrong": {"clocks_wrong": 3, "power_cuts": 1}, "clock_reset": {"clock_resets": 3},
    "voids": {"voids_per_100": 60}, "online": {"online_per_100": 60},
    "redemptions": {"redemptions_per_100": 60}, "refunds": {"refunds_per_100": 60},
    "heap": {"heap_per_1000": 400}, "closed": {"closed_days": 30},
    "card": {"cards_lost": 1, "cards_blocked": 1}, "member": {"members_suspended": 1},
    "merchant": {"merchants_suspended": 1}, "terminal": {"terminals_suspended": 1},
    "conflict": {"taps": 60, "flash_put_backs": 3, "flash_put_back_s_max": 5},
    "planted": {"planted": 3}, "full_outbox": {"taps": 200, "gap_ms_mean": 200, "blackouts": 9,
                                               "outbox_blocks": 9, "blackout_s_max": 300},
    "restored": {"restores": 2, "outbox_blocks": 32}, "fails": {"database_io_errors": 1},
    "epoch": {"key_rotations": 2}, "revoked": {"epochs_revoked": 1},
    "misread": {"flash_misreads": 1},
    "verdict": {"terminals_suspended": 2, "verdicts": 4},
    "server_power_lost": {"server_power_losses": 3},
}


@pytest.mark.parametrize("name", sorted(HAPPENS))
def test_each_fault_happens_and_the_promise_is_kept(name: str):
    assert verdict(**HAPPENS[name]).counts.get(name, 0) > 0


@pytest.mark.parametrize("losses", [0, 1], ids=["memory", "disk"])
@pytest.mark.parametrize(("option", "name"), [
    ("database_locked", "locked"), ("database_full", "full"), ("database_io_errors", "io"),
    ("commits_unsure", "unsure")])
def test_each_fault_of_the_database_strikes_in_memory_and_on_the_disk(
        option: str, name: str, losses: int):
    found = verdict(**{option: 3}, database_full_s_max=60, server_power_losses=losses,
                    terminals=3, taps=30)
    assert found.counts.get(name, 0) > 0 and found.retries > 0


def test_no_fault_of_the_database_strikes_once_the_faults_are_over():
    struck = []
    for seed in range(1, 5):
        lines: list[str] = []
        found = run_seed(seed, calm(**SMALL, server_power_losses=9, database_io_errors=9,
                                    commits_unsure=9, database_locked=9, database_full=9),
                         lines.append)
        assert found.good
        over = next(place for place, line in enumerate(lines) if "prove relief" in line)
        hits = [place for place, line in enumerate(lines) if line.split()[1:3] in (
            ["server", "server_power_lost"], ["database", "io"], ["database", "unsure"],
            ["database", "locked"], ["database", "full"])]
        struck += [place < over for place in hits]
    assert len(struck) > 10 and all(struck)


def test_a_calm_world_has_no_fault_and_needs_no_retry():
    found = verdict(terminals=4, taps=10)
    assert found.taps == 40 and found.retries == 0
    assert not set(found.counts) & set(run.FAULTS)


def test_a_mistake_of_the_handsets_program_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def acked(link: object, packet_id: int, now: int) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("firmware.link.Link.acked", acked)
    findings = run_seed(3, calm(**SMALL)).findings
    assert any(each.startswith("program error: 10000002 link: AttributeError")
               for each in findings)


def test_a_mistake_of_the_gateways_program_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def transact(self: object, batch: object, judging: object) -> None:
        raise NameError("no such name")

    monkeypatch.setattr("gateway.intake.Intake._transact", transact)
    findings = run_seed(3, calm(**SMALL, drain_minutes_max=10)).findings
    assert "program error: gateway NameError: no such name" in findings


# ---- a seed is a seed --------------------------------------------------------------------------

def test_the_same_seed_has_one_event_log_and_another_seed_another():
    options = drawing.draw(12)._replace(taps=10)
    assert run_seed(12, options).digest == run_seed(12, options).digest
    assert run_seed(12, options).digest != run_seed(13, options).digest


def test_two_processes_with_other_hash_seeds_agree():
    script = ("from tools.prove.world import run_seed; from tools.prove.options import draw;"
              "print([run_seed(seed, draw(seed)._replace(taps=10)).digest for seed in (2, 9)])")
    told = [subprocess.run([sys.executable, "-c", script], check=True, capture_output=True,
                           env=os.environ | {"PYTHONHASHSEED": hash_seed}).stdout
            for hash_seed in ("1", "2")]
    assert told[0] == told[1]


def test_seeds_leave_nothing_behind_in_the_process():
    options = drawing.draw(9)._replace(taps=10)
    alone = run_seed(9, options).digest
    run_seed(10)
    assert run_seed(9, options).digest == alone


# ---- shrinking ---------------------------------------------------------------------------------

def fails_if(test: Callable[[Options], bool]) -> Callable[[Options], Verdict]:
    def ran(options: Options) -> Verdict:
        findings = ("lost: a tap",) if test(options) else ()
        return Verdict(1, options, "", findings, {}, 0, 0, 0, 0)
    return ran


def test_the_least_that_fails_is_found():
    start = drawing.draw(2)._replace(flash_cuts=5, blackouts=3, terminals=4, power_cuts=2)
    ran = fails_if(lambda options: options.flash_cuts > 0 and options.blackouts > 0)
    found = shrink.shrink(ran(start), ran, runs_max=400).verdict.options
    assert set(drawing.on(found)) == {"flash_cuts", "blackouts"}
    assert (found.terminals, found.taps, found.flash_cuts, found.blackouts) == (1, 1, 1, 1)


def test_another_failure_is_not_taken_for_the_same():
    def ran(options: Options) -> Verdict:
        findings = ("lost: a tap",) if options.blackouts else ("drain: 3 messages",)
        return Verdict(1, options, "", findings, {}, 0, 0, 0, 0)

    start = calm(blackouts=2, power_cuts=2)
    assert shrink.shrink(ran(start), ran).verdict.options.blackouts == 1


def test_the_replaying_command_replays_it():
    drawn = run_seed(4, drawing.draw(4)._replace(taps=1))
    words = shrink.command(drawn).split()
    assert words[:4] == ["pointwire", "prove", "--seed", "4"]
    told = CliRunner().invoke(prove, words[2:])
    assert drawn.digest in told.output and told.exit_code == 0


# ---- the command -------------------------------------------------------------------------------

BAD = Verdict(0, calm(power_cuts=1), "d" * 64, ("lost: a tap",), {"power_off": 2}, 5, 1, 9, 9)


def test_the_command_says_what_it_did(tmp_path):
    log = tmp_path / "log"
    told = CliRunner().invoke(prove, ["--seed", "3", "--calm", "--set", "taps=4", "--set",
                                      "power_cuts=1", "--log", str(log)])
    assert told.exit_code == 0, told.output
    assert "taps=4 power_cuts=1" in told.output and "1 seeds, 0 failed" in told.output
    assert " saved " in log.read_text()


def test_the_command_speaks_json():
    told = CliRunner().invoke(prove, ["--seeds", "2", "--calm", "--set", "taps=3", "--jobs", "1",
                                      "--json"])
    said = json.loads(told.stdout)
    assert (said["seeds"], said["failed"], said["taps"]) == (2, 0, 12)
    assert said["digest"] is None


def test_the_hash_of_one_seed_is_told_to_a_program_too():
    words = ["--seed", "3", "--calm", "--set", "taps=3"]
    digest = json.loads(CliRunner().invoke(prove, [*words, "--json"]).stdout)["digest"]
    assert len(digest) == 64 and digest in CliRunner().invoke(prove, words).stdout


def test_a_log_that_cannot_be_written_ends_the_command_before_the_seed(monkeypatch, tmp_path):
    monkeypatch.setattr("tools.prove.command.run_seed", lambda *_: pytest.fail("it ran"))
    told = CliRunner().invoke(prove, ["--seed", "0", "--log", str(tmp_path / "no" / "log")])
    assert isinstance(told.exception, Unwritable) and "FAILED" not in told.output


def test_a_failing_seed_is_told_although_its_log_finds_no_room(monkeypatch):
    monkeypatch.setattr("tools.prove.command.run_seed",
                        lambda _seed, _options, echo=None: (echo or print)("x") or BAD)
    told = CliRunner().invoke(prove, ["--seed", "0", "--log", "/dev/full", "--no-shrink"])
    assert told.exit_code == 1 and "lost: a tap" in told.output and "/dev/full" in told.output


def test_the_replay_is_called_as_the_program_was(monkeypatch):
    monkeypatch.setattr("tools.prove.command.run_seed", lambda *_: BAD)
    monkeypatch.setattr(called, "program", lambda: ".venv/bin/pointwire")
    told = CliRunner().invoke(prove, ["--seed", "0", "--no-shrink"])
    assert "  replay:  .venv/bin/pointwire prove --seed 0 --calm" in told.output


@pytest.mark.parametrize("wrong", [["--set", "rain=1"], ["--seeds", "0"], ["--seeds", "2",
                                                                         "--log", "x"]])
def test_a_wrong_command_line_runs_nothing(wrong: list[str]):
    told = CliRunner().invoke(prove, wrong)
    assert told.exit_code == 2


def test_a_failing_seed_is_told_with_its_replay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tools.prove.command.run_seed", lambda *_: BAD)
    told = CliRunner().invoke(prove, ["--seed", "0"])
    assert told.exit_code == 1
    assert "lost: a tap" in told.output
    assert "pointwire prove --seed 0 --calm --set power_cuts=1" in told.output


def test_a_failing_seed_of_many_is_told_at_once_and_stays_told_when_stopped(monkeypatch):
    def stopped(_wanted, _jobs):
        yield BAD
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "many", stopped)
    told = CliRunner().invoke(prove, ["--seeds", "9"])
    assert told.exit_code == 130
    assert "seed 0 FAILED: pointwire prove --seed 0 --calm" in told.stderr


def test_totals_are_sums():
    made = run.add([run_seed(seed, calm(**SMALL, power_cuts=seed)) for seed in (0, 1)])
    assert (made.seeds, made.failed, made.faultless) == (2, 0, 1)
    assert dict((name, seeds) for name, _, seeds in made.faults) == {"power_off": 1}


def test_what_is_wanted_becomes_options():
    assert Wanted(5).options() == drawing.draw(5)
    assert Wanted(5, True, (("taps", 3),)).options() == calm(taps=3)


# ---- the database ------------------------------------------------------------------------------

def test_a_copy_holds_what_the_database_held_when_it_was_made():
    base = Memory()
    try:
        backup = base.copy()
        base.connection.execute("UPDATE counters SET value = 99 WHERE name = 'config'").close()
        base.restore(backup)
        held = base.connection.execute("SELECT value FROM counters WHERE name = 'config'")
        assert held.fetchone() != (99,)
    finally:
        base.close()


def test_memory_and_disk_begin_with_the_same_registry():
    memory, disk = Memory(), OnDisk()
    try:
        for base in (memory, disk):
            with base.engine.connect() as connection:
                count = connection.exec_driver_sql("SELECT count(*) FROM members").scalar()
            assert count == 12
    finally:
        memory.close()
        disk.close()
