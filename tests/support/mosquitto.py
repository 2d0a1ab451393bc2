"""A real Mosquitto of one's own: free port, own folder, started, killed and started again.

`with Mosquitto(tmp_path) as broker:` gives `broker.port`; `kill()` and `start()` keep the port,
and sessions as far as Mosquitto itself kept them. `settings` are lines of its configuration.
"""

import os
import socket
import subprocess
import time
from pathlib import Path

from tests.support.system import need

START_WAIT_S = 10.0


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port: int) -> bool:
    """True when something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """One broker process with redelivery as in production: no cap of 20 messages under way."""

    def __init__(self, folder: Path, *settings: str):
        self._program = need("mosquitto")
        self.port = free_port()
        self._file = folder / f"mosquitto-{self.port}.conf"
        said = {line.split()[0] for line in settings}
        usual = ("max_inflight_messages 0", "max_queued_messages 0", "allow_anonymous true")
        lines = [f"listener {self.port} 127.0.0.1", *settings,
                 *(line for line in usual if line.split()[0] not in said)]
        if os.getuid() == 0:
            lines.append("user root")    # else it gives up root and cannot read our folder
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", str(self._file)],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_WAIT_S
        while not listening(self.port):
            assert self._process.poll() is None, "mosquitto ended at once"
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
