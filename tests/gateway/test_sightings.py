"""Sightings: which answers may have set a clock, when boots began, and bounds on all of it."""

from gateway import sightings
from gateway.clock import MS
from gateway.database import writing
from gateway.sightings import (
    ANSWERS_MAX,
    ASKED_MAX,
    BOOTS_MAX,
    CONFIRMED,
    UNSTEADY,
    Boot,
    Sighting,
)
from protocol import codes, messages
from protocol.messages import Request, request
from tests.support.street import Street

SINCE = 1_800_000_000 * MS
KEY = b"A" * 32


def at(second: int) -> int:
    """A second of these tests in milliseconds."""
    return SINCE + second * MS


def beat(boot: int | None = None, uptime_s: int = 0, clock: tuple[int, int] | None = None,
         kind: int = messages.HEARTBEAT) -> Request:
    """A request: unclocked in a boot, or with a clock of (second of these tests, age)."""
    if clock is not None:
        return request(kind, 1, 0, at=SINCE // MS + clock[0], clock_age=clock[1])
    return request(kind, 1, 0, uptime_s=uptime_s, boot_count=boot)


def test_a_row_is_read_as_it_was_written_and_sealed():
    boot = Boot(2, at(1), at(3), 9, CONFIRMED)
    sighting = Sighting(7, SINCE, at(5), ((1, 2), (3, 4)), (boot,), 4, ((9, 1, 5),))
    row = sightings.sealed(KEY, sighting)
    assert sightings.read(*row[:-1]) == sighting and len(row) == len(sightings.COLUMNS)
    assert sightings.sealed(KEY, sighting._replace(trusted_at=at(6)))[-1] != row[-1]


def test_the_newest_answers_are_kept_each_with_its_boot():
    known = sightings.answered(Sighting(7, SINCE), beat(3, 10), 1000)
    known = sightings.answered(known, request(10, 1, 0, at=1500, clock_age=500), 2000)
    known = sightings.answered(known, request(10, 1, 0, at=1500, clock_age=499), 2001)
    assert known.answers == ((1000, 3), (2000, 3), (2001, 0))
    last = 3000 + 2 * ANSWERS_MAX
    for second in range(3000, last + 1):
        known = sightings.answered(known, beat(3, 10), second)
    assert len(known.answers) == ANSWERS_MAX and known.answers[-1][0] == last
    assert known.boot_of_answer(1000) is None and known.boot_of_answer(last) == 3


def test_two_answers_in_one_second_are_of_no_boot_unless_it_is_the_same():
    known = sightings.answered(Sighting(7, SINCE), beat(3, 10), 1000)
    assert sightings.answered(known, beat(3, 11), 1000) is known
    assert sightings.answered(known, beat(4, 0), 1000).answers == ((1000, 0),)


def test_the_earliest_start_of_a_boot_is_the_best_known():
    known = sightings.heard(Sighting(7, SINCE), beat(2, 100), at(1000))
    assert known.boots == (Boot(2, at(900), 0, 100),)
    assert sightings.heard(known, beat(2, 100), at(5000)) is known  # delayed
    assert sightings.heard(known, beat(2, 150), at(1020)).boots == (Boot(2, at(870), 0, 150),)


def test_two_messages_sealed_apart_that_agree_confirm_their_boot():
    known = sightings.heard(Sighting(7, SINCE), beat(2, 100), at(1000))
    assert sightings.heard(known, beat(2, 119), at(1019)) is known, "sealed at one time"
    for late in (30, 500):
        assert sightings.heard(known, beat(2, 130), at(1030 + late)) is known
    boot, = sightings.heard(known, beat(2, 130), at(1033)).boots
    assert boot == Boot(2, at(900), at(1020), 100, CONFIRMED)
    boot, = sightings.heard(known, beat(2, 130), at(1027)).boots
    assert boot == Boot(2, at(897), at(1017), 130, CONFIRMED)


def test_a_confirmed_boot_whose_uptime_jumps_is_believed_no_more():
    known = sightings.heard(Sighting(7, SINCE), beat(2, 100), at(1000))
    known = sightings.heard(known, beat(2, 130), at(1030))
    assert sightings.heard(known, beat(2, 160), at(90_000)) is known, "a delay is no jump"
    known = sightings.heard(known, beat(2, 4000), at(1060))
    assert known.boots == (Boot(2, at(900), at(1020), 100, UNSTEADY),)
    assert sightings.heard(known, beat(2, 4030), at(1090)) is known


def test_a_proven_clock_shows_when_its_boot_was_alive():
    known = sightings.heard(Sighting(7, SINCE), beat(2, 100), at(1000))
    known = sightings.answered(known, beat(2, 100), SINCE // MS + 1000)
    assert sightings.heard(known, beat(clock=(1300, 299)), at(1300)) is known  # set at 1001
    known = sightings.heard(known, beat(clock=(1300, 300)), at(1300))
    assert known.trusted_at == at(1000) and known.boots == (Boot(2, at(900), at(1000), 100),)
    assert sightings.heard(known, beat(clock=(1900, 900)), at(2000)) is known


def test_a_boot_counter_that_began_again_is_seen_by_a_heartbeat_and_by_nothing_else():
    known = Sighting(7, SINCE, boots=(Boot(1, at(0), 0, 5), Boot(8, at(500), at(600), 5)))
    late_tap = beat(2, 10, kind=messages.SALE)
    assert [boot.number for boot in sightings.heard(known, late_tap, at(900)).boots] == [1, 2, 8]
    again = sightings.heard(known, beat(2, 10), at(900))
    assert again.boots == (Boot(1, at(0), 0, 5), Boot(2, at(890), 0, 10))
    reused = sightings.heard(known, beat(1, 10), at(900))
    assert reused.boots == (Boot(1, at(890), 0, 10),)


def test_who_counts_more_seconds_than_anybody_ran_is_not_believed():
    known = Sighting(7, SINCE)
    assert sightings.heard(known, beat(2, 2**32 - 1), at(100)) is known
    assert sightings.heard(known, beat(2, 3600), at(100)).boots == (Boot(2, at(-3500), 0, 3600),)


def test_memory_is_bounded_whatever_a_terminal_does():
    known = Sighting(7, SINCE)
    for count in range(10 * BOOTS_MAX):
        known = sightings.heard(known, beat(count, 1), at(count))
        known = sightings.answered(known, beat(count, 1), count)
        known = sightings.asked_again(known, 1, ((count, 1, 2), (1, 3 * count + 1, 3 * count + 1)))
    assert len(known.boots) == BOOTS_MAX and known.boots[-1].number == 10 * BOOTS_MAX - 1
    assert len(known.asked) == ASKED_MAX
    assert len(sightings.sealed(KEY, known)[3]) < 3000


def test_what_was_asked_again_is_joined_within_one_recovery():
    known = sightings.asked_again(Sighting(7, SINCE), 1, ((5, 1, 4), (6, 9, 9)))
    known = sightings.asked_again(known, 1, ((5, 3, 8),))
    assert sorted(known.asked) == [(5, 1, 8), (6, 9, 9)]
    assert sightings.asked_again(known, 2, ((5, 3, 8),)).asked == ((5, 3, 8),)


def test_a_sighting_changed_behind_the_gateways_back_is_not_built_on_and_stops_no_tap(engine):
    street = Street(engine)
    second = street.take(street.heartbeat(uptime_s=5, boot_count=1)).at
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE sightings SET trusted_at = 7")
    street.later(seconds=5)
    assert street.take(street.heartbeat()).code == codes.TRY_LATER
    assert street.rows("quarantine", "fault") == [("SealBroken",)]
    assert street.take(street.sale(at=second + 5, clock_age=5)).code == 0
    assert street.rows("sightings", "trusted_at") == [(7,)]
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM sightings")
    assert street.take(street.heartbeat()).code == codes.TRY_LATER
    assert street.take(street.sale()).code == 0
    assert street.rows("sightings") == []
