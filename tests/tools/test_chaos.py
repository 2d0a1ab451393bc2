"""Real processes under kill -9 and bad links, shortly; and that nothing of it stays behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.house.law import ROOT
from tests.support.system import need
from tools.chaos import stage
from tools.chaos.journal import Journal
from tools.errors import EXIT_BAD_RESULT, EXIT_NOT_READY, EXIT_STOPPED, NotReady

# hang guards; the figures that count are of `make chaos` on an idle machine
DRAIN_S = 170
PATIENCE_S = 360


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The command, with its folders under `folder` and no settings of another gateway."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("POINTWIRE_")}
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "tools.chaos", *words], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=ROOT, env=env | {"TMPDIR": str(folder)})


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that still have to do with `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if str(folder) in told:
            found.append(told)
    return found


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """PostgreSQL's socket lies in it, and the path of a socket is short."""
    folder = Path(tempfile.mkdtemp(prefix="pw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def play(folder: Path, *words: str) -> dict:
    """A run to its end; its JSON, with everything else it said on failure."""
    need("mosquitto")
    process = start(folder, "--json", "--drain", str(DRAIN_S), *words)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, EXIT_BAD_RESULT), err
    assert process.returncode == 0, f"{err}\n{out}"
    return json.loads(out)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("config", ["sqlite-persist", "postgresql"])
def test_under_kills_and_bad_links_every_tap_posts_exactly_once(short_folder: Path, config: str):
    seed = {"sqlite-persist": 31, "postgresql": 32}[config]
    found = play(short_folder / "chaos", "--config", config, "--minutes", "0.35", "--terminals",
                 "3", "--seed", str(seed))
    (only,) = found["rounds"]
    assert found["kills"] >= 6, only
    assert found["taps"] > 20
    assert found["posted"] + found["refused"] == found["taps"] and found["taken_back"] > 0
    assert (found["lost"], found["twice"], found["untapped"], found["unsettled"]) == (0, 0, 0, 0)
    assert only["drained_s"] is not None and only["audit"] == "clean" and not only["findings"]
    assert sum(only["faults"].values()) > 0
    assert found["folder"] is None and not list((short_folder / "chaos").iterdir())
    assert not left_behind(short_folder)


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_however_it_ends_no_process_is_left(short_folder: Path, ended_by: signal.Signals):
    need("mosquitto")
    process = start(short_folder / "chaos", "--config", "sqlite", "--minutes", "5",
                    "--terminals", "2")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "blows" in line:
            break
    # some are killed at any moment, and come back
    until = time.monotonic() + PATIENCE_S
    while len(left := left_behind(short_folder)) < 3 and time.monotonic() < until:
        assert process.poll() is None, "".join(said) + process.stderr.read()
        time.sleep(0.05)
    assert len(left) >= 3, "".join(said)
    process.send_signal(ended_by)
    process.stderr.read()
    if ended_by == signal.SIGINT:
        assert process.wait(PATIENCE_S) == EXIT_STOPPED
        assert not list((short_folder / "chaos").iterdir())
    elif sys.platform != "linux":
        return  # they die with their parent on Linux only
    process.wait(PATIENCE_S)
    _gone(short_folder)


def _gone(folder: Path) -> None:
    for _ in range(200):
        if not left_behind(folder):
            return
        psutil.wait_procs([], timeout=0.05)
    assert not left_behind(folder)


def test_without_mosquitto_it_says_what_to_install_and_starts_nothing(tmp_path: Path,
                                                                      monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(stage, "SBIN", str(tmp_path))
    with pytest.raises(NotReady, match="apt-get install mosquitto") as told:
        stage.mosquitto()
    assert told.value.exit_code == EXIT_NOT_READY


def lines_of(journal: Journal, last: Sequence[tuple[str, object]]) -> tuple[str, ...]:
    journal.last_kill()
    for who, what in last:
        journal.note(who, what)
    return journal.slowest()


def test_the_journal_tells_hop_by_hop_who_owed_longest(tmp_path: Path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.note("handset 7", {"event": "link", "up": False})
    journal.owes("handset 8", 0)
    assert lines_of(journal, []) == ()
    journal.owes("handset 7", 3)
    told = lines_of(journal, [("handset 7", {"event": "settled", "trace": 1}),
                              ("handset 7", {"event": "settled", "trace": 2}),
                              ("handset 8", {"event": "link", "up": True}),
                              ("worker 0", {"event": "subscribed"})])
    assert [line.split("s  ", 1)[1].split(" {")[0] for line in told[-3:]] == [
        "chaos: the last kill", "handset 7: settled", "worker 0: subscribed"]
    journal.close()
    rows = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert rows[0]["who"] == "handset 7" and rows[0]["what"]["up"] is False
