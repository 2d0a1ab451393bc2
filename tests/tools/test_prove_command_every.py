"""The command line of the single faults and pairs."""

import json

import pytest
from click.testing import CliRunner

from tools.prove import command_every, every
from tools.prove.command_every import prove_every


def invoke(*words):
    return CliRunner().invoke(prove_every, words)


def test_a_part_of_the_single_faults_holds():
    done = invoke("--part", "5/200", "--jobs", "1", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0 and told["failed"] == 0 and 2 <= told["cases"] <= 20


def test_named_faults_print_what_happened():
    done = invoke("--fault", "up lost@1")
    assert done.exit_code == 0 and "up_lost 1" in done.stdout and "settled" in done.stdout


def test_a_run_by_hand_ends_with_its_verdict(monkeypatch: pytest.MonkeyPatch):
    assert invoke("--fault", "up lost@1").stdout.splitlines()[-1] == (
        "1 case, 0 failed: the promise was kept")
    held = every.run((every.Fault("up lost", 1),))
    monkeypatch.setattr(every, "run", lambda *_: held._replace(findings=("lost: a tap",)))
    done = invoke("--fault", "up lost@1")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "1 case, 1 failed: the promise was broken"


@pytest.mark.parametrize(("one", "other"), [
    ("up lost@1", "up twice@1"), ("up overtaken@1", "up cut off@1"), ("up lost@1", "up lost@1"),
    ("flash, all@1", "flash, bits@1"), ("server power@3", "server power@9"),
    ("killed before commit@1", "killed after commit@1")])
def test_a_fault_that_could_not_happen_beside_the_other_is_refused(one: str, other: str):
    done = invoke("--fault", one, "--fault", other)
    assert done.exit_code == 2 and f"{other!r} would never happen" in done.output


@pytest.mark.parametrize("words", [
    ("--fault", "up lost@1", "--pairs"), ("--fault", "up lost@1", "--part", "1/2"),
    ("--list", "--json"), ("--list", "up lost", "--fault", "up lost@1"), ("--list", "--pairs")])
def test_a_word_that_would_be_passed_over_is_refused(words: tuple[str, ...]):
    done = invoke(*words)
    assert done.exit_code == 2 and "leave one of them out" in done.output


def test_bad_words_are_usage_errors():
    for words in (("--fault", "power"), ("--fault", "@1"), ("--part", "0/3"), ("--part", "4/3"),
                  ("--part", "²/4"), ("--part", "1/" + "9" * 5000),
                  ("--fault", "power@" + "9" * 99), ("--fault", "refund: up lost@1"),
                  ("--fault", "up lost@1", "--fault", "void: up lost@1")):
        done = invoke(*words)
        assert done.exit_code == 2 and "Error" in done.output


def test_a_kind_that_does_not_exist_is_said():
    assert invoke("--fault", "earthquake@1").exit_code == 2


def test_a_place_that_does_not_exist_is_said():
    done = invoke("--fault", "up lost@9999")
    assert done.exit_code == 2 and "none of them" in done.output


def test_a_fault_of_another_tap_is_named_and_replayed():
    told = json.loads(invoke("--fault", "void: up lost@3", "--json").stdout)
    assert (told["cases"], told["failed"]) == (1, 0)
    assert invoke("--fault", "up lost@3").exit_code == 2


def test_pairs_that_are_none_are_counted():
    told = invoke("--pairs", "--part", "7/90000", "--jobs", "1")
    assert told.exit_code == 0 and " pairs of which both need the same hook" in told.output


def test_a_named_fault_speaks_json_too():
    told = json.loads(invoke("--fault", "up lost@1", "--json").stdout)
    assert (told["cases"], told["failed"]) == (1, 0)


def test_a_part_without_a_case_is_a_usage_error_and_no_pass():
    done = invoke("--part", "999999999/999999999", "--jobs", "1")
    assert done.exit_code == 2 and "holds no case" in done.output


def test_kinds_are_listed_with_their_units_and_a_kind_with_all_its_places():
    shown = invoke("--list").stdout
    assert "void: up lost" in shown and "microsecond" in shown
    one = invoke("--list", "void: up lost").stdout
    assert one.splitlines()[0].endswith("PLACE is a frame:")
    place = one.split()[-1]
    assert invoke("--fault", f"void: up lost@{place}", "--json").exit_code == 0
    assert invoke("--list", "earthquake").exit_code == 2
    assert invoke("--list", "refund: up lost").exit_code == 2


def broken(monkeypatch: pytest.MonkeyPatch, stopped_after: int | None = None) -> None:
    """Every case fails, and the run is stopped after so many."""
    def tried(_, cases, _jobs):
        for number, case in enumerate(cases):
            if number == stopped_after:
                raise KeyboardInterrupt
            yield case, ("lost: a tap",)
    monkeypatch.setattr(command_every, "shared", tried)


def test_what_was_found_is_named_at_once_and_outlives_a_stop(monkeypatch: pytest.MonkeyPatch):
    broken(monkeypatch, stopped_after=3)
    done = invoke("--part", "1/200", "--jobs", "1")
    named = [line for line in done.stderr.splitlines() if line.startswith("FAILED: ")]
    assert done.exit_code == 130 and len(named) == 3
    assert all(" prove-every --fault '" in line for line in named)


def test_failures_beyond_those_told_at_the_end_are_counted(monkeypatch: pytest.MonkeyPatch):
    broken(monkeypatch)
    done = invoke("--part", "1/150", "--jobs", "1")
    named = done.stderr.count("FAILED: ")
    told = done.stdout.count("replay: ")
    assert done.exit_code == 1 and (told, named > told) == (10, True)
    assert f"and {named - told} more" in done.stdout
