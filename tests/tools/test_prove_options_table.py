"""What `prove --options` tells of each option."""

import io

import pytest
from click.testing import CliRunner
from rich.console import Console

from tools.prove import options_table
from tools.prove.command import prove
from tools.prove.options import Options


def test_every_option_is_told_once_with_its_group_range_and_usual_value():
    found = list(options_table.told())
    assert tuple(each.name for each in found) == Options._fields
    assert tuple(each.usual for each in found) == tuple(Options())
    assert all(each.group and each.least <= each.usual <= each.most for each in found)


def test_the_meaning_is_the_comment_beside_the_option():
    found = {each.name: each for each in options_table.told()}
    assert found["planted"].meaning == "another's frame, sealed with this terminal's key"
    assert found["blackouts"].group == "the link of each handset"
    assert found["terminals"][3:5] == (1, 4)


def test_the_command_shows_the_table_and_its_help_an_example_and_the_exit_codes():
    shown = CliRunner().invoke(prove, ["--options"])
    assert shown.exit_code == 0 and "between two customers" in shown.stdout
    assert "0 to 500000" in shown.stdout
    said = CliRunner().invoke(prove, ["--help"]).stdout
    assert "pointwire prove --seed 3 --calm --set" in said and "Exit codes" in said


def test_a_pipe_gets_each_option_on_one_line_with_its_range_and_meaning():
    lines = CliRunner().invoke(prove, ["--options"]).stdout.splitlines()
    for each in options_table.told():
        line, = (line for line in lines if line.split()[1:2] == [each.name])
        assert f"{each.least} to {each.most}" in line and each.meaning in line


def test_a_narrow_terminal_shows_every_name_whole():
    shown = io.StringIO()
    Console(file=shown, width=80).print(options_table.table())
    assert max(map(len, shown.getvalue().splitlines())) <= 80
    assert set(Options._fields) <= set(shown.getvalue().split())


@pytest.mark.parametrize(("word", "meant"), [
    ("killed_between_replies=3", "killed_between_replies_per_1000"), ("blackout=2", "blackouts"),
    ("xyzzy=1", None)])
def test_an_option_nearly_named_is_suggested(word: str, meant: str | None):
    said = CliRunner().invoke(prove, ["--set", word])
    assert said.exit_code == 2 and "--options" in said.output
    assert (meant is None) == ("did you mean" not in said.output)
    assert meant is None or f"did you mean {meant}?" in said.output
