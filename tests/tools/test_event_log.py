"""The log of a run: its path is tried first, and the result is told whatever becomes of it."""

from pathlib import Path

import pytest

from tools.errors import EXIT_BAD_RESULT, EXIT_UNWRITABLE, Unwritable
from tools.event_log import EventLog


def test_lines_are_in_the_file_in_their_order(tmp_path: Path):
    log = EventLog(tmp_path / "log")
    assert log.echo is not None
    for line in ("one", "二"):
        log.echo(line)
    log.end(good=True)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\n二\n"


def test_a_path_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path):
    with pytest.raises(Unwritable, match="no/log.*Nothing was run"):
        EventLog(tmp_path / "no" / "log")


def test_without_a_path_nothing_is_kept_and_a_bad_run_ends_with_its_code():
    log = EventLog(None)
    assert log.echo is None
    log.end(good=True)
    with pytest.raises(SystemExit) as ended:
        log.end(good=False)
    assert ended.value.code == EXIT_BAD_RESULT


@pytest.mark.parametrize(("good", "code"), [(True, EXIT_UNWRITABLE), (False, EXIT_BAD_RESULT)])
def test_a_disk_that_is_full_in_the_end_does_not_hide_the_result(good, code, capsys):
    log = EventLog(Path("/dev/full"))
    assert log.echo is not None
    log.echo("a line")
    with pytest.raises(SystemExit) as ended:
        log.end(good=good)
    assert ended.value.code == code and "the result above stands" in capsys.readouterr().err
