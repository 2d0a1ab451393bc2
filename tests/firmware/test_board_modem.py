# ruff: noqa: B023 - each story is told within its own turn of the loop
"""The modem driver against a modem at byte level, in virtual time: models, faults, the ladder, the
safe end of PPP, and whatever a seed draws. Runs on both."""

import asyncio
import errno
import random
from random import choice, randint, seed

from firmware import faults
from firmware.board import modem_steps as steps
from firmware.board.ladder import WAIT_MS_MAX
from firmware.board.modem_steps import Access
from firmware.board.way import NoWay
from tests.firmware.modem_world import MODELS, World
from tests.firmware.virtual_time import run

PIN = Access("cmnet", "", "", "1234", 3)
# the longest wait of the ladder, a measure with its boot, and a bringing up
BOUND_MS = WAIT_MS_MAX + 60000 + 150000


def lives(story, model="SIM800", **options):
    """Run `story(world)` with a driver; the world, for what happened."""
    world = World(model, **options)
    world.run(story)
    return world


def test_each_model_comes_up_from_being_off_and_tells_who_it_is():
    for model in MODELS:
        async def story(world):
            await world.up(45000)
            assert await world.connects()

        world = lives(story, model)
        assert world.peer.boots == 1 and world.failures == [] and world.peer.leaked == 0
        name, imei, iccid, operator, roaming = world.modem.facts()
        assert (name, imei, operator) == (model, "867962041234567", "CHN-UNICOM")
        assert iccid == "8986001700090912345F" and not roaming
        assert -113 <= world.modem.signal_dbm() <= -51
        assert world.modem.fault == faults.NONE
        assert world.modem.clock() >= 1795360507
        assert world.silence_ms <= 5000, world.silence_ms


def test_one_that_is_on_is_not_switched_off():
    for model in MODELS:
        async def story(world):
            world.peer.start()
            await world.up(10000)

        world = lives(story, model)
        assert world.peer.boots == 0 and world.peer.pwrkey._on_level


def test_one_in_a_call_of_an_earlier_life_is_taken_out_of_it():
    async def story(world):
        world.peer.start()
        world.peer.in_data = True
        await world.up(20000)

    world = lives(story)
    assert world.peer.escapes == 1 and world.peer.boots == 0


def test_bytes_in_any_pieces_lines_of_its_own_echo_and_noise_change_nothing():
    for number in range(12):
        seed(number)

        async def story(world):
            peer = world.peer
            peer.start()
            peer.urcs = ["+CREG: 2", "SMS Ready", "DST: 0", "+CPIN: READY", "RING", "OK then",
                         "+CSQ: 99,99 as well", "*PSUTTZ: 2026,11,22,15,15,7,\"+32\",0"]
            peer.noise = choice((b"", b"\x00", b"\xff\x80", b"\r\r\n"))
            await world.up(60000)

        world = lives(story, choice(list(MODELS)), pieces=random)
        assert world.modem.facts()[1] == "867962041234567", ("seed", number)
        assert world.modem.signal_dbm() > -113 and world.failures == [], ("seed", number)


# what is wrong with it, how it is healed, its name, and how long until that stands there
def _no_sim(peer):
    peer.sim = None


def _puk(peer):
    peer.sim = "SIM PUK"


def _pin(peer):
    peer.sim = "SIM PIN"


def _searching(peer):
    peer.state = 2


def _denied(peer):
    peer.state = 3


def _no_coverage(peer):
    peer.state = 0


def _no_apn(peer):
    peer.apns = ("internet",)


def _mute(peer):
    peer.mute = True


def _nonsense(peer):
    peer._say = lambda line, when, unasked=False: peer._put(b"\x00\x93garble\xfe\r\n??\r\n", when)


def _dead_air(peer):
    peer.dead_air = True


def _well(peer):
    peer.sim = "READY"
    peer.state = 1
    peer.apns = None
    peer.mute = peer.dead_air = False
    if "_say" in peer.__dict__:
        del peer._say


WRONG = ((_no_sim, faults.NO_SIM), (_puk, faults.SIM_LOCKED), (_pin, faults.SIM_PIN),
         (_searching, faults.SEARCHING), (_denied, faults.DENIED),
         (_no_coverage, faults.NO_NETWORK), (_no_apn, faults.NO_DATA), (_mute, faults.NO_MODEM),
         (_nonsense, faults.NO_MODEM), (_dead_air, faults.NO_PPP))


