"""A modem on a pseudo-terminal, and the driver on real MicroPython that has it as its UART.

The modem (simulator/modem_peer.py) lives in a thread of the test, in real time. The driver runs in
its own process with tests/firmware/modem_on_tty.py; its pins come back as lines of its output.
"""

import json
import os
import queue
import select
import subprocess
import termios
import threading
import time
import tty
from collections.abc import Callable
from typing import Any

from simulator.modem_peer import Peer
from simulator.modem_ppp import Network
from tests.support.micropython import ROOT, need_micropython

WAIT_S = 60.0
TURN_S = 0.002


class ModemOnTty:
    """`with ModemOnTty("SIM800") as modem:` switches the modem on and its driver with it. `piece`:
    how many bytes go out at once. Change `peer` inside `with modem.lock`."""

    def __init__(self, model: str, piece: int = 1000, pin: str = "", on: bool = True):
        self._started = time.monotonic()
        self.lock = threading.Lock()
        self.peer = Peer(model, self._now_ms)
        self.network = Network(self.peer)
        if on:
            self.peer.start()
        self._piece = piece
        self._end = threading.Event()
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        settings = termios.tcgetattr(self._theirs)
        # as a UART of MicroPython: a read gives what is there and never waits
        settings[6][termios.VMIN] = settings[6][termios.VTIME] = 0
        termios.tcsetattr(self._theirs, termios.TCSANOW, settings)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.noise: list[str] = []
        self._levels: dict[str, tuple[int, float]] = {}
        program = (f"from tests.firmware.modem_on_tty import main\n"
                   f"main({os.ttyname(self._theirs)!r}, {model!r}, {pin!r})\n")
        self._driver = subprocess.Popen(
            [need_micropython(), "-X", "heapsize=1M", "-c", program], cwd=ROOT,
            env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._threads = [threading.Thread(target=each, daemon=True)
                         for each in (self._carry, self._hear)]

    def _now_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def __enter__(self) -> "ModemOnTty":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._driver.kill()
        self._driver.wait()
        for each in self._threads:
            each.join()
        os.close(self._ours)
        os.close(self._theirs)

    def event(self, name: str, wanted: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """The next event of this name that is `wanted`; fails the test when none comes."""
        until = time.monotonic() + WAIT_S
        seen = []
        while True:
            try:
                event = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {name}: {seen} {self.noise} {self.peer.commands}")
            seen.append(event)
            if event.get("event") == name and wanted(event):
                return event

    def until(self, there: Callable[[Peer], object]) -> None:
        """Wait until this is so of the modem."""
        end = time.monotonic() + WAIT_S
        while True:
            with self.lock:
                if there(self.peer):
                    return
            assert time.monotonic() < end, (self.noise, self.peer.commands)
            time.sleep(0.05)

    def _carry(self) -> None:
        while not self._end.is_set():
            there, _, _ = select.select([self._ours], [], [], TURN_S)
            data = os.read(self._ours, 4096) if there else b""
            with self.lock:
                if data:
                    self.peer.receive(data)
                out = self.peer.take(self._piece)
            if out:
                os.write(self._ours, out)

    def _hear(self) -> None:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                self.noise.append(line.decode(errors="replace"))
                continue
            if event["event"] == "pin":
                self._set(event["name"], event["level"], event["ms"])
            else:
                self._lines.put(event)

    # A level stands at least as long as the driver kept it, however late its end is read.
    def _set(self, name: str, level: int, at_ms: int) -> None:
        before_ms, since = self._levels.get(name, (at_ms, 0.0))
        time.sleep(max(0.0, (at_ms - before_ms) / 1000 - (time.monotonic() - since)))
        with self.lock:
            getattr(self.peer, name).value(level)
        self._levels[name] = (at_ms, time.monotonic())
