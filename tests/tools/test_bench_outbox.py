"""The outbox benchmark counts what a tap, an answer and a mount cost."""

from tests.support.micropython import need_micropython
from tools import bench_outbox


def test_a_short_run_on_micropython_has_every_row_with_its_figures():
    runtime, rows = bench_outbox.run_on_micropython(need_micropython(), 24, 100)
    assert "MicroPython" in runtime
    assert [row[0].split(",")[0] for row in rows] == [
        "tap", "mount", "answer", "tap and answer", "mount"]


def test_a_record_costs_one_program_and_a_fraction_of_an_erase():
    rows = bench_outbox.measure(24, 300)
    figures = {row[0]: row for row in rows}
    tap, online = figures["tap, offline until full"], figures["tap and answer, online"]
    assert 1000 <= tap[2] < 1100 and tap[3] < 50
    assert 2000 <= online[2] < 2150 and online[3] < 60
    assert figures["mount, full of unsettled taps"][3] == 3000


def test_the_report_has_a_line_for_each_step():
    rows = bench_outbox.measure(12, 20)
    assert len(list(bench_outbox.report("x", rows))) == 2 + len(rows)
