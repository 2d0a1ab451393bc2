"""Metrics: our own mistakes are counted apart, and a taken address is said plainly."""

import socket
import urllib.request

import pytest

from gateway import metrics
from gateway.settings import Address


def test_an_unexpected_error_is_counted():
    before = metrics.unexpected_errors()
    try:
        raise RuntimeError("planted")
    except RuntimeError:
        metrics.unexpected("test")
    assert metrics.unexpected_errors() == before + 1


def test_the_counts_are_shown_where_the_settings_say():
    server = metrics.serve(Address("127.0.0.1", 0))
    try:
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(url) as answer:
            assert b"pointwire_unexpected_errors" in answer.read()
    finally:
        server.shutdown()


def test_a_taken_address_is_named_with_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(metrics.MetricsError, match=f"127.0.0.1:{port}.*METRICS_BIND"):
            metrics.serve(Address("127.0.0.1", port))
