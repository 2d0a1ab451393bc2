"""The buzzer's patterns as they are heard."""

import asyncio

from firmware.board.buzzer import Buzzer, tones
from simulator.pwm_pin import PwmPin
from tests.firmware.portable import raises
from tests.firmware.virtual_time import now_ms, run

NAMES = ("key", "ok", "refused", "saved", "fault")


def heard(story, volume=2):
    """What is heard while `story(buzzer, pin)` happens, as (hz, from_ms, ms)."""
    async def main():
        pin = PwmPin(now_ms)
        buzzer = Buzzer(pin, volume)
        task = asyncio.create_task(buzzer.run())
        await asyncio.sleep_ms(0)
        await story(buzzer, pin)
        task.cancel()
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(0)
        assert not pin.sounds()
        return [(hz, start, end - start) for hz, start, end, _ in pin.heard]

    return run(main())


def test_each_pattern_is_heard_as_it_is_written_and_each_is_another():
    kinds = set()
    for name in NAMES:
        async def story(buzzer, pin, name=name):
            buzzer.play(name)
            assert not pin.sounds()
            await asyncio.sleep_ms(3000)

        expected = []
        at_ms = 0
        for hz, ms in tones(name):
            if hz:
                expected.append((hz, at_ms, ms))
            at_ms += ms
        assert heard(story) == expected and at_ms <= 800
        kinds.add(tuple(expected))
    assert len(kinds) == len(NAMES)


def test_a_new_pattern_replaces_the_old_at_once():
    async def story(buzzer, pin):
        buzzer.play("refused")
        await asyncio.sleep_ms(50)
        buzzer.play("key")
        await asyncio.sleep_ms(1000)

    first = tones("refused")[0][0]
    assert heard(story) == [(first, 0, 50), (tones("key")[0][0], 50, 30)]


def test_of_two_at_once_the_last_counts():
    async def story(buzzer, pin):
        buzzer.play("fault")
        buzzer.play("key")
        await asyncio.sleep_ms(1000)

    assert heard(story) == [(tones("key")[0][0], 0, 30)]


def test_volume_is_loudness_and_none_is_silence():
    duties = []
    for volume in (0, 1, 2, 3):
        async def story(buzzer, pin):
            buzzer.play("key")
            await asyncio.sleep_ms(100)
            duties.append(pin.heard[0][3] if pin.heard else 0)

        heard(story, volume)
    assert duties[0] == 0 and duties == sorted(set(duties)) and duties[3] == 32768


def test_cancelled_in_the_middle_of_a_tone_it_is_silent():
    async def story(buzzer, pin):
        buzzer.play("refused")
        await asyncio.sleep_ms(50)
        assert pin.sounds()

    assert [ms for _, _, ms in heard(story)] == [50]


def test_a_pin_that_refuses_is_named_and_ends_nothing():
    async def story(buzzer, pin):
        pin.fails = True
        buzzer.play("ok")
        await asyncio.sleep_ms(1000)
        assert buzzer.fault == "absent" and pin.heard == []
        pin.fails = False
        buzzer.play("key")
        await asyncio.sleep_ms(1000)
        assert buzzer.fault is None

    assert len(heard(story)) == 1


def test_a_pattern_that_is_none_is_a_mistake_of_the_program():
    raises(KeyError, tones, "bell")