def test_what_is_wrong_is_named_and_a_healed_modem_comes_up_within_the_bound():
    for model in MODELS:
        for breaks, fault in WRONG:
            async def story(world):
                world.peer.start()
                breaks(world.peer)
                await world.until(lambda: world.modem.fault == fault, 200000)
                await asyncio.sleep_ms(900000)
                assert not world.modem.up
                named = [each[1] for each in world.failures]
                # a modem that was reset without a SIM may be asked before it is ready
                assert named.count(fault) * 4 >= len(named) * 3, (model, fault, named)
                _well(world.peer)
                await world.up(BOUND_MS)
                assert await world.connects() and world.modem.fault == faults.NONE

            world = lives(story, model)
            assert world.silence_ms <= 5000 and world.peer.leaked == 0


def test_without_a_way_a_connection_is_refused_by_name():
    async def story(world):
        world.peer.start()
        world.peer.sim = None
        await world.until(lambda: world.modem.fault == faults.NO_SIM, 60000)
        try:
            await world.modem.connect("broker", 1883)
            raise AssertionError("it connected without a modem")
        except NoWay as error:
            assert error.args[1] == faults.NO_SIM

    lives(story)


def test_a_pin_is_entered_and_a_wrong_one_once_in_all_lives():
    async def story(world):
        world.peer.start()
        world.peer.sim = "SIM PIN"
        await world.up(60000)

    assert lives(story, access=PIN).peer.pins_tried == ["1234"]
    left = [3]
    tried = []
    for _ in range(5):  # the handset is switched off and on, the SIM remembers
        async def wrong(world):
            world.peer.start()
            world.peer.sim = "SIM PIN"
            world.peer.pin = "9999"
            world.peer.pin_left = left[0]
            await world.until(lambda: world.modem.fault == faults.PIN_REFUSED, 60000)
            await asyncio.sleep_ms(3600000)
            left[0] = world.peer.pin_left
            assert not world.modem.up and world.peer.resets == world.peer.power_cuts == 0

        tried += lives(wrong, access=PIN).peer.pins_tried
    assert tried == ["1234"] and left == [2]


def test_the_ladder_goes_from_the_call_to_the_radio_to_reset_to_power():
    async def story(world):
        world.peer.start()
        world.peer.mute = True
        await world.until(lambda: len(world.failures) >= 7, 1200000)

    world = lives(story)
    rungs = [rung for when, fault, rung in world.failures]
    assert rungs[:7] == [steps.PPP, steps.PPP, steps.CFUN, steps.RESET, steps.POWER, steps.POWER,
                         steps.POWER]
    assert world.peer.resets == 1 and world.peer.power_cuts >= 1
    gaps = [world.failures[at][0] - world.failures[at - 1][0] for at in range(1, 7)]
    assert max(gaps) <= WAIT_MS_MAX + 60000, gaps


def test_without_reset_and_power_switch_the_power_key_has_to_do():
    for model in MODELS:
        async def cut(world):
            world.peer.start()
            world.peer.mute = True
            await world.until(lambda: not world.peer.on, 400000)
            world.peer.mute = False
            await world.up(BOUND_MS)

        world = lives(cut, model, has_reset=False, has_power=False)
        assert world.peer.resets == world.peer.power_cuts == 0 and world.peer.boots >= 1


def test_one_that_hangs_is_healed_by_the_mildest_measure_that_heals_it():
    for hung, resets, cuts in (("cfun", 0, 0), ("reset", 1, 0), ("power", 1, 1)):
        async def story(world):
            world.peer.start()
            await world.up(20000)
            world.peer.hung = hung
            await world.until(lambda: not world.modem.up, 300000)
            await world.until(lambda: world.peer.hung is None, 300000)
            await world.up(90000)
            assert await world.connects()

        async def cashier(world):
            while True:
                if world.modem.up:
                    await world.connects()
                await asyncio.sleep_ms(3000)

        async def both(world):
            selling = asyncio.create_task(cashier(world))
            try:
                await story(world)
            finally:
                selling.cancel()

        world = lives(both)
        assert (world.peer.resets, world.peer.power_cuts) == (resets, cuts), hung
        # a mute one may have left data mode or not: the question that finds out, asked twice
        assert world.peer.leaked == (0 if hung == "cfun" else 2)


