"""The `pointwire` command: what it offers, and that errors are one line and not a traceback."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gateway.errors import GatewayError
from tools import cli
from tools.errors import EXIT_UNWRITABLE, Busy, NotReady


def test_help_names_every_command():
    shown = CliRunner().invoke(cli.pointwire, ["--help"]).output
    assert all(name in shown for name in ("demo", "simulate", "terminal", "gateway"))


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_can_be_imported_and_explains_itself(name: str):
    shown = CliRunner().invoke(cli.pointwire, [name, "--help"])
    assert shown.exit_code == 0 and "Usage: pointwire " + name in shown.output


def test_a_command_nobody_knows_is_a_usage_error():
    assert CliRunner().invoke(cli.pointwire, ["post"]).exit_code == 2


@pytest.mark.parametrize("words", [
    ("{}",), ("terminal", "keys", "{}"), ("recount", "{}"), ("simulate", "--seed", "x{}"),
    ("gateway", "statement", "{}x")])
def test_no_command_repeats_a_card_number(words: tuple[str, ...]):
    card = "6200001234567892"
    ended = CliRunner().invoke(cli.pointwire, [word.format(card) for word in words])
    assert ended.exit_code == 2 and card not in ended.output
    assert ended.stderr.endswith(" Nothing was done.\n") and ended.stderr.count("Nothing was") == 1


def test_a_package_that_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, "prove", ("tools.no_such", "x", ""))
    with pytest.raises(ModuleNotFoundError):  # a bug of ours stays one
        CliRunner().invoke(cli.pointwire, ["prove"], catch_exceptions=False)
    monkeypatch.setitem(cli.COMMANDS, "prove", ("apsw_of_nobody", "x", ""))
    with pytest.raises(NotReady, match="prove needs apsw_of_nobody.*`make .venv/.dev` installs"):
        CliRunner().invoke(cli.pointwire, ["prove"], catch_exceptions=False)


def test_errors_of_the_rooms_end_with_their_own_codes():
    assert cli.exit_code(Busy("x")) == Busy.exit_code
    assert cli.exit_code(GatewayError("x")) not in (0, 2)


def test_what_the_system_refuses_is_one_line_too(monkeypatch, capsys):
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device", "var/demo/running.new")

    monkeypatch.setattr(cli, "pointwire", full)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == EXIT_UNWRITABLE
    told = capsys.readouterr().err
    assert "var/demo/running.new: No space left" in told and told.count("\n") == 1


def test_an_error_is_one_line_without_a_traceback(tmp_path):
    env = {**os.environ, "POINTWIRE_DEMO_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-m", "tools.cli", "terminal", "list"], env=env,
                           capture_output=True, text=True)
    assert ended.returncode == 4 and ended.stdout == ""
    assert ended.stderr.startswith("pointwire: ") and ended.stderr.count("\n") == 1
