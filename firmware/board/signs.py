"""What a task that waits for long shows of itself: progress (supervisor.py). Thin shells."""

import asyncio

from micropython import const

TURN_MS = const(10000)


def silent():
    """Nobody looks for progress."""


async def awaited(event, progress):
    """Wait for an asyncio.Event, and show progress meanwhile."""
    progress()
    while not event.is_set():
        try:
            await asyncio.wait_for_ms(event.wait(), TURN_MS)
        except asyncio.TimeoutError:
            progress()


async def each(next_one, take, progress):
    """Hand all that `next_one()` gives to `take`. It may be cancelled: one that hangs in it is
    begun anew by the next turn."""
    while True:
        progress()
        try:
            take(await asyncio.wait_for_ms(next_one(), TURN_MS))
        except asyncio.TimeoutError:
            pass
