"""The reader chip on its bus: by the datasheet, and named when it fails. Portable."""

from firmware.board.mfrc522 import COLLISION, DAMAGED, OK, SILENT, Mfrc522
from firmware.errors import CardReaderError
from simulator.card_field import Card
from tests.firmware.counter_reader import at_the_reader
from tests.firmware.portable import within
from tests.firmware.virtual_time import now_ms

UID = b"\x01\x02\x03\x04"


class Wire:
    """Notes what goes over the bus; `values` are read, one after the other."""

    def __init__(self, *values):
        self.sent = []
        self._values = list(values)

    def value(self, level):
        self.sent.append(level)

    def write(self, data):
        self.sent.append(bytes(data))

    def write_readinto(self, data, into):
        self.sent.append(bytes(data))
        into[-1] = self._values.pop(0)


async def failing(awaitable):
    try:
        await awaitable
    except CardReaderError as error:
        return error
    raise AssertionError("nothing was raised")


def test_an_address_byte_has_the_register_in_its_middle_and_1_on_top_for_reading():
    wire = Wire(0x92)
    driver = Mfrc522(wire, wire, lambda: 0)
    assert driver.read(0x37) == 0x92
    driver.write(0x01, 0x0F)
    assert wire.sent == [1, 0, b"\xee\x00", 1, 0, b"\x02\x0f", 1]


def test_a_chip_of_either_version_passes_its_self_test_and_is_set_up():
    async def act(reader):
        await reader.driver.start()
        assert reader.driver.ready and reader.driver.self_tested and not reader.driver.lost()
        assert not reader.chip.field_on
        return reader.driver.version

    assert at_the_reader(act) == 0x92
    assert at_the_reader(act, version=0x91) == 0x91


def test_a_chip_whose_self_test_fails_is_not_used():
    async def act(reader):
        reader.chip.worn = True
        error = await failing(reader.driver.start())
        assert error.reason == "self_test" and "replace" in str(error)
        assert not reader.driver.ready

    at_the_reader(act)


def test_a_version_of_which_nobody_published_a_self_test_works_without():
    async def act(reader):
        await reader.started()
        assert reader.driver.ready and not reader.driver.self_tested
        assert await reader.field.request(0x26)

    at_the_reader(act, Card(UID), version=0xB2)


def test_no_chip_on_the_bus_has_a_name_and_ends_soon():
    async def act(reader):
        for bus in ("zeros", "ones"):
            reader.chip.bus = bus
            begun = now_ms()
            assert (await failing(reader.driver.start())).reason == "absent"
            assert now_ms() - begun < 200 and not reader.driver.ready
        reader.chip.bus = None
        await reader.driver.start()
        assert reader.driver.ready

    at_the_reader(act)


def test_garbage_on_the_bus_never_passes_for_a_chip():
    async def act(reader):
        reader.chip.bus = "garbage"
        for _ in range(50):
            error = await failing(reader.driver.start())
            assert error.reason in ("absent", "garbled", "self_test"), error.reason

    at_the_reader(act)


def test_what_a_reset_of_its_own_leaves_is_noticed():
    async def act(reader):
        await reader.driver.start()
        reader.chip.power_on()
        assert reader.driver.lost()
        await reader.driver.start()
        assert not reader.driver.lost()

    at_the_reader(act)


def test_one_setting_that_is_lost_is_enough():
    async def act(reader):
        for register, value in ((0x2A, 0x00), (0x2B, 0x00), (0x15, 0x00)):
            await reader.driver.start()
            reader.driver.write(register, value)
            assert reader.driver.lost(), register

    at_the_reader(act)


