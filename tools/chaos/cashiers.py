"""Cashiers who tap all the time, and sometimes ask for a balance.

Law: a cashier remembers nothing. What counts as tapped is what the handset said or its outbox
holds, so a tap that a kill interrupted is looked into by nobody and simply followed by the next.
"""

import asyncio
from random import Random

from tools.errors import NotReady
from tools.handsets import ENTRY_TAP, Handset

AMOUNTS_MINOR = (300, 9000)
PAUSE_MS = (20, 500)
SAVED_WAIT_S = 3.0
# leaves whatever the last customer left on the screen
FRESH = "**"
BARREN_SHARE = 25
INQUIRY_SHARE = 12


async def taps(handset: Handset, cards: tuple[int, ...], barren: tuple[int, ...],
               random: Random, closing: asyncio.Event) -> None:
    """Until `closing`. One in BARREN_SHARE cards is one that is refused."""
    while not closing.is_set():
        await asyncio.sleep(random.randint(*PAUSE_MS) / 1000)
        await handset.ready.wait()
        card = random.choice(barren if random.randrange(BARREN_SHARE) == 0 else cards)
        try:
            if random.randrange(INQUIRY_SHARE) == 0:
                await _ask(handset, card)
            else:
                await _sell(handset, random.randint(*AMOUNTS_MINOR), card)
        except (NotReady, TimeoutError):
            continue  # it was killed, or it is busy dying


async def _sell(handset: Handset, amount_minor: int, card: int) -> None:
    while not handset.saved.empty():
        handset.saved.get_nowait()
    await handset.do("keys", keys=f"{FRESH}{amount_minor}#")
    await handset.do("card", entry=ENTRY_TAP, card=str(card))
    await asyncio.wait_for(handset.saved.get(), SAVED_WAIT_S)


async def _ask(handset: Handset, card: int) -> None:
    await handset.do("keys", keys=f"{FRESH}A")
    await handset.do("card", entry=ENTRY_TAP, card=str(card))
