"""What is typed wrongly is told in our own words, in the same way by every command."""

from datetime import date

import click
import pytest
from click.testing import CliRunner

from gateway.cli import gateway
from gateway.cli_words import DAY, Number

WHOLE = Number(0, 100_000)


def leaves(group: click.Group, *path: str):
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from leaves(each, *path, name)
        else:
            yield (*path, name), each


@pytest.mark.parametrize("text", ["0", "7", "+7", "100000"])
def test_plain_digits_are_a_number(text):
    assert WHOLE.convert(text, None, None) == int(text)


@pytest.mark.parametrize("text", [
    "", "-", "x", "95%", "9.5", "1e3", "1_000", "1,000", " 7", "５０", "²", "-1",
    "100001", "9" * 5000])
def test_anything_else_is_told_in_short(text):
    with pytest.raises(click.BadParameter, match="is no whole number from 0 to 100000") as told:
        WHOLE.convert(text, None, None)
    assert len(told.value.message) < 100


@pytest.mark.parametrize("text", [str(2**63), "-" + "9" * 19, "9" * 5000])
def test_a_number_too_large_for_all_is_not_called_none(text):
    for kind in (Number(), Number(1)):
        with pytest.raises(click.BadParameter, match="is larger than any number here") as told:
            kind.convert(text, None, None)
        assert len(told.value.message) < 100
    assert Number().convert(str(1 - 2**63), None, None) == 1 - 2**63


def test_a_day_is_written_as_days_are():
    assert DAY.convert("2026-11-30", None, None) == date(2026, 11, 30)
    for text in ("2026-13-01", "2026-02-30", "30.11.2026", "", "tomorrow", "0000-01-01"):
        with pytest.raises(click.BadParameter, match="is no day; write it as 2026-11-30"):
            DAY.convert(text, None, None)


@pytest.mark.parametrize(("words", "told"), [
    (("rates", "set"), "Missing argument 'MERCHANT'. Nothing was done."),
    (("rates", "sell"), "No such command 'sell'. Nothing was done."),
    (("nothing",), "No such command 'nothing'. Nothing was done."),
    (("--nothing",), "No such option"),
    (("adjust", "list", "--jsn"), "Nothing was done."),
    (("jobs", "x"), "unexpected extra argument (x). Nothing was done."),
    (("requeue",), "or --all. Nothing was done."),
    (("adjust", "propose", "bonus"), "'KIND': 'bonus' is not one of"),
    (("holds", "take", "6200000000000005"), "'****0005' is no whole number")])
def test_every_group_says_that_nothing_was_done(words, told):
    ended = CliRunner().invoke(gateway, words)
    said = " ".join(ended.stderr.split())
    assert ended.exit_code == 2 and told in said and said.endswith("Nothing was done.")
    assert "6200000000000005" not in ended.output


def test_a_group_alone_shows_its_help():
    ended = CliRunner().invoke(gateway, ["holds"])
    assert "release" in ended.output and "Nothing was done" not in ended.output


def test_no_command_tells_numbers_and_days_in_other_words():
    """click's own types say what is wrong in its words, and no card number is cut there."""
    for path, each in leaves(gateway):
        for parameter in each.params:
            assert not isinstance(parameter.type, click.types.IntParamType | click.DateTime), path


def test_what_a_person_is_told_a_program_can_have_too():
    """But for processes, and commands whose code says it all; a proof is JSON always."""
    without = {" ".join(path) for path, each in leaves(gateway) if not any(
        "--json" in parameter.opts for parameter in each.params)}
    assert without == {"worker", "web", "jobs", "migrate", "requeue", "terminal rotate",
                       "terminal revoke", "recovery begin", "recovery end", "root prove"}