def test_outcomes_of_an_exchange():
    async def act(reader):
        driver = (await reader.started()).driver
        driver.sent[1] = 0x26
        assert await driver.exchange(1, 2, 7) == OK
        assert (driver.size, driver.last_bits, driver.got[1:3]) == (2, 0, b"\x04\x00")
        # in READY another request is no word it knows
        assert await driver.exchange(1, 2, 7) == SILENT
        reader.lay(Card(UID), Card(b"\x01\x02\x03\x05"))
        assert await driver.exchange(1, 2, 7) == OK
        driver.sent[1:3] = b"\x93\x20"
        assert await driver.exchange(2, 2) == COLLISION
        # the first three bytes agree, the fourth differs in its lowest bit: 25th
        assert driver.collided_at == 25 and driver.got[1:4] == b"\x01\x02\x03"
        assert not driver.got[4] and driver.size == 5

    at_the_reader(act, Card(UID))


def test_an_answer_without_a_byte_is_damaged():
    async def act(reader):
        driver = (await reader.started()).driver
        reader.chip._received = lambda bits, collided: reader.chip._put(0x04, 0xA0)
        driver.sent[1] = 0x26
        assert await driver.exchange(1, 2, 7) == DAMAGED

    at_the_reader(act, Card(UID))


def test_nobody_there_is_silent_within_the_wait():
    async def act(reader):
        driver = (await reader.started()).driver
        for wait_ms in (2, 15):
            begun = now_ms()
            driver.sent[1] = 0x26
            assert await driver.exchange(1, wait_ms, 7) == SILENT
            assert wait_ms <= now_ms() - begun <= wait_ms + 3

    at_the_reader(act)


def test_a_command_that_never_ends_is_stuck_and_a_start_helps():
    async def act(reader):
        driver = (await reader.started()).driver
        reader.chip.stuck = True
        begun = now_ms()
        error = await failing(driver.exchange(1, 2, 7))
        assert error.reason == "stuck" and not driver.ready and now_ms() - begun < 40
        error = await failing(driver.authenticate(0x60, 8, b"\xff" * 6, UID, 5))
        assert error.reason == "stuck"
        reader.chip.stuck = False
        await reader.started()
        driver.sent[1] = 0x26
        assert await driver.exchange(1, 2, 7) == OK

    at_the_reader(act, Card(UID))


def test_a_chip_that_is_deaf_to_all_commands_still_hears_its_reset_pin():
    async def act(reader):
        reader.chip.hung = True
        await reader.started()
        assert await reader.field.request(0x26)

    async def without(reader):
        reader.chip.hung = True
        assert (await failing(reader.driver.start())).reason == "self_test"

    at_the_reader(act, Card(UID), wired=True)
    at_the_reader(without)


def test_what_an_exchange_left_in_the_fifo_is_not_part_of_the_next():
    async def act(reader):
        driver = (await reader.started()).driver
        driver.write(0x09, 0x55)
        driver.sent[1] = 0x26
        assert await driver.exchange(1, 2, 7) == OK

    at_the_reader(act, Card(UID))


def test_an_impossible_fifo_level_is_garbled():
    async def act(reader):
        driver = (await reader.started()).driver
        real = driver.read
        driver.read = lambda register: 0x7F if register == 0x0A else real(register)
        driver.sent[1] = 0x26
        assert (await failing(driver.exchange(1, 2, 7))).reason == "garbled"

    at_the_reader(act, Card(UID))


def test_an_exchange_that_was_cancelled_disturbs_no_other():
    async def act(reader):
        driver = (await reader.started()).driver
        for wait_ms in (1, 2, 3):
            driver.sent[1] = 0x26
            assert await within(wait_ms, driver.exchange(1, 500, 7)) is None
        reader.lay(Card(UID))
        driver.sent[1] = 0x26
        assert await driver.exchange(1, 2, 7) == OK

    at_the_reader(act)


def test_a_key_does_not_stay_in_the_buffer():
    async def act(reader):
        driver = (await reader.started()).driver
        assert not await driver.authenticate(0x60, 8, b"secret", UID, 5)
        assert b"secret" not in bytes(driver.sent)

    at_the_reader(act)
