"""Who waits for a job at a terminal sees how far it is; a pipe and a service see nothing."""

import io

from gateway.jobs_showing import counter
from tests.gateway.test_audit_showing import Terminal


def test_rows_are_counted_on_a_terminal_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = Terminal(), io.StringIO()
    for shown, err in ((True, terminal), (False, pipe), (True, pipe)):
        with counter(shown, err) as progress:
            progress("expire lots", 12_000)
    assert "expire lots: 12,000 rows" in terminal.getvalue() and not pipe.getvalue()


def test_a_service_at_a_terminal_draws_nothing():
    terminal = Terminal()
    with counter(False, terminal) as progress:
        progress("expire lots", 1)
    assert not terminal.getvalue()
