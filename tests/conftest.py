"""The files with the longest tests begin first, on all workers: else one is left with them."""

import os

import pytest

# with tests of ten seconds to a minute
LONG = (
    "tests/e2e/test_offline_month.py", "tests/e2e/test_stranger.py",
    "tests/firmware/test_bad_brokers.py", "tests/firmware/test_board_esp32_sim800.py",
    "tests/firmware/test_board_modem_tty.py", "tests/firmware/test_heap.py",
    "tests/firmware/test_heap_sweep.py", "tests/firmware/test_outbox_power_cut.py",
    "tests/firmware/test_portable.py", "tests/gateway/test_orders.py",
    "tests/gateway/test_races.py", "tests/gateway/test_year.py", "tests/tools/test_chaos.py",
    "tests/tools/test_demo.py", "tests/tools/test_prove_bugs.py",
    "tests/tools/test_prove_every.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker gets an even share in one piece (xdist, `--dist worksteal`): a part of the long
    ones stands before each piece of the rest."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [each for each in items if each.nodeid.startswith(LONG)]
    rest = [each for each in items if not each.nodeid.startswith(LONG)]
    items[:] = [each for worker in range(workers) for each in (
        *longest[worker::workers],
        *rest[len(rest) * worker // workers:len(rest) * (worker + 1) // workers])]