def test_connected_but_dead_is_found_by_three_connections_without_an_answer():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.peer.dead_air = True
        for _ in range(2):
            assert not await world.connects()
        await asyncio.sleep_ms(3000)
        assert world.modem.up  # closing the socket is the first rung
        assert not await world.connects()
        await world.until(lambda: not world.modem.up, 5000)
        world.peer.dead_air = False
        await world.up(BOUND_MS)

    world = lives(story)
    assert world.failures[0][1:] == (faults.DEAD, steps.PPP)
    assert world.peer.resets == world.peer.power_cuts == 0


def test_a_server_that_says_no_is_no_fault_of_the_modem():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.answer = OSError(errno.ECONNREFUSED, "refused")
        for _ in range(10):
            assert not await world.connects()
            await asyncio.sleep_ms(2000)
        assert world.modem.up

    assert lives(story).failures == []


def test_success_begins_the_ladder_at_its_foot():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        for _ in range(6):
            assert await world.connects()
            world.peer.drop_call()
            while world.modem.up:
                await world.connects()
                await asyncio.sleep_ms(2000)
            await world.up(60000)

    world = lives(story)
    assert {rung for when, fault, rung in world.failures} == {steps.PPP}


def test_ppp_is_ended_the_safe_way():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.ppp.send(b"a packet before the end")
        await asyncio.sleep_ms(2000)
        assert world.ppp.received == [b"echo a packet before the end"]
        start = len(world.uart.written)
        world.network.silent = True  # it agrees to nothing: two questions, then it is down
        world.modem._unanswered = 3
        await world.until(lambda: not world.modem.up, 5000)
        begun_ms = world.now()
        await world.until(lambda: world.peer.escapes == 1, 20000)
        assert world.now() - begun_ms >= 6000 and not world.ppp.isconnected()
        return world.uart.written[start:]

    world = World()
    written = world.run(story)
    escape = [at for at in range(len(written)) if written[at][1] == b"+++"]
    assert len(escape) == 1
    when = written[escape[0]][0]
    assert when - written[escape[0] - 1][0] >= 1000  # the guard in front of it
    for _, data in written[:escape[0]]:
        assert data.startswith(b"~"), data  # PPP and nothing else
    assert world.peer.leaked == 0 and world.ppp.strays == b""
    assert world.network.heard[-1] == b"end"


def test_a_task_that_died_in_a_call_ends_it_the_safe_way_when_it_lives_again():
    async def story(world):
        world.peer.start()
        first = asyncio.create_task(world.modem.run())
        await world.up(20000)
        first.cancel()
        await world.until(lambda: not world.modem.up, 1000)
        assert world.peer.leaked == 0
        second = asyncio.create_task(world.modem.run())
        await world.up(60000)
        assert await world.connects()
        second.cancel()

    world = World()

    async def alone():
        turning = asyncio.create_task(world._interrupts())
        await story(world)
        turning.cancel()

    run(alone())
    assert world.peer.leaked == 0 and world.peer.boots == 0


def test_a_call_that_the_network_ends_is_made_again():
    for silent in (False, True):
        async def story(world):
            world.peer.start()
            await world.up(20000)
            world.network.silent = silent
            world.peer.drop_call()
            world.modem._unanswered = 3
            await world.until(lambda: not world.modem.up, 20000)
            world.network.silent = False
            await world.up(60000)

        assert lives(story).peer.leaked == 0


def test_a_ppp_that_the_network_ends_is_noticed_before_anybody_connects():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.network.hang_up()
        await world.until(lambda: not world.modem.up, 3000)
        await world.until(lambda: world.failures, 10000)
        assert world.failures[0][1:] == (faults.DEAD, steps.PPP)
        await world.up(60000)
        assert await world.connects()

    assert lives(story).peer.leaked == 0


def test_a_modem_that_does_not_know_the_escape_any_more_is_reset():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.peer.deaf = True
        world.network.silent = True
        world.modem._unanswered = 3
        await world.until(lambda: world.peer.resets == 1, 90000)
        world.peer.deaf = False
        world.network.silent = False
        await world.up(90000)

    world = lives(story)
    # the two questions behind the escape were the proof that nothing but data is left of it
    assert world.peer.leaked <= 2 and world.failures[0][2] == steps.RESET


def test_a_ppp_that_does_not_end_is_named_and_nothing_is_written_any_more():
    async def story(world):
        world.peer.start()
        await world.up(20000)
        world.ppp.stuck = True
        world.modem._unanswered = 3
        await world.until(lambda: world.modem.stuck, 30000)
        assert world.modem.fault == faults.PPP_STUCK
        start = len(world.uart.written)
        await asyncio.sleep_ms(600000)
        assert world.uart.written[start:] == []

    world = lives(story)
    assert world.peer.leaked == 0 and world.deaths[-1].args[1] == faults.PPP_STUCK
    # so often that the supervisor does not feed the watchdog any more
    assert len(world.deaths) > 100


