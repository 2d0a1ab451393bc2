"""The frame benchmark measures both sides on the same tap and says whether the figure is met."""

import json
from typing import Any

from protocol import cbor, frames
from tests.support.micropython import need_micropython
from tools import bench_frames


def test_both_sides_carry_the_same_fields():
    text = json.dumps(bench_frames.SALE_AS_JSON)
    numbers = {value for value in bench_frames.SALE if isinstance(value, int)}
    for value in {*numbers, *bench_frames.SALE.card} - {1}:
        assert str(value) in text
    assert len(bench_frames.SALE_AS_JSON) == 2 + sum(v is not None for v in bench_frames.SALE)


def test_a_short_run_on_micropython_has_every_row_with_its_figures():
    runtime, rows = bench_frames.run_on_micropython(need_micropython(), 3, 40)
    assert "MicroPython" in runtime
    figures = {name: (size, took, heap) for name, size, took, heap in rows}
    assert list(figures) == [name for name, _, _ in bench_frames.contestants()]
    assert figures["seal, preallocated"][0] == 93
    assert figures["seal, preallocated"][2] < figures["seal, plain"][2]
    assert all(took > 0 and heap > 0 for _, took, heap in figures.values())


def test_every_contestant_does_its_work():
    made: dict[str, Any] = {name: make() for name, make, _ in bench_frames.contestants()}
    frame = bytes(made["seal, preallocated"])
    assert frame == made["seal, plain"]
    assert made["open: verify, decode"] == cbor.decode(frames.split(frame, 1024).payload)
    assert made["HMAC, json.loads"] == bench_frames.SALE_AS_JSON
    assert len(made["json.dumps + HMAC"]) == 32


def test_the_report_names_a_figure_that_is_missed():
    rows = [("seal, preallocated", 93, 2300, 500), ("json.dumps + HMAC", 255, 1000, None)]
    assert bench_frames.ratio_percent(rows) == 230
    lines = list(bench_frames.report("somewhere", rows))
    assert lines[-1].endswith("2.30x json.dumps + HMAC (at most 2.20x): MISSED")
    rows[0] = ("seal, preallocated", 93, 1500, 500)
    assert list(bench_frames.report("somewhere", rows))[-1].endswith("reached")
