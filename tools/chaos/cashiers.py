"""Cashiers who tap all the time, take some sales back, and sometimes ask for a balance.

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
VOID_SHARE = 6
ASK_VOID = "ask_void"  # the handset's state while it asks whether to cancel
OFFER_WAIT_S = 0.05


async def taps(handset: Handset, cards: tuple[int, ...], barren: tuple[int, ...],
               random: Random, closing: asyncio.Event) -> None:
    """Until `closing`. One in BARREN_SHARE cards is one that is refused, one sale in
    VOID_SHARE is taken back."""
    while not closing.is_set():
        await asyncio.sleep(random.randint(*PAUSE_MS) / 1000)
        await handset.ready.wait()
        card = random.choice(barren if random.randrange(BARREN_SHARE) == 0 else cards)
        try:
            if random.randrange(INQUIRY_SHARE) == 0:
                await _ask(handset, card)
            else:
                await _sell(handset, random.randint(*AMOUNTS_MINOR), card)
                if random.randrange(VOID_SHARE) == 0 and card in cards:
                    # before or after its answer
                    await asyncio.sleep(random.randint(*PAUSE_MS) / 1000)
                    await _void(handset)
        except (NotReady, TimeoutError):
            continue  # it was killed, or it is busy dying


async def _sell(handset: Handset, amount_minor: int, card: int) -> None:
    _forget(handset)
    await handset.do("keys", keys=f"{FRESH}{amount_minor}#")
    await handset.do("card", entry=ENTRY_TAP, card=str(card))
    await asyncio.wait_for(handset.saved.get(), SAVED_WAIT_S)


async def _void(handset: Handset) -> None:
    """The sale on the screen, where it offers that."""
    _forget(handset)
    await handset.do("keys", keys="D")
    await asyncio.sleep(OFFER_WAIT_S)
    if (await handset.do("status"))["state"] == ASK_VOID:
        await handset.do("keys", keys="#")
        await asyncio.wait_for(handset.saved.get(), SAVED_WAIT_S)


def _forget(handset: Handset) -> None:
    while not handset.saved.empty():
        handset.saved.get_nowait()


async def _ask(handset: Handset, card: int) -> None:
    await handset.do("keys", keys=f"{FRESH}A")
    await handset.do("card", entry=ENTRY_TAP, card=str(card))
