"""How a report looks on a terminal, in a pipe and to a program."""

import io
import json

from gateway.audit.report import Checked, Docket, Finding, Report
from gateway.audit.showing import as_json, bar, show

FOUND = Finding("cards", "7", "changed, it is not what [the] registry last wrote.", "Compare.")
WRONG = Report((FOUND,), (Checked("cards", 9), Checked("members", 3)), (), 4)
CLEAN = Report((), (Checked("cards", 9),), (Checked("members", 3),), 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(report: Report, out: io.StringIO) -> str:
    show(report, out)
    return out.getvalue()


def test_in_a_pipe_each_finding_is_one_line_as_it_is():
    assert shown(WRONG, io.StringIO()).splitlines() == [
        "cards 7: changed, it is not what [the] registry last wrote. Compare.",
        "1 finding (and 4 more), 12 rows checked"]
    assert shown(CLEAN, io.StringIO()) == (
        "clean: 9 rows checked, 3 derived rows rebuilt, nothing is wrong\n")


def test_forged_text_of_any_size_is_shown_cut():
    docket = Docket()
    for size in (10, 1_000_000, 1_000_001):
        docket.find("cards", "k" * size, f"state is {'x' * size}, not what it was.", "Compare.")
    short, *long = docket.report(["cards"]).findings
    assert short.row == "k" * 10 and short.wrong == "state is xxxxxxxxxx, not what it was."
    assert [each.row for each in long] == [
        "k" * 120 + "\u2026 (1000000 characters)", "k" * 120 + "\u2026 (1000001 characters)"]
    assert all(each.wrong.startswith("state is xxx") and len(each.wrong) < 450 for each in long)


def test_on_a_terminal_findings_are_a_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = shown(WRONG, Terminal())
    assert "what to do" in text and "[the] registry" in text and "12 rows checked" in text
    assert "what to do" not in shown(CLEAN, Terminal())


def test_a_program_gets_one_object_with_everything():
    assert json.loads(as_json(WRONG)) == {
        "ok": False, "findings": [FOUND._asdict()], "left_out": 4,
        "checked": {"cards": 9, "members": 3}, "rebuilt": {}}
    assert json.loads(as_json(CLEAN))["ok"] is True


def test_a_bar_is_drawn_only_where_somebody_looks(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with bar(False, io.StringIO()) as progress:
        assert progress is None
    with bar(True, Terminal()) as progress:
        assert progress is None
    out = Terminal()
    with bar(False, out) as progress:
        assert progress is not None
        progress("entries", 500, 1000)
    assert "entries" in out.getvalue() and "500/1000" in out.getvalue()
