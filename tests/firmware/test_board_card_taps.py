"""A card that lies there is one tap, two are asked again, a reader comes back. Portable."""

import asyncio
import random

from firmware.board.card_taps import MISSES, Presence
from simulator.card_field import Card
from tests.firmware.counter_reader import at_the_reader

A, B = b"\x01\x02\x03\x04", bytes(range(0x11, 0x18))
C = bytes(range(0x21, 0x2B))
WORKS = ("fault", 2, None)
TWO = ("unread", 2, "two_cards")
EMPTY = ()


def tap(uid):
    return ("card", 2, uid)


def told(*looks):
    """What a sequence of looks tells; a string is a look that could read nobody."""
    presence = Presence()
    events = [presence.unclear() if isinstance(look, str) else presence.saw(look)
              for look in looks]
    return [each for each in events if each]


AWAY = (EMPTY,) * MISSES


def test_a_card_that_lies_there_is_one_tap_and_another_when_it_comes_back():
    assert told(*((A,),) * 500) == [tap(A)]
    assert told((A,), (A,), *AWAY, (A,), (A,)) == [tap(A), tap(A)]


def test_a_card_that_is_missed_now_and_then_is_still_the_same_tap():
    # ondryaso/pi-rc522 55: every 16th to 20th read finds nobody, though the card lies there
    looks = []
    for _ in range(50):
        looks += [(A,)] * 16 + [EMPTY] * (MISSES - 1)
    assert told(*looks) == [tap(A)]


def test_a_glimpse_is_no_tap():
    assert told((A,), *AWAY, (A,), EMPTY, (A,), *AWAY) == []
    assert told((A,), EMPTY, (A,), (A,)) == [tap(A)]


def test_two_cards_are_asked_for_again_and_none_counts_until_the_field_was_empty():
    assert told((A, B), (A, B), (A, B)) == [TWO]
    assert told((A, B), (A, B), *((A,),) * 20) == [TWO]
    assert told((A, B), *((A,),) * 20, *AWAY, (A,), (A,)) == [TWO, tap(A)]
    assert told(None, None, *((A,),) * 9, *AWAY, (B,), (B,)) == [TWO, tap(B)]


def test_a_second_card_laid_over_the_first_is_noticed():
    assert told((A,), (A,), (A, B), (A, B)) == [tap(A), TWO]
    assert told((A,), (A, B), (B,), (B,)) == [TWO]
    # and where the chip hears only the stronger of them, now one, now the other
    assert told((A,), (A,), (B,), (A,), (B,)) == [tap(A), TWO]


def test_a_card_that_follows_another_quickly_is_a_tap_of_its_own():
    assert told((A,), (A,), *((B,),) * MISSES, (B,)) == [tap(A), tap(B)]


def test_a_phone_has_another_id_each_time_and_is_no_card():
    first, second = b"\x08\x01\x02\x03", b"\x08\x04\x05\x06"
    assert told((first,), (second,), (first,)) == [("unread", 2, "random_id")]
    assert told((first, second)) == [TWO]
    # longer ones are real
    assert told(*((b"\x08" + B[1:],),) * 2) == [tap(b"\x08" + B[1:])]


def test_somebody_who_cannot_be_read_is_named_once_and_does_not_lift_a_card():
    assert told(*("unclear",) * 50) == [("unread", 2, "unreadable")]
    assert told((A,), (A,), *("unclear",) * 50, (A,), (A,)) == [tap(A)]
    assert told(*(("unclear",) * 6 + (EMPTY,)) * 5) == []


def test_any_sequence_of_looks_is_lawful():
    for seed in range(300):
        random.seed(seed)
        # looks running without it, and the most of them since it was told
        presence, streak, since = Presence(), {A: 0, B: 0}, {A: MISSES, B: MISSES}
        for _ in range(60):
            look = (EMPTY, EMPTY, (A,), (A,), (A,), (B,), (A, B), None, "?")[
                random.getrandbits(16) % 9]
            if look == "?":
                assert presence.unclear() in (None, ("unread", 2, "unreadable")), seed
                continue
            event = presence.saw(look)
            if event and event[0] == "card":
                # the one that is seen alone, and it was away since it was told before
                assert look == (event[2],) and since[event[2]] >= MISSES, seed
                since[event[2]] = 0
            elif event:
                assert event == TWO, seed
            for uid in (A, B) if look is not None else ():
                streak[uid] = 0 if uid in look else streak[uid] + 1
                since[uid] = max(since[uid], streak[uid])


def test_cards_of_all_sizes_are_told_within_a_quarter_second():
    async def act(reader):
        return await reader.event(250)

    for uid in (A, B, C):
        assert at_the_reader(act, Card(uid)) == tap(uid)


def test_on_the_reader_itself_laying_lifting_and_laying_over():
    async def act(reader):
        assert await reader.events(1000) == []
        reader.lay(Card(A))
        assert await reader.events(5000) == [tap(A)]
        reader.lay(Card(A), Card(B))
        assert await reader.events(2000) == [TWO]
        reader.lay(Card(B))
        assert await reader.events(2000) == []
        reader.lay()
        assert await reader.events(1000) == []
        reader.lay(Card(B))
        assert await reader.events(2000) == [tap(B)]
        reader.lay(*[Card(bytes((first, 2, 3, 4))) for first in (1, 3, 2)])
        assert await reader.events(2000) == [TWO]

    at_the_reader(act)


def test_a_card_that_is_heard_now_and_then_is_one_tap():
    async def act(reader):
        card = Card(A)
        reader.lay(card)
        told = [await reader.event()]
        for _ in range(40):
            card.silent = not card.silent
            told += await reader.events(150)
        return told

    assert at_the_reader(act) == [tap(A)]


