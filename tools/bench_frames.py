"""What a frame costs on the handset: bytes, microseconds and heap, beside JSON with an HMAC.

`python -m tools.bench_frames` runs this same file on MicroPython (on CPython where the
wheel does not exist, and says so). Law: both sides carry the same fields of the same tap
under the same HMAC routine, in one process, round by round in turn; a figure is the median
of the rounds. The heap is small, so that the time of each side holds its own garbage
collections; heap per frame is counted apart, with the collector off.
"""

import gc
import json
import sys
import time

from protocol import cbor, frames, keys, limits, messages
from protocol.sealer import Sealer

RATIO_MAX_PERCENT = 220
ROUNDS = 9
FRAMES_PER_ROUND = 1000
HEAP = "192K"

KEY = bytes(range(32))
TERMINAL_ID = 10000042
SALE = messages.request(
    messages.SALE, 1592605928, 40000, at=1763712000, clock_age=3600, operator=12,
    card=(messages.TAP, 6200001234567892), amount_minor=123456,
)
SALE_AS_JSON = {
    "terminal_id": TERMINAL_ID, "epoch": 1, "type": "sale", "journal": 1592605928,
    "trace": 40000, "at": 1763712000, "clock_age": 3600, "operator": 12,
    "card": [messages.TAP, 6200001234567892], "amount_minor": 123456,
}


def contestants():
    """(name, function that makes or opens one frame, its size on the wire) of each side."""
    sealer = Sealer()
    frame = frames.seal(KEY, limits.UP, TERMINAL_ID, 1, messages.encode_request(SALE))
    text = json.dumps(SALE_AS_JSON).encode()
    mac = keys.hmac_sha256(KEY, text)
    # On the wire the text also carries its MAC: ', "mac": "<44 letters of base64>"'.
    text_size = len(text) + len(', "mac": ""') + 44

    def seal_preallocated():
        return sealer.seal_request(KEY, TERMINAL_ID, 1, SALE)

    def seal_plain():
        return frames.seal(KEY, limits.UP, TERMINAL_ID, 1, messages.encode_request(SALE))

    def json_hmac():
        return keys.hmac_sha256(KEY, json.dumps(SALE_AS_JSON).encode())

    def open_frame():
        parts = frames.split(frame, limits.FRAME_UP_SIZE_MAX)
        return frames.authentic(KEY, limits.UP, parts) and cbor.decode(parts.payload)

    def json_open():
        return keys.same(keys.hmac_sha256(KEY, text), mac) and json.loads(text)

    return (
        ("seal, preallocated", seal_preallocated, len(frame)),
        ("seal, plain", seal_plain, len(frame)),
        ("json.dumps + HMAC", json_hmac, text_size),
        ("open: verify, decode", open_frame, len(frame)),
        ("HMAC, json.loads", json_open, text_size),
    )


def measure(rounds=ROUNDS, frames_per_round=FRAMES_PER_ROUND):
    """Rows of (name, bytes, nanoseconds per frame, heap bytes per frame or None)."""
    sides = contestants()
    spent = [[] for _ in sides]
    for _ in range(rounds):
        for place, (_, make, _) in enumerate(sides):
            spent[place].append(_round_ns(make, frames_per_round))
    return [(name, size, sorted(took)[rounds // 2] // frames_per_round, _heap(make))
            for (name, make, size), took in zip(sides, spent)]  # noqa: B905


def _round_ns(make, times):
    gc.collect()
    began = time.time_ns()
    for _ in range(times):
        make()
    return time.time_ns() - began


def _heap(make):
    allocated = getattr(gc, "mem_alloc", None)
    if allocated is None:
        return None
    times = 20
    make()
    gc.collect()
    gc.disable()
    before = allocated()
    for _ in range(times):
        make()
    after = allocated()
    gc.enable()
    return (after - before) // times


def ratio_percent(rows):
    """What sealing into the buffer costs, in percent of json.dumps + HMAC."""
    took = {row[0]: row[2] for row in rows}
    return 100 * took["seal, preallocated"] // took["json.dumps + HMAC"]


def report(runtime, rows):
    """The lines a person reads."""
    yield "One sale on " + runtime
    yield f"{'':22} {'bytes':>8} {'us/frame':>10} {'heap/frame':>12}"
    for name, size, took_ns, heap in rows:
        figure = f"{took_ns // 1000}.{took_ns % 1000 // 10:02}"
        yield f"{name:22} {size:8} {figure:>10} {'-' if heap is None else heap:>12}"
    percent = ratio_percent(rows)
    verdict = "reached" if percent <= RATIO_MAX_PERCENT else "MISSED"
    yield (f"sealing into the buffer costs {times(percent)} json.dumps + HMAC "
           f"(at most {times(RATIO_MAX_PERCENT)}): {verdict}")


def times(percent):
    """220 -> 2.20x"""
    return f"{percent // 100}.{percent % 100:02}x"


def run_on_micropython(binary, rounds=ROUNDS, frames_per_round=FRAMES_PER_ROUND):
    """(runtime, rows) from this file run by the binary."""
    from tools import bench_runner

    return bench_runner.run_on_micropython(__file__, binary, HEAP, rounds, frames_per_round)


def main():
    """Command line: print the table; exit code 1 where the figure is missed."""
    from tools import bench_runner

    rows = bench_runner.show(run_on_micropython, measure, report)
    if rows is not None and ratio_percent(rows) > RATIO_MAX_PERCENT:
        sys.exit(1)


if __name__ == "__main__":
    if sys.implementation.name == "micropython":
        print(json.dumps([sys.version, measure(int(sys.argv[1]), int(sys.argv[2]))]))
    else:
        main()
