"""The stand-in for framebuf, operation by operation beside MicroPython's own."""

import io
import json
from random import Random

import framebuf
import pytest

from tests.support.micropython import run

# draws `steps` and prints what each left behind: {checksum of the buffer, what it gave back}
DRAW = """
import json
import sys
from binascii import crc32
from framebuf import FrameBuffer, MONO_VLSB

def drawn(width, height, stride, steps):
    buffer = bytearray(stride * ((height + 7) // 8))
    surface = FrameBuffer(buffer, width, height, MONO_VLSB, stride)
    for name, values in steps:
        if name == "blit":
            wide, high, row, source = values[0]
            drawn = FrameBuffer(bytearray.fromhex(source), wide, high, MONO_VLSB, row)
            values = [drawn] + values[1:]
        gave = getattr(surface, name)(*values)
        yield [crc32(buffer), gave]

for canvas in json.loads(sys.stdin.readline()):
    print(json.dumps(list(drawn(*canvas))))
"""
SHAPES = ("pixel", "hline", "vline", "rect", "fill_rect", "text", "fill", "blit")


def steps(random: Random, count: int) -> list[list]:
    """Operations anywhere on and around a display, with every kind of size."""
    def place() -> int:
        return random.randrange(-20, 150)

    def size() -> int:
        return random.choice((-3, 0, 1, 2, 7, 8, 9, 33, 200))

    found: list[list] = []
    for _ in range(count):
        name = random.choice(SHAPES)
        color = random.randrange(2)
        if name == "pixel":
            values = [place(), place(), color][:random.choice((2, 3))]
        elif name in ("hline", "vline"):
            values = [place(), place(), size(), color]
        elif name == "rect":
            values = [place(), place(), abs(size()), abs(size()), color]
            values += random.choice(([], [True], [False]))
        elif name == "fill_rect":
            values = [place(), place(), size(), size(), color]
        elif name == "text":
            text = "".join(random.choice("aZ0 *~\x7f喝\n") for _ in range(random.randrange(9)))
            values = [text, place(), place(), color][:random.choice((3, 4))]
        elif name == "blit":
            wide, high = random.choice(((8, 16), (16, 16), (3, 9), (1, 1)))
            row = wide + random.choice((0, 8))
            source = [wide, high, row, random.randbytes(row * ((high + 7) // 8)).hex()]
            values = [source, place(), place(), color][:random.choice((3, 4))]
        else:
            values = [color] if random.randrange(5) == 0 else None
        if values is not None:
            found.append([name, values])
    return found


def test_any_drawing_leaves_the_same_pixels_as_on_micropython(capsys: pytest.CaptureFixture,
                                                              monkeypatch: pytest.MonkeyPatch):
    random = Random(20261121)
    canvases = [[width, height, stride, steps(random, 250)]
                for width, height, stride in ((128, 64, 128), (20, 16, 20), (8, 8, 8),
                                              (100, 56, 128), (1, 8, 1))]
    there = run(DRAW, stdin=json.dumps(canvases).encode() + b"\n").splitlines()
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(canvases) + "\n"))
    exec(compile(DRAW, "<drawn>", "exec"), {})
    here = capsys.readouterr().out.splitlines()
    for canvas, one, other in zip(canvases, here, there, strict=True):
        for step, mine, real in zip(canvas[3], json.loads(one), json.loads(other), strict=True):
            assert mine == real, (canvas[:3], step)


def test_a_format_it_cannot_draw_is_refused():
    with pytest.raises(ValueError, match="MONO_VLSB"):
        framebuf.FrameBuffer(bytearray(8), 8, 8, 3)
