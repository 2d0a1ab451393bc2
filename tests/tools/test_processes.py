"""The demo's processes: a dead one comes back, a hopeless one is given up with its last words."""

import asyncio
import gc
import math
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tools.errors import NotReady
from tools.processes import Process, last_words

ECHO = "import os,sys\nprint('up', os.getpid(), flush=True)\nfor l in sys.stdin: print(l, end='')"


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        await asyncio.wait_for(main(), 20)
    asyncio.run(timed())


class Child:
    """A Python child with its lines in a queue."""

    def __init__(self, code: str, folder: Path) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.told: list[str] = []
        self.process = Process("child", [sys.executable, "-c", code], os.environ,
                               folder / "child.log", self.told.append, self.lines.put_nowait)
        self.process.start()


def test_what_is_written_to_a_child_comes_back_as_lines(tmp_path: Path):
    async def main() -> None:
        child = Child(ECHO, tmp_path)
        assert (await child.lines.get()).startswith("up ")
        child.process.write("hello")
        assert await child.lines.get() == "hello"
        await child.process.stop()
        assert child.process.pid is None and child.told == []
    run(main)


def test_a_killed_child_is_said_and_started_again(tmp_path: Path):
    async def main() -> None:
        child = Child(ECHO, tmp_path)
        first = (await child.lines.get()).split()[1]
        os.kill(int(first), signal.SIGKILL)
        second = (await child.lines.get()).split()[1]
        assert first != second and child.process.restarts == 1
        assert "signal 9" in child.told[0] and "again" in child.told[0]
        await child.process.stop()
    run(main)


def test_a_cut_child_stays_down_until_it_is_woken_and_no_number_of_cuts_gives_it_up(
        tmp_path: Path):
    async def main() -> None:
        child = Child(ECHO, tmp_path)
        for _ in range(4):
            await child.lines.get()
            ended = asyncio.Event()
            child.process.on_end = lambda code, ended=ended: ended.set()
            assert child.process.kill(math.inf)
            await ended.wait()
            await asyncio.sleep(0.3)
            assert child.process.pid is None and child.lines.empty()
            assert not child.process.kill(math.inf)
            child.process.wake()
        await child.lines.get()
        assert not child.process.failed.done() and "until it is switched on" in child.told[0]
        await child.process.stop()
    run(main)


def test_a_child_that_is_down_is_stopped_at_once(tmp_path: Path):
    async def main() -> None:
        child = Child(ECHO, tmp_path)
        await child.lines.get()
        child.process.kill(math.inf)
        await asyncio.sleep(0.3)
        await child.process.stop()
        assert child.process.pid is None
    run(main)


@pytest.mark.parametrize("code", [78, 1])
def test_a_child_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path, code: int):
    async def main() -> None:
        child = Child(f"import sys; print('no key', file=sys.stderr); sys.exit({code})", tmp_path)
        with pytest.raises(NotReady, match="no key"):
            await child.process.failed
        assert child.process.restarts == (0 if code == 78 else 2)
        await child.process.stop()
    run(main)


def test_a_child_that_ignores_the_request_to_stop_is_ended(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tools.processes.STOP_WAIT_S", 0.2)

    async def main() -> None:
        child = Child("import signal\nsignal.signal(15, signal.SIG_IGN)\n" + ECHO, tmp_path)
        await child.lines.get()
        await child.process.stop()
        assert child.process.pid is None
    run(main)


def test_the_last_words_of_a_silent_child_are_said_to_be_none(tmp_path: Path):
    assert last_words(tmp_path / "none.log") == "it said nothing"


def test_the_last_words_bring_no_full_stop_of_their_own(tmp_path: Path):
    (tmp_path / "child.log").write_text("first\nport taken. Free it.\n\n")
    assert last_words(tmp_path / "child.log") == "port taken. Free it"


def test_a_child_that_cannot_even_be_begun_is_given_up_at_once(tmp_path: Path):
    (tmp_path / "child.log").mkdir()

    async def main() -> None:
        child = Child(ECHO, tmp_path)
        with pytest.raises(NotReady, match="child cannot be started: .*child.log"):
            await child.process.failed
        await child.process.stop()

    run(main)


def test_a_failure_that_nobody_waited_for_is_not_told_by_asyncio_too(tmp_path, caplog):
    async def fail() -> None:
        Process("part", ["true"], {}, tmp_path / "log", lambda _: None).fail(NotReady("broken"))

    asyncio.run(fail())
    gc.collect()
    assert not caplog.records


def test_a_killed_child_stays_down_as_long_as_was_said_and_may_be_stopped_meanwhile(
        tmp_path: Path):
    async def main() -> None:
        child = Child(ECHO, tmp_path)
        await child.lines.get()
        assert child.process.kill(down_s=3600)
        while child.process.pid is not None:
            await asyncio.sleep(0.01)
        assert not child.process.kill() and child.lines.empty()
        await child.process.stop()
        assert child.process.pid is None
    run(main)


def test_a_patient_process_is_never_given_up_and_its_log_is_heard(tmp_path: Path):
    async def main() -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        argv = [sys.executable, "-c", "import os,sys; sys.exit(os.environ['WORD'])"]
        process = Process("child", argv, {**os.environ, "WORD": "first"}, tmp_path / "log",
                          lambda line: None, on_log=heard.put_nowait, patient=True)
        codes: list[int] = []
        process.on_end = codes.append
        process.restart_delay_s = 0
        process.start()
        assert await heard.get() == "first"
        process.env["WORD"] = "again"
        while await heard.get() != "again" or len(codes) < 4:
            pass
        assert set(codes) == {1} and not process.failed.done()
        await process.end()
        assert process.pid is None and "first\nagain" in (tmp_path / "log").read_text().replace(
            "first\nfirst", "first")
    run(main)


def test_a_process_that_is_ended_while_it_starts_is_not_left_behind(tmp_path: Path):
    async def main() -> None:
        child = Child("import time; time.sleep(3600)", tmp_path)
        await child.process.end()
        assert child.process.pid is None
    run(main)