def test_noise_in_the_field_never_makes_a_card_of_its_own():
    async def act(reader):
        reader.chip.noise = True
        told = await reader.events(20000)
        reader.chip.noise = False
        reader.lay()
        await reader.events(1000)
        reader.lay(Card(B))
        return told, await reader.event()

    told, then = at_the_reader(act, Card(A))
    assert set(told) <= {("unread", 2, "unreadable"), tap(A)} and then == tap(B)


def test_a_reset_at_any_transfer_costs_no_tap_and_makes_none():
    async def act(reader):
        assert await reader.event() == tap(A)
        reader.chip.reset_after = transfers
        told = await reader.events(2000)
        assert reader.chip.reset_after is None and reader.taps.starts == 2
        reader.lay()
        told += await reader.events(1000)
        reader.lay(Card(B))
        return told + await reader.events(1000)

    for transfers in range(0, 220, 7):
        assert at_the_reader(act, Card(A)) == [tap(B)], transfers


def test_brown_outs_now_and_then_are_never_a_fault():
    async def act(reader):
        assert await reader.event() == tap(A)
        told = []
        for _ in range(12):
            reader.chip.reset_after = 25  # in the middle of a look
            told += await reader.events(500)
        assert reader.taps.starts == 13
        return told

    assert at_the_reader(act, Card(A)) == []


def test_an_empty_field_is_asked_once_a_look():
    async def act(reader):
        await reader.events(100)
        before = reader.chip.frames
        await reader.events(10000)
        return reader.chip.frames - before

    assert 80 < at_the_reader(act) < 105


def test_a_neighbour_who_cannot_be_read_is_not_overlooked():
    async def act(reader):
        return await reader.events(3000)

    neighbour = Card(bytes((2, 2, 3, 4)))
    neighbour.bad_bcc = True
    assert at_the_reader(act, Card(A), neighbour) == [("unread", 2, "unreadable")]
    others = [Card(bytes((first, 2, 3, 4))) for first in (2, 6, 4)]
    assert at_the_reader(act, Card(A), *others) == [TWO]


def test_a_reader_that_fails_is_told_once_tried_again_and_comes_back():
    async def act(reader, fault, value, reasons):
        setattr(reader.chip, fault, value)
        told = await reader.events(100000)
        assert [each[:2] for each in told] == [("fault", 2)], told
        assert told[0][2] in reasons and reader.taps.fault in reasons
        # the tries become rarer: half a minute apart in the end
        before = reader.chip.transfers
        await reader.events(60000)
        assert reader.chip.transfers - before < 1500
        setattr(reader.chip, fault, None)
        assert await reader.event(40000) == WORKS and reader.taps.fault is None
        assert await reader.event(40000) == tap(A)
        setattr(reader.chip, fault, value)
        reader.chip.power_on()
        assert (await reader.event())[0] == "fault"
        # and the tries begin anew with a second
        setattr(reader.chip, fault, None)
        await reader.events(1500)
        assert reader.taps.fault is None

    for case in (
            ("bus", "zeros", ("absent",)), ("bus", "ones", ("absent",)),
            ("worn", True, ("self_test",)), ("stuck", True, ("self_test", "stuck")),
            ("bus", "garbage", ("absent", "garbled", "self_test", "stuck"))):
        at_the_reader(lambda reader, case=case: act(reader, *case), Card(A))


def test_a_bus_that_raises_is_a_fault_of_its_own():
    async def act(reader):
        def dead(data, into):
            raise OSError(5)

        alive, reader.chip.write_readinto = reader.chip.write_readinto, dead
        assert await reader.events(5000) == [("fault", 2, "bus")]
        reader.chip.write_readinto = alive
        assert await reader.event(40000) == WORKS
        assert await reader.event(40000) == tap(A)

    at_the_reader(act, Card(A))


def test_being_cancelled_all_the_time_loses_no_tap_and_doubles_none():
    async def act(reader):
        told = []
        for uid in (A, B, C) * 3:
            reader.lay(Card(uid))
            for _ in range(60):
                event = await reader.event(47)
                if event:
                    told.append(event)
            reader.lay()
            assert await reader.events(1000) == []
        return told

    assert at_the_reader(act) == [tap(uid) for uid in (A, B, C)] * 3


def test_others_run_while_it_looks():
    async def act(reader):
        turns = [0]

        async def other():
            while True:
                await asyncio.sleep_ms(1)
                turns[0] += 1

        task = asyncio.create_task(other())
        await reader.events(1000)
        task.cancel()
        return turns[0]

    assert at_the_reader(act, Card(C)) > 800


def test_garbage_of_any_seed_ends_in_words_and_a_good_card_is_read_behind_it():
    async def act(reader):
        chip = reader.chip
        for _ in range(6):
            for name, value in (("bus", ("garbage", "zeros", "ones", None)),
                                ("stuck", (True, False)), ("noise", (True, False)),
                                ("reset_after", (None, 3, 57, 300))):
                setattr(chip, name, value[random.getrandbits(8) % len(value)])
            reader.lay(*[Card(uid) for uid in (A, B, C)[random.getrandbits(8) % 4:]])
            for event in await reader.events(700):
                assert event[0] in ("card", "unread", "fault") and event[1] == 2, (seed, event)
                assert event[0] != "card" or event[2] in (A, B, C), (seed, event)
        chip.bus = chip.reset_after = None
        chip.stuck = chip.noise = False
        reader.lay()
        await reader.events(65000)
        reader.lay(Card(B))
        assert await reader.event() == tap(B), seed

    for seed in range(12):
        at_the_reader(lambda reader, seed=seed: seeded(act, reader, seed))


async def seeded(act, reader, seed):
    random.seed(seed)
    await act(reader)
