"""`pointwire gateway root` and `audit --roots`: places where no roots are, told in our words."""

import json

import pytest

from gateway.clock import utc_now
from tests.support.commands import command
from tests.support.street import Street


@pytest.fixture
def street(sqlite_engine) -> Street:
    street = Street(sqlite_engine, opening=utc_now())
    street.answers(street.sale())
    return street


def test_a_root_is_told_to_a_program_too(street, tmp_path):
    first, again = (json.loads(command(street, "root", "export", "--to", str(tmp_path),
                                       "--json").stdout) for _ in range(2))
    assert (first["entries"], first["lines"], again["lines"]) == (1, 1, 0)
    assert first["root"] == again["root"] and first["file"] == str(tmp_path / "roots.jsonl")


@pytest.mark.parametrize(("words", "code"), [
    (("audit", "--roots"), 2), (("root", "prove", "1", "--from"), 1)])
def test_a_place_without_roots_is_told_before_anything_is_checked(street, tmp_path, words, code):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    for place, said in (("none", "there is no such file"), ("empty", "has no root in it"),
                        ("empty/x", "what should be its folder is a file"),
                        ("folder", "roots.jsonl cannot be read: there is no such file")):
        told = command(street, *words, str(tmp_path / place))
        assert (told.exit_code, told.stdout) == (code, ""), place
        assert said in told.stderr and "Nothing was checked" in told.stderr, told.stderr
    for place in ("/dev/null", " "):
        told = command(street, *words, place)
        assert told.exit_code == code and "is no file of roots. Nothing was done" in told.stderr


def test_an_empty_name_is_not_this_folder(street, tmp_path, monkeypatch):
    command(street, "root", "export", "--to", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    told = command(street, "audit", "--roots", "")
    assert told.exit_code == 2 and "'' is no file of roots" in told.stderr


def test_a_root_is_written_where_it_can_be_or_nowhere(street, tmp_path):
    (tmp_path / "file").write_text("mine\n")
    for place, said in (("no/roots", "cannot be written: there is no such file or folder"),
                        ("file/roots", "what should be its folder is a file"),
                        ("file", "is no line of roots")):
        told = command(street, "root", "export", "--to", str(tmp_path / place))
        assert told.exit_code == 1 and said in told.stderr and "Nothing was written" in told.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine\n"
