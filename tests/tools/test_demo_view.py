"""What a person sees of a tap: amounts, points and balance, and never a card number."""

import io

from rich.console import Console

from tools import demo_view
from tools.demo_run import Shown
from tools.handsets import Settled
from tools.state import Home, Running

TAP = Shown(7, 5, 1, 1250, 6200001234567892, None)
ANSWER = Settled(7, 5, 1, 0, 15, 40, "王*明", "银卡", 9)


def test_a_tap_shows_first_that_it_is_saved_and_then_what_it_brought():
    assert demo_view.row(TAP) == ("7", "1", "****7892", "", "", "12.50", "", "", "saved")
    posted = demo_view.row(TAP._replace(settled=ANSWER))
    assert posted == ("7", "1", "****7892", "王*明", "银卡", "12.50", "+15", "40", "posted")


def test_a_refusal_is_named():
    refused = Settled(7, 5, 1, 10, 0, None, None, None, None)
    assert demo_view.row(TAP._replace(settled=refused))[-1] == "card_unknown"


def shown(terminal: bool) -> str:
    out = io.StringIO()
    with demo_view.View(Console(file=out, force_terminal=terminal, width=120)) as view:
        view.show(TAP)
        view.show(TAP._replace(settled=ANSWER))
        view.tell("a line for a person [that is no markup]")
    return out.getvalue()


def test_on_a_terminal_there_is_a_table_and_elsewhere_lines():
    assert "balance" in shown(terminal=True) and "王*明" in shown(terminal=True)
    lines = shown(terminal=False).splitlines()
    assert len(lines) == 2 and "+15 40 posted" in lines[0] and "[that is no" in lines[1]
    assert "6200001234567892" not in shown(True) + shown(False)


def test_it_is_said_where_everything_listens(tmp_path):
    running = Running("127.0.0.1", 1, "127.0.0.1", 2, 10000001, (7,), {})
    text = "\n".join(demo_view.where_it_listens(running, Home(tmp_path)))
    assert "mqtt://127.0.0.1:1" in text and "http://127.0.0.1:2/v1/frames" in text
    assert "terminal keys 10000001" in text
    assert f"{tmp_path}/environment" in text and "gateway audit" in text


def test_a_command_that_is_not_on_the_path_is_written_as_it_was_called(monkeypatch):
    monkeypatch.setattr("sys.argv", [".venv/bin/pointwire", "demo"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo_view.pointwire() == ".venv/bin/pointwire"
