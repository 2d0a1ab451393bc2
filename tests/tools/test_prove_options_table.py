"""What `prove --options` tells of each option."""

from click.testing import CliRunner

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
    shown = CliRunner().invoke(prove, ["--options"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0 and "between two customers" in shown.stdout
    assert "0 to 500000" in shown.stdout
    said = CliRunner().invoke(prove, ["--help"]).stdout
    assert "pointwire prove --seed 3 --calm --set" in said and "Exit codes" in said
