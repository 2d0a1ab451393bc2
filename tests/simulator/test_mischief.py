"""Each kind of mischief happens, at about its rate, and leaves everything else alone."""

from random import Random

from simulator.loop import US, VirtualLoop
from simulator.mischief import Mischief, Rates

BODIES = [number.to_bytes(4, "big") for number in range(1000)]


def passed(seconds: int = 10_000, **rates: int) -> tuple[Mischief, list[tuple[int, bytes]]]:
    loop = VirtualLoop()
    came: list[tuple[int, bytes]] = []
    mischief = Mischief(loop, lambda name: Random(f"7/{name}"), Rates(**rates))
    for number, body in enumerate(BODIES):
        loop.call_at_us(number * US, mischief.passing, "topic", body,
                        lambda each: came.append((loop.now_us, each)))
    loop.run_until_us(seconds * US)
    return mischief, came


def test_without_mischief_everything_passes_at_once_and_as_it_is():
    mischief, came = passed()
    assert came == [(number * US, body) for number, body in enumerate(BODIES)]
    assert not mischief.counts


def test_lost_is_lost():
    mischief, came = passed(lost_per_1000=200)
    assert len(came) == 1000 - mischief.counts["lost"] and 150 < mischief.counts["lost"] < 250


def test_duplicated_comes_twice():
    mischief, came = passed(duplicated_per_1000=200)
    assert len(came) == 1000 + mischief.counts["duplicated"] and mischief.counts["duplicated"]


def test_swapped_is_overtaken():
    _, came = passed(swapped_per_1000=200, swapped_ms_max=5000)
    assert [body for _, body in came] != BODIES
    assert sorted(body for _, body in came) == BODIES


def test_late_comes_now_and_once_more_days_later():
    mischief, came = passed(seconds=40 * 86400, late_per_1000=100, late_s_max=30 * 86400)
    again = [at for place, (at, body) in enumerate(came) if body in [b for _, b in came[:place]]]
    assert len(again) == mischief.counts["late"] > 50
    assert max(again) > 20 * 86400 * US


def test_corrupt_is_altered_or_cut_off():
    mischief, came = passed(corrupt_per_1000=100)
    altered = [body for _, body in came if body not in BODIES]
    assert len(came) == 1000 and 0 < len(altered) <= mischief.counts["corrupt"]


def test_one_kind_moves_nothing_of_another():
    _, alone = passed(lost_per_1000=100)
    _, both = passed(lost_per_1000=100, duplicated_per_1000=500)
    assert {body for _, body in alone} == {body for _, body in both}


def test_after_calm_only_what_was_on_its_way_comes_and_flush_brings_it_now():
    loop = VirtualLoop()
    came: list[bytes] = []
    mischief = Mischief(loop, lambda name: Random(name), Rates(late_per_1000=1000, late_s_max=900))
    mischief.passing("topic", b"one", came.append)
    mischief.calm()
    mischief.passing("topic", b"two", came.append)
    assert came == [b"one", b"two"] and mischief.flush() == 1
    loop.run_until_us(1000 * US)
    assert came == [b"one", b"two", b"one"]
