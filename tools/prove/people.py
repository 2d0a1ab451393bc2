"""Merchants and their customers: who pays, who asks, who takes a sale back, who redeems."""

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

from gateway.rules import BP
from protocol import messages
from simulator.handset import Handset
from simulator.loop import US
from tools import coffee_shop
from tools.prove.slips import Slip

if TYPE_CHECKING:
    from tools.prove.world import World

AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX = 100, 90000
VOID_WITHIN_US = 3 * US
WITHOUT_AMOUNT = (messages.REWARD, messages.ACTIVATE)
# what only the gateway can do and nobody decides yet, so it is voided by the handset itself
ONLINE: tuple[tuple[int, dict[str, Any]], ...] = (
    (messages.REWARD, {"code": "GIFT"}), (messages.PAYMENT, {}),
    (messages.TOP_UP, {"tender": 1}), (messages.ACTIVATE, {}))
POINTS_MAX = 600  # that a member asks for, mostly
POINTS_TOO_MANY = 30_000
MINOR_A_POINT = coffee_shop.RULES.rate_minor // coffee_shop.RULES.rate_points
# of refunds: the newest slips, of which one is taken mostly
SLIPS_AT_HAND = 4


async def serve(world: "World", handset: Handset) -> None:
    """All customers of one handset, at uneven intervals, one after the other."""
    options, random = world.options, world.stream("customers", handset.terminal_id)
    open_us, gap_us = 0, options.gap_ms_mean * 1000
    # streams of their own: without such customers every other draw stays as it is
    odd = world.stream("odd cards", handset.terminal_id) if options.odd_cards_per_100 else None
    paying = world.stream("points", handset.terminal_id)
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
        redeems = paying.randrange(100) < options.redemptions_per_100
        returns = paying.randrange(100) < options.refunds_per_100
        await asyncio.sleep(max(world.open_at(open_us) - world.loop.now_us, 0) / US)
        if returns:
            refund(world, handset, paying)
        if asks:
            handset.inquiry(card)
        if online:
            amount = None if kind in WITHOUT_AMOUNT else amount_minor
            handset.online(kind, card, amount, **fields)
        elif redeems:
            points = wanted(paying, world.witness.balances.get(card, 0))
            bill_minor = amount_minor if points < POINTS_MAX else bill_for(points)
            handset.online(messages.REDEMPTION, card, bill_minor, points=points)
        else:
            handset.sale(amount_minor, card)
        if voids:
            await asyncio.sleep(random.randrange(min(gap_us // 10, VOID_WITHIN_US) + 1) / US)
            handset.void()


def wanted(random: Random, balance: int) -> int:
    """The points a member asks for: as the rules have it, all there are by the last slip, off the
    step, or far too many."""
    paid = coffee_shop.RULES.redeeming
    assert paid is not None
    mood = random.randrange(10)
    if not mood:
        return random.randrange(1, POINTS_MAX)
    most = POINTS_TOO_MANY if mood == 1 else POINTS_MAX
    some = paid.points_min + paid.points_step * random.randrange(most // paid.points_step)
    return balance - balance % paid.points_step if mood < 5 and balance > some else some


def bill_for(points: int) -> int:
    """The least bill, in minor units, that so many points may pay a part of."""
    paid = coffee_shop.RULES.redeeming
    assert paid is not None
    return min(-(-paid.value(points) * BP // paid.share_bp), AMOUNT_MINOR_MAX)


def refund(world: "World", handset: Handset, random: Random) -> None:
    """Somebody brings goods back with the slip of a bill: a part, the rest, too much; sometimes to
    another terminal at once, sometimes with the slip of a refund or of another merchant, and more
    than once a member who has spent the points."""
    mood, place, part, called = (random.randrange(limit) for limit in (10, 1 << 16, 1 << 16, 3))
    slips = world.witness.slips(handset.terminal_id, foreign=not mood)
    if mood > 1:
        slips = [slip for slip in slips if slip.kind != messages.REFUND]
    if not slips:
        return
    spent = [slip for slip in slips if slip.card is not None
             and world.witness.balances[slip.card] < slip.amount_minor // MINOR_A_POINT]
    if mood > 6 and spent:
        slips, part = spent, 0
    elif mood > 3:
        slips = slips[-SLIPS_AT_HAND:]
    slip = slips[place % len(slips)]
    amount_minor = (slip.amount_minor if part % 4 == 0 else slip.amount_minor + part % 500 + 1
                    if part % 4 == 1 and mood < 6 else 1 + part % slip.amount_minor)
    others = [each for each in world.handsets if each is not handset
              and world.facts.merchants[each.terminal_id]
              == world.facts.merchants[handset.terminal_id]]
    for till in (handset, *(others[:1] if mood == 9 else ())):
        till.online(messages.REFUND, None, amount_minor,
                    original=name_of(slip, till.terminal_id, called))


def name_of(slip: Slip, terminal_id: int, called: int) -> tuple[int, ...] | int:
    """What a refund at this terminal calls the bill of a slip (WIRE, key 10)."""
    if not called:
        return slip.receipt
    return slip.key[1:] if slip.key[0] == terminal_id and called == 1 else slip.key
