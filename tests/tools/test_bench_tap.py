"""The benchmark of a tap: what it times is a frame on flash, and what is judged."""

from pathlib import Path

import pytest

from firmware.outbox import Outbox
from protocol import cbor, frames
from tests.support.micropython import need_micropython
from tools import bench_tap


def test_a_short_run_on_micropython_has_every_figure():
    runtime, (size, heap, rows, percent) = bench_tap.run_on_micropython(need_micropython(), 3, 20)
    assert "MicroPython" in runtime and 80 < size < 110
    assert [name for name, _ in rows] == list(bench_tap.SIDES)
    assert all(each > 100 for each in heap)
    assert all(took_ns > 0 for _, took_ns in rows)
    assert len(percent) == 2 and all(each > 50 for each in percent)


def test_both_ways_of_json_give_the_same_bytes():
    assert bench_tap.as_json() == bench_tap.as_json_with_pads()


def test_what_is_timed_ends_on_flash_and_holds_what_the_json_says():
    device = bench_tap.Memory(bench_tap.BLOCKS)
    till = bench_tap.Till(device)
    till.tap()
    found = Outbox(device)
    found.mount()
    content = cbor.decode(frames.split(bytes(found.frame(bench_tap.JOURNAL, 1)),
                                        1024).payload)
    assert content[7] == bench_tap.AMOUNT_MINOR
    assert content[6] == bench_tap.CARD
    till.settle()
    assert till.outbox.unsettled == 0


@pytest.mark.parametrize("percent, said", [(300, "): reached"), (301, "3.01x json")])
def test_three_times_is_the_most(percent: int, said: str):
    rows = [91, [None, None], [(name, 9) for name in bench_tap.SIDES], [percent, 400]]
    assert said in list(bench_tap.report("x", rows))[-1]
    assert bench_tap.reached(rows) is (percent == 300)


def test_it_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    bench_tap.measure(1, 5)
    assert not list(tmp_path.iterdir())