def test_a_brown_out_in_a_call_and_in_an_answer_is_survived():
    for after_ms in range(0, 9000, 450):
        async def story(world):
            world.peer.start()
            await asyncio.sleep_ms(after_ms)
            world.peer.brown_out()
            for _ in range(40):
                await asyncio.sleep_ms(5000)
                if world.modem.up and await world.connects():
                    break
            assert world.modem.up, after_ms
            assert await world.connects()

        assert lives(story).peer.power_cuts == 0


def test_a_network_that_wants_to_know_who_calls_is_told_by_chap():
    merchant = Access("cmnet", "merchant", "secret", "", 3)

    async def known(world):
        world.peer.start()
        world.network.login = (2, "merchant", "secret")
        await world.up(20000)

    assert lives(known, access=merchant).failures == []

    async def refused(world):
        world.peer.start()
        world.network.login = (2, "merchant", "another")
        # at once, and not when the patience with a silent network is over
        await world.until(lambda: world.modem.fault == faults.NO_PPP, 15000)
        world.network.login = None
        await world.up(BOUND_MS)

    assert lives(refused, access=merchant).peer.leaked == 0


def _mischief(world):
    """One thing that goes wrong, drawn."""
    peer = world.peer
    kind = randint(0, 13)
    if kind == 0:
        peer.mute = True
    elif kind == 1:
        peer.late_ms = randint(0, 7000)
    elif kind == 2:
        peer.lost = randint(1, 6)
    elif kind == 3:
        peer.noise = bytes([randint(0, 255) for _ in range(randint(1, 12))])
    elif kind == 4:
        peer.hung = choice(("cfun", "reset", "power"))
    elif kind == 5:
        peer.deaf = True
    elif kind == 6:
        peer.urcs = [choice(("OK?", "+CREG: 3", "RING", "+CPIN: NOT READY", "+CSQ: 0,0", "DST: 1"))
                     for _ in range(randint(1, 5))]
    elif kind == 7:
        peer.errors = {choice(("AT+CPIN", "AT+CG", "ATD", "ATE", "AT+CFUN", "AT+CSQ", "AT+CREG")):
                       choice(("ERROR", "+CME ERROR: 13", "+CME ERROR: SIM busy", "+CMS ERROR: 1",
                               "NO CARRIER", "BUSY"))}
    elif kind == 8:
        peer.dead_air = True
    elif kind == 9:
        peer.state = choice((0, 2, 3, 4))
    elif kind == 10:
        peer.brown_out()
    elif kind == 11:
        peer.drop_call()
    elif kind == 12:
        world.network.silent = True
    else:
        peer.send(bytes([randint(0, 255) for _ in range(randint(1, 200))]))


def _healed(world):
    peer = world.peer
    _well(peer)
    peer.late_ms = peer.lost = 0
    peer.noise = b""
    peer.hung = None
    peer.deaf = False
    peer.urcs = []
    peer.errors = {}
    world.network.silent = False


def test_whatever_is_drawn_it_is_up_or_named_and_healed_it_comes_up_again():
    for number in range(SEEDS):
        seed(number)
        model = choice(list(MODELS))

        async def story(world):
            if randint(0, 1):
                world.peer.start()
            selling = asyncio.create_task(_sells(world))
            try:
                for _ in range(randint(1, 8)):
                    await asyncio.sleep_ms(choice((100, 1000, 10000, 60000, 200000)))
                    _mischief(world)
                    if not randint(0, 3):
                        _healed(world)
                await asyncio.sleep_ms(choice((0, 1000, 300000)))
                _healed(world)
                await world.until(lambda: world.sold_ms > world.now() - 30000, BOUND_MS)
            finally:
                selling.cancel()

        world = World(model, pieces=random, has_reset=bool(randint(0, 1)),
                      has_power=bool(randint(0, 1)))
        world.sold_ms = -1000000
        try:
            world.run(story)
        except AssertionError as error:
            raise AssertionError(f"seed {number}: {error}")
        assert all([faults.name(each[1]) for each in world.failures]), ("seed", number)
        assert world.silence_ms <= 5000 and world.deaths == [], ("seed", number)


SEEDS = 40


async def _sells(world):
    while True:
        if world.modem.up and await world.connects():
            world.sold_ms = world.now()
        await asyncio.sleep_ms(5000)
