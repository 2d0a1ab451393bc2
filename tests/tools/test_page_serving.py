"""Where the page is served: on this machine alone, on a port that is free."""

import socket

import pytest

from tests.support.page_street import Page
from tools.errors import PortTaken
from tools.page import serving


def test_a_port_that_was_named_and_is_taken_is_an_error_and_the_usual_one_gives_way(monkeypatch):
    with socket.socket() as taken:
        taken.bind((serving.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"{port}.*--page"):
            serving.listen(port)
        monkeypatch.setattr(serving, "PORT", port)
        with serving.listen(None) as found:
            assert found.getsockname()[1] not in (0, port)


def test_it_is_bound_to_the_loopback_address():
    with serving.listen(0) as found:
        assert found.getsockname()[0] == "127.0.0.1"


def test_at_its_end_nothing_listens_any_more_and_open_pages_are_let_go():
    with Page() as page:
        port = page.port
        link = socket.create_connection(("127.0.0.1", port), 20)
        link.sendall(f"GET /events HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert link.recv(100)
    with link:
        while link.recv(65536):
            pass
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 2)
