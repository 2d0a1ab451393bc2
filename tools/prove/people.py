"""Merchants and their customers: who pays, who asks, who takes a sale back."""

import asyncio
from typing import TYPE_CHECKING, Any

from protocol import messages
from simulator.handset import Handset
from simulator.loop import US

if TYPE_CHECKING:
    from tools.prove.world import World

AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX = 100, 90000
VOID_WITHIN_US = 3 * US
WITHOUT_AMOUNT = (messages.REWARD, messages.ACTIVATE)
# what only the gateway can do; nobody decides it yet, so it is voided by the handset itself
ONLINE: tuple[tuple[int, dict[str, Any]], ...] = (
    (messages.REWARD, {"code": "GIFT"}), (messages.PAYMENT, {}),
    (messages.TOP_UP, {"tender": 1}), (messages.ACTIVATE, {}))


async def serve(world: "World", handset: Handset) -> None:
    """All customers of one handset, at uneven intervals, one after the other."""
    options, random = world.options, world.stream("customers", handset.terminal_id)
    open_us, gap_us = 0, options.gap_ms_mean * 1000
    # a stream of its own: without such cards every other draw stays as it is
    odd = world.stream("odd cards", handset.terminal_id) if options.odd_cards_per_100 else None
    odd_cards = (*world.facts.odd, *world.facts.strays)
    for _ in range(options.taps):
        open_us += random.randrange(gap_us // 5, gap_us * 9 // 5 + 1)
        card: int | bytes = world.cards[random.randrange(len(world.cards))]
        amount_minor = random.randrange(AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX + 1)
        asks = random.randrange(100) < options.inquiries_per_100
        voids = random.randrange(100) < options.voids_per_100
        online = random.randrange(100) < options.online_per_100
        kind, fields = ONLINE[random.randrange(len(ONLINE))]
        if odd is not None and odd.randrange(100) < options.odd_cards_per_100:
            card = odd_cards[odd.randrange(len(odd_cards))]
        await asyncio.sleep(max(world.open_at(open_us) - world.loop.now_us, 0) / US)
        if asks:
            handset.inquiry(card)
        if online:
            amount = None if kind in WITHOUT_AMOUNT else amount_minor
            handset.online(kind, card, amount, **fields)
        else:
            handset.sale(amount_minor, card)
        if voids:
            await asyncio.sleep(random.randrange(min(gap_us // 10, VOID_WITHIN_US) + 1) / US)
            handset.void()
