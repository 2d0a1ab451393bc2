"""Request, anticollision, select and halt against cards that answer bit by bit. Portable."""

from firmware.board.iso14443a import CHOSEN, GONE, MANY, REQA, UNCLEAR, WUPA, crc_a
from simulator.card_field import Card, with_crc
from tests.firmware.counter_reader import at_the_reader

UIDS = (b"\x01\x02\x03\x04", bytes(range(0x11, 0x18)), bytes(range(0x21, 0x2B)))


def test_crc_a_is_that_of_the_standard_and_of_published_frames():
    # annex B, two examples; HLTA; SAK 08 and SAK 04 as seen on the air everywhere
    for data, crc in ((b"\x00\x00", b"\xa0\x1e"), (b"\x12\x34", b"\x26\xcf"),
                      (b"\x50\x00", b"\x57\xcd"), (b"\x08", b"\xb6\xdd"), (b"\x04", b"\xda\x17")):
        assert crc_a(b"?" + data, 1, 1 + len(data)) == crc[0] | crc[1] << 8
        assert with_crc(data) == data + crc


def test_a_uid_of_any_size_is_read_through_its_cascade_levels():
    async def act(reader):
        await reader.started()
        assert await reader.field.request(REQA)
        assert await reader.field.choose() == CHOSEN
        return reader.field.uid(), reader.field.sak

    for uid in UIDS:
        assert at_the_reader(act, Card(uid)) == (uid, 0x20)


def test_a_halted_card_hears_only_wupa():
    async def act(reader):
        field = (await reader.started()).field
        assert await field.request(REQA) and await field.choose() == CHOSEN
        await field.halt()
        assert not await field.request(REQA)
        assert await field.request(WUPA) and await field.choose() == CHOSEN

    at_the_reader(act, Card(UIDS[1]))


def test_of_two_cards_both_are_read_one_after_the_other():
    async def act(reader):
        field = (await reader.started()).field
        read = []
        for _ in range(2):
            assert await field.request(REQA) and await field.choose() == CHOSEN
            read.append(field.uid())
            await field.halt()
        assert not await field.request(REQA)
        return sorted(read)

    # they differ in one bit, each in turn; below 0x80, so that no byte is the cascade tag
    for uid in UIDS:
        for bit in range(8 * len(uid)):
            other = bytearray(uid)
            other[bit // 8] ^= 1 << bit % 8
            if 0x88 not in bytes(other) and other[0] != 0x08:
                cards = [uid, bytes(other)]
                assert at_the_reader(act, *[Card(uid) for uid in cards]) == sorted(cards), bit


def test_what_a_chip_leaves_behind_a_collision_does_not_matter():
    async def act(reader):
        field = (await reader.started()).field
        reader.driver.write(0x0E, 0x80)  # ValuesAfterColl: the bits behind it are kept
        read = []
        for _ in range(2):
            assert await field.request(REQA) and await field.choose() == CHOSEN
            read.append(field.uid())
            await field.halt()
        return sorted(read)

    cards = [b"\x01\x02\x03\x04", b"\x05\x72\x63\x54"]
    assert at_the_reader(act, *[Card(uid) for uid in cards]) == cards


def test_cards_of_different_sizes_are_told_apart():
    async def act(reader):
        field = (await reader.started()).field
        read = []
        for _ in range(2):
            assert await field.request(REQA)
            assert await field.choose() == CHOSEN
            read.append(field.uid())
            await field.halt()
        assert not await field.request(REQA)
        return sorted(read)

    assert at_the_reader(act, Card(UIDS[0]), Card(UIDS[2])) == [UIDS[0], UIDS[2]]


def test_three_that_still_collide_are_many():
    async def act(reader):
        field = (await reader.started()).field
        assert await field.request(REQA)
        return await field.choose()

    assert at_the_reader(act, *[Card(bytes((first, 2, 3, 4))) for first in (1, 3, 2)]) == MANY


def test_a_wrong_bcc_or_crc_is_unclear_and_nobody_is_chosen():
    async def act(reader):
        field = (await reader.started()).field
        assert await field.request(REQA)
        return await field.choose(), field.uid()

    for fault in ("bad_bcc", "bad_crc"):
        card = Card(UIDS[0])
        setattr(card, fault, True)
        assert at_the_reader(act, card) == (UNCLEAR, b"")


def test_a_card_whose_sak_and_uid_disagree_on_its_size_is_unclear():
    async def act(reader):
        field = (await reader.started()).field
        assert await field.request(REQA)
        chosen = await field.choose()
        await field.halt()
        return chosen

    for uid in UIDS:
        card = Card(uid)
        card.sak = 0x24  # its last level says that there is another
        assert at_the_reader(act, card) == UNCLEAR
    ends_early = Card(UIDS[1])
    ends_early.levels = ends_early.levels[:1]  # a cascade tag, and no level behind it
    assert at_the_reader(act, ends_early) == UNCLEAR


def test_a_card_that_leaves_at_any_moment_is_gone_or_unclear_or_read():
    async def act(reader):
        field = (await reader.started()).field
        if not await field.request(REQA):
            return GONE
        return await field.choose()

    outcomes = [at_the_reader(act, Card(UIDS[2], leaves_after=frames)) for frames in range(8)]
    assert outcomes == [GONE] * 7 + [CHOSEN]


def test_the_card_with_a_known_uid_is_selected_and_no_other():
    async def act(reader, uid):
        field = (await reader.started()).field
        assert await field.request(WUPA)
        return await field.select(uid)

    for uid in UIDS:
        async def same(reader, uid=uid):
            return await act(reader, uid)

        async def other(reader, uid=uid):
            return await act(reader, uid[:-1] + b"\xaa")

        neighbour = Card(b"\x61\x62\x63\x64")
        assert at_the_reader(same, Card(uid), neighbour) == CHOSEN
        assert at_the_reader(other, Card(uid), neighbour) == GONE


def test_a_turned_bit_never_makes_another_uid():
    async def act(reader):
        field = (await reader.started()).field
        reader.chip.noise = True
        for _ in range(60):
            if await field.request(REQA) and await field.choose() == CHOSEN:
                assert field.uid() == UIDS[0]

    at_the_reader(act, Card(UIDS[0]))
