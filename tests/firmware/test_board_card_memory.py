"""What we keep on a card, with cards that leave and chips that fail. Portable."""

import asyncio
import random

from firmware.board.card_memory import KEY_B
from simulator.card_field import Card, Classic, Ntag, bits_of
from tests.firmware.counter_reader import at_the_reader
from tests.firmware.portable import raises, within

UID = b"\x01\x02\x03\x04"
LONG_UID = bytes(range(0x11, 0x18))
KEY = b"\xa0\xa1\xa2\xa3\xa4\xa5"
OTHER_KEY = b"\xb0\xb1\xb2\xb3\xb4\xb5"
BLOCK = 8
NEW = bytes(range(1, 49))
OLD = bytes(48)
OUTCOMES = ("ok", "gone", "refused", "damaged", "fault", "torn")


def classic(uid=UID, **options):
    return Classic(uid, {2: (KEY, OTHER_KEY)}, **options)


def sector_of(card):
    return b"".join([bytes(block) for block in card.blocks[BLOCK:BLOCK + 3]])


def write(card, *cards, data=NEW, key=KEY, before=None, **options):
    """Write to `card` with these in the field; the outcome."""
    async def act(reader):
        await reader.driver.start()
        if before:
            before(reader)
        if isinstance(card, Ntag):
            return await reader.memory.write_pages(card.uid, 4, data)
        return await reader.memory.write_blocks(card.uid, BLOCK, data, key, **options)

    return at_the_reader(act, *cards)


def test_a_sector_of_a_classic_card_is_written_and_read_with_either_key():
    async def act(reader):
        await reader.driver.start()
        into = bytearray(48)
        assert await reader.memory.write_blocks(card.uid, BLOCK, NEW, KEY) == "ok"
        assert await reader.memory.read_blocks(card.uid, BLOCK, into, OTHER_KEY, KEY_B) == "ok"
        assert bytes(into) == NEW == sector_of(card) and not reader.chip.field_on
        assert await reader.memory.read_blocks(card.uid, BLOCK + 1, memoryview(into)[:16],
                                               KEY) == "ok"
        assert bytes(into[:16]) == NEW[16:32]

    for uid in (UID, LONG_UID):
        card = classic(uid)
        at_the_reader(act, card)


def test_pages_of_an_ntag_are_written_and_read():
    async def act(reader):
        await reader.driver.start()
        into = bytearray(36)
        assert await reader.memory.write_pages(LONG_UID, 5, NEW[:36]) == "ok"
        assert await reader.memory.read_pages(LONG_UID, 5, into) == "ok"
        assert bytes(into) == NEW[:36] == bytes(card.memory[20:56])

    card = Ntag(LONG_UID)
    at_the_reader(act, card)


def test_only_the_named_card_is_touched():
    mine, other = classic(), classic(b"\x01\x02\x03\x05")
    assert write(mine, other, mine) == "ok"
    assert (sector_of(mine), sector_of(other)) == (NEW, OLD)
    assert write(mine, other) == "gone" and sector_of(other) == OLD
    assert write(mine) == "gone"


def test_a_wrong_key_and_a_place_that_is_not_there_are_refused():
    card = classic()
    assert write(card, card, key=OTHER_KEY) == "refused" and sector_of(card) == OLD
    assert write(card, card, kind=KEY_B) == "refused"

    async def act(reader):
        await reader.driver.start()
        memory, into = reader.memory, bytearray(16)
        assert await memory.read_blocks(UID, 64, into, b"\xff" * 6) == "gone"
        assert await memory.read_pages(LONG_UID, 45, into) == "refused"
        assert await memory.write_pages(LONG_UID, 45, b"4321") == "refused"
        assert await memory.write_pages(LONG_UID, 44, b"43218765") == "torn"
        # neither is a card of the other kind
        assert await memory.read_blocks(LONG_UID, 8, into, KEY) == "refused"
        assert await memory.read_pages(LONG_UID, 4, into) == "ok"

    at_the_reader(act, Ntag(LONG_UID))


def test_what_locks_a_card_or_tells_it_from_another_cannot_be_written():
    async def act(reader):
        memory = reader.memory
        return memory.write_blocks, memory.write_pages

    write_blocks, write_pages = at_the_reader(act)
    read_blocks, read_pages = at_the_reader(reading)
    raises(ValueError, started, read_blocks(UID, 11, bytearray(16), KEY))
    raises(ValueError, started, read_pages(UID, 3, bytearray(4)))
    for first, size in ((0, 16), (3, 16), (2, 32), (8, 64), (8, 0), (8, 15), (143, 16), (256, 16)):
        raises(ValueError, started, write_blocks(UID, first, bytes(size), KEY))
    for first, size in ((3, 4), (0, 8), (4, 0), (4, 3), (255, 8)):
        raises(ValueError, started, write_pages(UID, first, bytes(size)))
    assert sector_of(classic()) == OLD


async def reading(reader):
    return reader.memory.read_blocks, reader.memory.read_pages


def test_the_large_sectors_of_a_4k_card_have_15_blocks():
    async def act(reader):
        await reader.driver.start()
        return await reader.memory.read_blocks(UID, 128, bytearray(240), KEY)

    assert at_the_reader(act) == "gone"


def started(coroutine):
    coroutine.send(None)


