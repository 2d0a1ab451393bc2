"""The jobs: in chunks, stoppable after each, and one that fails keeps no other from its turn."""

import threading
from datetime import datetime, timezone

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from gateway import jobs, metrics
from gateway.errors import TryLater
from gateway.jobs import Jobs, next_rows
from gateway.keyring import Keyring
from gateway.roots import RootError

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


class Heap:
    """A job with so many rows to do; does at most `most` of what it is asked for."""

    def __init__(self, rows: int, most: int = 1_000_000):
        self.rows = rows
        self.most = most
        self.chunks: list[int] = []

    def __call__(self, engine, keyring, now, rows_max) -> int:
        done = min(self.rows, rows_max, self.most)
        self.rows -= done
        self.chunks.append(done)
        return done


def made(*chunks, stopping: threading.Event | None = None) -> Jobs:
    named = tuple((f"job {place}", chunk) for place, chunk in enumerate(chunks))
    keyring = Keyring(b"a" * 32, b"b" * 32, b"c" * 32)
    return Jobs(create_engine("sqlite://"), keyring, lambda: NOW, stopping or threading.Event(),
                named)


def test_a_job_goes_on_until_nothing_is_due():
    heap = Heap(1_000)
    assert made(heap).run_once()
    assert heap.rows == 0 and heap.chunks[-1] == 0 and sum(heap.chunks) == 1_000


def test_a_chunk_that_held_the_database_too_long_is_followed_by_a_smaller_one():
    assert next_rows(200, took_s=0.05, chunk_s=0.02) == 100
    assert next_rows(200, took_s=0.015, chunk_s=0.02) == 200
    assert next_rows(200, took_s=0.001, chunk_s=0.02) == 400
    assert next_rows(jobs.ROWS_MIN, took_s=9.0, chunk_s=0.02) == jobs.ROWS_MIN
    assert next_rows(jobs.ROWS_MAX, took_s=0.0, chunk_s=0.02) == jobs.ROWS_MAX


def test_sqlite_is_left_alone_as_long_as_a_chunk_held_it(monkeypatch):
    times, rests = iter([0, 0, 3, 10, 15, 20, 20, 20]), []
    monkeypatch.setattr(jobs.time, "monotonic", lambda: next(times))
    stopping = threading.Event()
    monkeypatch.setattr(stopping, "wait", rests.append)
    made(Heap(2, most=1), stopping=stopping).run_once()
    assert rests == [3, 5]


def test_a_stop_ends_the_work_after_the_chunk_in_hand():
    stopping = threading.Event()
    heap = Heap(1_000, most=10)

    def chunk(*arguments) -> int:
        stopping.set()
        return heap(*arguments)

    made(chunk, Heap(5), stopping=stopping).run_once()
    assert heap.chunks == [10]


@pytest.mark.parametrize(("fault", "unexpected"), [
    (ZeroDivisionError(), 1), (TryLater("not yet"), 0),
    (RootError("/r cannot be written. Name another file."), 0),
    (OperationalError("DELETE", {}, type("OperationalError", (Exception,), {})()), 0)])
def test_a_job_that_fails_is_told_and_keeps_no_other_from_its_turn(fault, unexpected):
    before, heap = metrics.unexpected_errors(), Heap(10)

    def broken(*_) -> int:
        raise fault

    assert not made(broken, heap).run_once()
    assert heap.rows == 0 and metrics.unexpected_errors() == before + unexpected


def test_a_round_ends_with_the_stop():
    stopping = threading.Event()

    def chunk(*_) -> int:
        stopping.set()
        return 0

    assert made(chunk, stopping=stopping).run()


def test_whoever_waits_for_a_job_sees_it_go_on(monkeypatch):
    told = []
    keyring = Keyring(b"a" * 32, b"b" * 32, b"c" * 32)
    Jobs(create_engine("sqlite://"), keyring, lambda: NOW, threading.Event(),
         (("letters", Heap(3, most=1)),), lambda *seen: told.append(seen)).run_once()
    assert told == [("letters", 1), ("letters", 2), ("letters", 3)]
