"""The command line of `python -m simulator`: wrong input ends with its exit code and one line."""

import pytest

from simulator import __main__ as command

URL = "mqtt://127.0.0.1:1"


def test_a_key_file_that_is_not_there_is_named(capsys):
    assert command.main(["--gateway", URL, "--keys", "/nowhere/keys"]) == command.EXIT_KEYS
    assert "/nowhere/keys" in capsys.readouterr().err


def test_a_key_file_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "keys").write_bytes(b"\xff\xfe")
    code = command.main(["--gateway", URL, "--keys", str(tmp_path / "keys")])
    assert code == command.EXIT_KEYS and capsys.readouterr().err.count("\n") == 1


def test_an_address_that_is_none_is_a_usage_error(capsys):
    assert command.main(["--gateway", "gateway", "--keys", "x"]) == command.EXIT_USAGE
    assert "mqtt://host:port" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [[], ["--gateway", URL], ["--keys", "x"],
                                   ["--gateway", URL, "--keys", "x", "--taps", "0"]])
def test_a_wrong_command_line_ends_with_2(wrong: list[str]):
    with pytest.raises(SystemExit) as ended:
        command.main(wrong)
    assert ended.value.code == command.EXIT_USAGE


def test_the_help_lists_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "Exit codes" in capsys.readouterr().out
