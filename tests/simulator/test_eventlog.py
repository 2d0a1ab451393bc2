"""The event log: one way of writing, and a hash that sees every difference."""

from simulator.eventlog import EventLog


def written(*notes: tuple) -> tuple[list[str], str]:
    lines: list[str] = []
    log = EventLog(lambda: 1500, lines.append)
    for note in notes:
        log.note(*note)
    return lines, log.digest()


def test_a_line_has_time_who_what_and_values():
    lines, _ = written(("7", "posted", 3, None, b"\x01\xff", "a b"))
    assert lines == ["1500 7 posted 3 - 01ff a\\sb"]


def test_the_hash_sees_order_and_every_value():
    one, two = ("7", "tap", 1), ("8", "tap", 2)
    digests = {written(one, two)[1], written(two, one)[1], written(one)[1],
               written(("7", "tap", 11), ("8", "tap", 2))[1]}
    assert len(digests) == 4
    assert written(one, two)[1] == written(one, two)[1]


def test_events_are_counted_by_what_happened():
    log = EventLog(lambda: 0)
    for what in ("tap", "posted", "tap"):
        log.note("7", what)
    assert log.counts == {"tap": 2, "posted": 1}
