"""Ctrl-C among processes that share work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.prove.cores import shared

ROOT = Path(__file__).parents[2]
SLOW = """
import signal, sys, time
from tools.prove.cores import shared

def work(item):
    if item:
        time.sleep(60)
    return item

def late(*heard):
    time.sleep(1)  # the others have the time to say something
    signal.default_int_handler(*heard)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, late)
    try:
        for done in shared(work, range(8), 2):
            print(done, flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_items_are_worked_on_whatever_the_processes(jobs: int):
    assert sorted(shared(abs, range(-5, 0), jobs)) == [1, 2, 3, 4, 5]


def test_ctrl_c_is_heard_by_one_process_and_ends_all(tmp_path: Path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    with subprocess.Popen([sys.executable, str(script)],
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "0\n"
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and said == ""
