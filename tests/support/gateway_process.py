"""The gateway's commands as real processes, with settings of their own.

`environment(folder)` is complete and for tests; `run` runs a command to its end; `Running` keeps
one in the background, reads its log as it comes and kills it when the test ends.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.house.law import ROOT
from tests.support import street

WAIT_S = 60.0
# the keys of tests.support.street, so that a street and a process share a database
KEYS = {name: key.hex() for name, key in zip(("MASTER_KEY", "AUDIT_KEY", "FRAME_KEY"), street.KEYS,
                                             strict=True)}


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Variables of a gateway whose database lies in `folder`; names without POINTWIRE_."""
    chosen = KEYS | {"ENVIRONMENT": "test", "HTTP_BIND": "127.0.0.1:0",
                     "DATABASE_URL": f"sqlite:///{folder}/pointwire.sqlite3"} | settings
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("POINTWIRE_")}
    return clean | {f"POINTWIRE_{name}": value for name, value in chosen.items()}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gateway.cli", *words]


def run(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(command(*words), env=env, cwd=ROOT, capture_output=True, text=True,
                          timeout=WAIT_S, check=False)


class Running:
    """A process in the background; `with Running(env, "worker") as worker: ...`"""

    def __init__(self, env: dict[str, str], *words: str):
        self.process = subprocess.Popen(command(*words), env=env, cwd=ROOT, text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first log line with this event, as a dict; fails when the process ends before."""
        deadline = time.monotonic() + WAIT_S
        while True:
            ended = self.process.poll() is not None
            if ended:
                self._reader.join(5)
            for line in list(self.lines):
                if line.startswith("{") and json.loads(line).get("event") == event:
                    return json.loads(line)
            assert not ended, f"ended with {self.process.returncode}: {self.text}"
            assert time.monotonic() < deadline, f"no {event!r} in: {self.text}"
            time.sleep(0.02)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def kill(self) -> None:
        """kill -9: no goodbye, no finally, no disconnect."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        code = self.process.wait(WAIT_S)
        self._reader.join(5)
        return code

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