def test_a_card_that_leaves_at_any_frame_leaves_a_named_outcome_and_a_working_reader():
    async def again(reader):
        await reader.driver.start()
        reader.chip.cards = [leaving]
        outcome = await act_on(reader, leaving)
        reader.lay(staying)
        assert await act_on(reader, staying) == "ok", outcome
        return outcome

    async def act_on(reader, card):
        if isinstance(card, Ntag):
            return await reader.memory.write_pages(card.uid, 4, NEW)
        return await reader.memory.write_blocks(card.uid, BLOCK, NEW, KEY)

    seen = []
    for kind in (classic, Ntag):
        outcomes = []
        for frames in range(30):
            staying = kind(LONG_UID)
            leaving = kind(LONG_UID, leaves_after=frames)
            outcome = at_the_reader(again)
            holds = bytes(leaving.memory[16:64]) if kind is Ntag else sector_of(leaving)
            assert outcome in ("gone", "torn", "ok"), (frames, outcome)
            # what was said is true of what the card holds
            assert outcome != "ok" or holds == NEW
            assert outcome != "gone" or holds == OLD
            outcomes.append(outcome)
        assert outcomes[-1] == "ok" and outcomes == sorted(
            outcomes, key=("gone", "torn", "ok").index)
        seen += outcomes
    assert "torn" in seen and "gone" in seen


def test_a_supply_that_breaks_down_at_any_transfer_is_named_and_the_next_write_works():
    async def act(reader, transfers, card):
        await reader.driver.start()
        reader.chip.reset_after = transfers
        outcome = await reader.memory.write_blocks(UID, BLOCK, NEW, KEY)
        whole = reader.chip.reset_after is not None
        reader.chip.reset_after = None
        assert outcome in OUTCOMES
        assert outcome != "ok" or sector_of(card) == NEW
        assert outcome in ("ok", "torn") or sector_of(card) == OLD
        if not reader.driver.ready or reader.driver.lost():
            assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "fault"
            await reader.driver.start()
        assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "ok"
        return outcome, whole

    seen = []
    for transfers in range(0, 400, 3):
        card = classic()
        outcome, whole = at_the_reader(
            lambda reader, at=transfers, card=card: act(reader, at, card), card)
        seen.append(outcome)
        if whole:
            break
    assert whole and outcome == "ok" and "fault" in seen and "torn" in seen


def test_a_stuck_chip_and_noise_in_the_field_have_names():
    card = classic()

    def stuck(reader):
        reader.chip.stuck = True

    assert write(card, card, before=stuck) == "fault"

    async def act(reader):
        await reader.driver.start()
        reader.chip.noise = True
        outcomes = set()
        for _ in range(60):
            outcome = await reader.memory.write_blocks(UID, BLOCK, NEW, KEY)
            into = bytearray(48)
            assert outcome in OUTCOMES
            outcomes.add(outcome)
            outcome = await reader.memory.read_blocks(UID, BLOCK, into, KEY)
            assert outcome != "ok" or bytes(into) == sector_of(card)
        reader.chip.noise = False
        assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "ok"
        return outcomes

    assert "damaged" in at_the_reader(act, card)


def test_an_acknowledgement_of_another_size_is_none():
    async def act(reader):
        await reader.driver.start()
        into = bytearray(16)
        card._ack = lambda: bits_of(b"\x0a")
        assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "damaged"
        assert sector_of(card) == OLD
        card._ack = lambda: bits_of(b"\x0a")[:3]
        assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "damaged"
        # nor is a byte the refusal that four bits are
        card.command = lambda frame: bits_of(b"\x04")
        assert await reader.memory.read_blocks(UID, BLOCK, into, KEY) == "damaged"
        card.command = lambda frame: bits_of(b"\x04")[:4]
        assert await reader.memory.read_blocks(UID, BLOCK, into, KEY) == "refused"

    card = classic()
    at_the_reader(act, card)


def test_a_bus_that_dies_is_a_fault_and_raises_nothing():
    async def act(reader):
        await reader.driver.start()
        alive = reader.chip.write_readinto

        def dead(data, into):
            raise OSError(5)

        for transfers in range(60):
            left = [transfers]

            def dying(data, into, left=left):
                left[0] -= 1
                return dead(data, into) if left[0] < 0 else alive(data, into)

            reader.chip.write_readinto = dying
            assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) in ("fault", "torn")
            assert not reader.driver.ready
            reader.chip.write_readinto = alive
            await reader.driver.start()
        assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "ok"

    at_the_reader(act, classic())


def test_a_write_that_was_cancelled_anywhere_lets_the_next_one_work():
    async def act(reader):
        await reader.driver.start()
        for ms in range(1, 60, 2):
            await within(ms, reader.memory.write_blocks(UID, BLOCK, NEW, KEY))
            assert not reader.chip.field_on
            assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "ok", ms

    at_the_reader(act, classic())


def test_reading_and_looking_for_taps_do_not_disturb_each_other():
    async def act(reader):
        assert await reader.event() == ("card", 2, UID)
        taps = asyncio.create_task(reader.events(3000))
        for _ in range(40):
            assert await reader.memory.write_blocks(UID, BLOCK, NEW, KEY) == "ok"
        assert await taps == []

    random.seed(3)
    at_the_reader(act, classic())


def test_a_card_without_memory_is_refused():
    card = Card(UID)
    assert write(card, card) == "refused"
