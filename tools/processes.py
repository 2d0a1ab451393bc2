"""The demo's own processes: started, watched, started again when they die, stopped in the end.

Law: a child that dies by itself is said and started again with the same arguments; one that
cannot start (three deaths within a second of their start, or exit code 78, which means wrong
settings) is given up, and the demo ends with its last words. Children get no signal from the
terminal: Ctrl-C reaches the demo, which stops them in order. On Linux they die with the demo
even when it is killed. Where children are killed on purpose (tools/chaos) a `patient` process is
never given up for short lives: what it needs may be down just then.
"""

import asyncio
import contextlib
import ctypes
import math
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.errors import NotReady

EXIT_SETTINGS = 78
SHORT_LIFE_S = 1.0
SHORT_LIVES_MAX = 3
RESTART_DELAY_S = 0.1
STOP_WAIT_S = 5.0
LINE_SIZE_MAX = 1 << 20
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _in_child() -> None:
    """Between fork and exec: own session, and death with the parent."""
    os.setsid()
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One child. `on_line` gets each line of its standard output; standard error is its log, and
    `on_log` gets each line of that. `env` is read at each start, `user` (of the system, for a
    program that refuses to be root) only where we are root."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path,
                 tell: Callable[[str], None],
                 on_line: Callable[[str], None] | None = None,
                 on_log: Callable[[str], None] | None = None, patient: bool = False,
                 user: str | None = None) -> None:
        self.name = name
        self.restarts = 0
        self.env = dict(env)
        self.stop_signal = signal.SIGTERM
        self.restart_delay_s = RESTART_DELAY_S
        self.down_s: float | None = None  # for the next restart alone
        self.on_end: Callable[[int], None] = lambda code: None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._argv = list(argv)
        self._log = log
        self._tell = tell
        self._on_line = on_line
        self._on_log = on_log
        self._patient = patient
        self._user = user
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._waking = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self.on_start: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child and self._child.returncode is None else None

    def start(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def write(self, line: str) -> None:
        """One line to its standard input; lost when it is just dead."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.write(line.encode() + b"\n")

    def kill(self, down_s: float | None = None) -> bool:
        """As if its power were cut, for `down_s`, with math.inf until `wake`; False when it is
        down already."""
        if self._child is None or self._child.returncode is not None:
            return False
        self.down_s = down_s
        self._child.kill()
        return True

    def wake(self) -> None:
        """The time it was to be down is over."""
        self._waking.set()

    async def end(self) -> None:
        """Kill it for good."""
        self._stopping.set()
        self.wake()
        self.kill()
        await self.stop()

    async def stop(self) -> None:
        """Ask it to end, wait, and end it."""
        self._stopping.set()
        self.wake()
        child = self._child
        if child is not None and child.returncode is None:
            child.send_signal(self.stop_signal)
            try:
                await asyncio.wait_for(child.wait(), STOP_WAIT_S)
            except TimeoutError:
                child.kill()
        if self._watcher is not None:
            await asyncio.wait([self._watcher], timeout=STOP_WAIT_S)
            self._watcher.cancel()

    async def _watch(self) -> None:
        short_lives = 0
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            started = clock()
            try:
                code = await self._live()
            except OSError as error:
                self.fail(NotReady(f"{self.name} cannot be started: {error}. What was posted is "
                                   "safe: put right what it names and start again."))
                return
            self._waking.clear()
            self.on_end(code)
            if self._stopping.is_set():
                return
            cut = self.down_s is not None
            short_lives = short_lives + 1 if clock() - started < SHORT_LIFE_S and not cut else 0
            hopeless = short_lives >= SHORT_LIVES_MAX and not self._patient
            if code == EXIT_SETTINGS or hopeless:
                self._give_up(code)
                return
            self.restarts += 1
            self._tell(f"{self.name} ended ({how(code)}); " + (
                "down until it is switched on" if self.down_s == math.inf
                else "starting it again"))
            down_s, self.down_s = self.down_s, None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._waking.wait(),
                                       self.restart_delay_s if down_s is None else down_s)

    def _give_up(self, code: int) -> None:
        words = last_words(self._log)
        self.fail(NotReady(f"{self.name} does not start ({how(code)}): {words}. What was posted "
                           f"is safe; see {self._log}."))

    def fail(self, error: NotReady) -> None:
        """It is of no use, alive or not: whoever waits for it gets `error`."""
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # who asks gets it; asyncio need not tell it again

    async def _live(self) -> int:
        pipe = asyncio.subprocess.PIPE
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._argv, env=self.env, stdin=pipe, stderr=pipe if self._on_log else log,
                stdout=pipe if self._on_line else log, limit=LINE_SIZE_MAX,
                preexec_fn=_in_child, user=self._user if os.geteuid() == 0 else None)
        if self._stopping.is_set():
            self._child.kill()  # it was stopped while it was being started
        self.on_start()
        listening = [self._hear(self._child.stdout, self._on_line),
                     self._hear(self._child.stderr, self._logged if self._on_log else None)]
        await asyncio.gather(*listening)
        return await self._child.wait()

    async def _hear(self, stream: asyncio.StreamReader | None,
                    heard: Callable[[str], None] | None) -> None:
        if stream is not None and heard is not None:
            async for line in stream:
                heard(line.decode("utf-8", "replace").rstrip("\n"))

    def _logged(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        if self._on_log is not None:
            self._on_log(line)


def how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def last_words(log: Path) -> str:
    """The last line that is not empty, for an error message."""
    try:
        with log.open(errors="replace") as file:
            lines = deque((line.strip() for line in file if line.strip()), 1)
    except OSError:
        return "it said nothing"
    return lines[0].rstrip(".") if lines else "it said nothing"
