"""How a command ends: one line, a code, and a traceback only where it is a bug."""

import json
import sys
from io import BytesIO, TextIOWrapper

import click
import pytest

from gateway import listing
from gateway.errors import GatewayError
from gateway.plainly import plainly
from tests.support.gateway_process import KEYS


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    for name, key in KEYS.items():
        monkeypatch.setenv(f"POINTWIRE_{name}", key)


@pytest.mark.parametrize(("fault", "told"), [
    (GatewayError("Nothing was done; card 6200001234567892."), "card ****7892"),
    (FileNotFoundError(2, "No such file", "/x/y"), "/x/y: No such file. What was committed is")])
def test_an_error_is_one_line_and_a_code(fault, told, capsys):
    with pytest.raises(SystemExit) as ended, plainly("rates list", 5):
        raise fault
    err = capsys.readouterr().err
    assert ended.value.code == 5 and told in err and err.count("\n") == 1
    assert err.startswith("pointwire gateway rates list: ")


def test_a_wrong_setting_ends_with_78_before_anything_is_done(monkeypatch, capsys):
    monkeypatch.setenv("POINTWIRE_BATCH_MAX", "many")
    with pytest.raises(SystemExit) as ended, plainly("worker"):
        raise AssertionError("something was done")
    assert ended.value.code == 78 and "POINTWIRE_BATCH_MAX" in capsys.readouterr().err


@pytest.mark.parametrize(("fault", "told", "code"), [
    (KeyboardInterrupt(), "interrupted. What was committed is safe", 130),
    (click.Abort(), "not answered. Nothing was done", 5)])
def test_who_breaks_off_is_told_what_is_safe(fault, told, code, capsys):
    with pytest.raises(SystemExit) as ended, plainly("holds take", 5):
        raise fault
    err = capsys.readouterr().err
    assert ended.value.code == code and told in err and err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
def test_a_name_that_a_screen_does_not_have_ends_no_list(encoding, monkeypatch):
    screen = TextIOWrapper(BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", screen)
    with plainly("rates list"):
        listing.show(("member",), [("王𠀀明",)])
        screen.write(listing.as_json(["王𠀀明"]) + "\n")
    shown, told = screen.buffer.getvalue().decode(encoding).splitlines()
    assert json.loads(told) == ["王𠀀明"]
    assert (shown == "王𠀀明") == (encoding == "utf-8")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), plainly("worker"):
        raise ZeroDivisionError
