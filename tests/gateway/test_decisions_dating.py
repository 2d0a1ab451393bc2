"""Dating: what a terminal's word on time is worth, and that no clock ever costs a tap."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import held, sightings
from gateway.audit import run_audit
from gateway.book import Book
from gateway.clock import DAY_MS, MS, business_day
from gateway.decisions.dating import BOOT, BOUND, CLAIM, CLOCK, RECEIVED, date_of
from gateway.effects import Dated
from gateway.held import HeldKey
from gateway.message import Message
from gateway.parties import Catalogue, Programme
from gateway.sightings import CONFIRMED, HEARD, UNSTEADY, Boot, Sighting
from protocol import codes, messages
from protocol.limits import U32_MAX
from protocol.messages import request
from tests.support.street import JOURNAL, Street

SINCE = 1_800_000_000 * MS
TERMINAL = 7
PROGRAMME = Programme(1, "Asia/Shanghai", 240, False, ())
SEED = 20261122


def at(second: int) -> int:
    return SINCE + second * MS


def dated(received: int, known: Sighting | None = None, **times) -> Dated:
    """The date of a sale received at this second of the tests; `at` in those seconds too."""
    if "at" in times:
        times["at"] += SINCE // MS
    said = request(messages.SALE, 1, 1, card=(2, 62), amount_minor=1, **times)
    known = known or Sighting(TERMINAL, SINCE)
    message = Message(TERMINAL, 1, b"", bytes(32), at(received), said)
    book = Book(Catalogue(1, {}, {}, {}, {}), at(received), terminals={}, cards={}, members={},
                journals={}, sightings={TERMINAL: sightings.heard(known, said, at(received))})
    return date_of(message, PROGRAMME, book)


def answered(*answers: tuple[int, int], **more) -> Sighting:
    """A terminal known since second 0 that had these answers (second, boot)."""
    return Sighting(TERMINAL, SINCE, answers=tuple(
        (SINCE // MS + second, boot) for second, boot in answers), **more)


def boot(count: int, started: int, alive: int | None = None, word: int = HEARD) -> Boot:
    return Boot(count, at(started), 0 if alive is None else at(alive), 100, word)


def word(found: Dated) -> tuple:
    """(at, earliest, latest) in seconds of the tests, and the quality."""
    return *((each - SINCE) // MS for each in (found.at, found.earliest, found.latest)), \
        found.quality


def test_a_clock_that_an_answer_of_ours_set_is_believed_within_its_drift():
    known = answered((1000, 1))
    assert word(dated(90_000, known, at=5000, clock_age=4000)) == (5000, 4998, 5014, CLOCK)
    assert word(dated(1003, known, at=1000, clock_age=0)) == (1000, 1000, 1003, CLOCK)
    assert dated(90_000, known, at=5000, clock_age=4000).sure_from == at(5000)


def test_an_age_that_reaches_beyond_the_arrival_ends_there():
    known = answered((1000, 1))
    assert word(dated(5000, known, at=5002, clock_age=4002)) == (5000, 4997, 5000, CLOCK)
    assert word(dated(5000, known, at=9000, clock_age=8000)) == (5000, 1000, 5000, BOUND)


def test_a_clock_set_by_an_answer_we_forgot_is_taken_at_its_word_with_a_wide_bound():
    known = answered((1000, 1), trusted_at=at(1000))
    found = dated(90_000, known, at=5000, clock_age=100)
    assert word(found) == (5000, 0, 90_000, CLAIM) and found.sure_from == at(5000)


@pytest.mark.parametrize("age", [0, 60, 10**9, None])
def test_a_clock_that_cannot_be_right_is_clamped_to_when_it_last_was(age):
    known = answered((1000, 1), trusted_at=at(1000))
    times = {} if age is None else {"clock_age": age}
    for years in (-50, -10, -1, 10, 50):
        found = dated(5000, known, at=years * 365 * 86400, **times)
        assert word(found) == ((1000 if years < 0 else 5000), 0, 5000, BOUND)
        assert found.sure_from == SINCE


def test_a_clock_that_cannot_be_right_and_never_was_says_nothing():
    assert word(dated(5000, at=-1_000_000_000, clock_age=5)) == (5000, 0, 5000, BOUND)
    assert word(dated(5000)) == (5000, 0, 5000, RECEIVED)


def test_an_uptime_is_dated_exactly_by_another_message_of_its_boot():
    known = Sighting(TERMINAL, SINCE, boots=(boot(3, 2000),))
    found = dated(9000, known, uptime_s=700, boot_count=3)
    assert word(found) == (2700, 0, 2700, BOOT) and found.sure_from == SINCE


def test_a_confirmed_boot_dates_within_seconds_and_one_whose_uptime_jumped_not_at_all():
    known = Sighting(TERMINAL, SINCE, boots=(boot(3, 2000, 2000, CONFIRMED),))
    found = dated(9000, known, uptime_s=700, boot_count=3)
    assert word(found) == (2700, 2689, 2700, BOOT) and found.sure_from == found.earliest
    known = Sighting(TERMINAL, SINCE, boots=(boot(3, 2000, 2000, UNSTEADY),))
    assert word(dated(9000, known, uptime_s=700, boot_count=3)) == (9000, 0, 9000, RECEIVED)


def test_an_uptime_of_a_boot_nobody_else_told_of_is_the_arrival():
    assert word(dated(9000, uptime_s=700, boot_count=3)) == (9000, 0, 9000, RECEIVED)


def test_a_tap_of_an_earlier_boot_lies_before_the_start_of_the_later_one():
    known = Sighting(TERMINAL, SINCE, boots=(boot(4, 2000), boot(6, 5000)))
    assert word(dated(9000, known, uptime_s=700, boot_count=3)) == (2000, 0, 2000, BOUND)
    assert word(dated(9000, known, uptime_s=700, boot_count=5)) == (5000, 0, 5000, BOUND)
    assert word(dated(9000, known, uptime_s=9000, boot_count=4)) == (5000, 0, 5000, BOUND)


def test_a_tap_lies_behind_the_last_time_an_earlier_boot_was_heard():
    known = Sighting(TERMINAL, SINCE, boots=(boot(4, 2000, 2500), boot(6, 5000)))
    assert word(dated(9000, known, uptime_s=700, boot_count=5)) == (5000, 2500, 5000, BOUND)
    assert word(dated(9000, known, uptime_s=700, boot_count=4)) == (2700, 0, 2700, BOOT)


def test_a_battery_clock_counts_where_uptime_alone_says_little():
    known = Sighting(TERMINAL, SINCE, boots=(boot(6, 5000),))
    assert word(dated(9000, known, uptime_s=7, boot_count=5, at=4000)) == (4000, 0, 5000, BOUND)
    assert word(dated(9000, known, uptime_s=7, boot_count=5, at=7000)) == (5000, 0, 5000, BOUND)
    assert word(dated(9000, known, uptime_s=7, boot_count=6, at=4000)) == (5007, 0, 5007, BOOT)


anything = st.integers(0, U32_MAX)
claims = st.fixed_dictionaries({}, optional={
    "at": anything, "clock_age": anything, "uptime_s": anything, "boot_count": anything})


@given(st.lists(claims, max_size=8), claims, st.integers(0, 10**8))
def test_whatever_terminals_say_a_date_lies_between_their_first_day_and_the_arrival(
        before, said, received):
    known = Sighting(TERMINAL, SINCE)
    for place, each in enumerate(before):
        heard = request(messages.HEARTBEAT, 1, 0, **each)
        known = sightings.heard(known, heard, at(place))
        known = sightings.answered(known, heard, SINCE // MS + place)
    if "at" in said:
        said = {**said, "at": said["at"] - SINCE // MS}
    found = dated(received, known, **said)
    assert SINCE <= found.earliest <= found.at <= found.latest <= at(received)
    assert found.earliest <= found.sure_from <= found.at
    assert found.business_date == business_day(found.at, "Asia/Shanghai", 240)


class Terminal:
    """A terminal that counts rightly, and a network that delays and reorders as it likes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 1000
        self.boot, self.booted_at, self.set_at, self.set_true = 1, 900, None, 0
        self.known = Sighting(TERMINAL, SINCE)
        self.under_way: list[tuple[int, int, int, dict]] = []
        self.dates: list[tuple[int, Dated]] = []

    def times(self) -> dict:
        if self.set_at is None:
            return {"uptime_s": self.now - self.booted_at, "boot_count": self.boot}
        age = self.now - self.set_true
        return {"at": SINCE // MS + self.set_at + age, "clock_age": age}

    def send(self, kind: int) -> None:
        delay = self.random.choice((0, 1, 5, self.random.randrange(30, 90_000)))
        self.under_way.append((self.now + delay, self.now, kind, self.times()))

    def step(self) -> None:
        act = self.random.randrange(10)
        if act == 0:
            self.boot, self.booted_at, self.set_at = self.boot + 1, self.now, None
        elif act < 4:
            self.send(messages.HEARTBEAT)
        else:
            self.send(messages.SALE)
        self.now += self.random.choice((1, 2, 60, 3600))
        due = [each for each in self.under_way if each[0] <= self.now]
        self.random.shuffle(due)
        for each in due:
            self.under_way.remove(each)
            self.arrive(*each)

    def arrive(self, arrived: int, sent: int, kind: int, times: dict) -> None:
        said = request(kind, 1, 0, **times)
        if kind == messages.HEARTBEAT:
            self.known = sightings.heard(self.known, said, at(arrived))
            self.known = sightings.answered(self.known, said, SINCE // MS + arrived)
            if arrived - sent <= 10 and self.booted_at <= sent and self.random.random() < 0.7:
                self.set_at, self.set_true = arrived, min(self.now, arrived + 2)
                self.now = max(self.now, self.set_true)
            return
        times = {key: value - SINCE // MS if key == "at" else value
                 for key, value in times.items()}
        self.known = sightings.heard(self.known, said, at(arrived))
        self.dates.append((at(sent), dated(arrived, self.known, **times)))


@pytest.mark.parametrize("seed", range(SEED, SEED + 40))
def test_the_bound_of_an_honest_terminal_holds_its_tap_whatever_the_network_does(seed):
    terminal = Terminal(seed)
    for _ in range(200):
        terminal.step()
    assert len(terminal.dates) > 50
    for tapped_at, found in terminal.dates:
        assert found.earliest <= tapped_at <= found.latest, (tapped_at, found)
        assert found.quality in (CLOCK, CLAIM) or found.sure_from <= tapped_at
        if found.quality in (CLOCK, CLAIM):
            assert abs(found.at - tapped_at) <= 10 * MS
    assert {found.quality for _, found in terminal.dates} >= {CLOCK, BOOT}


# ---- through the intake ----

def beat(street: Street, **fields) -> int:
    """A heartbeat; the second its answer says."""
    return street.take(street.heartbeat(**fields)).at


def kept_word(street: Street) -> list[tuple]:
    """(dated_at, quality, earliest, latest) of all entries."""
    return [(row[0], *json.loads(row[1])["dated"])
            for row in street.rows("entries", "dated_at, context", "1=1 ORDER BY id")]


def test_the_date_its_bound_and_its_quality_are_kept_with_the_entry(engine):
    street = Street(engine)
    second = beat(street, uptime_s=5, boot_count=1)
    street.later(hours=30)
    street.take(street.sale(at=second + 3600, clock_age=3600))
    tapped = (second + 3600) * MS
    assert kept_word(street) == [(tapped, CLOCK, tapped - 1800, tapped + 13_800)]
    entry, = street.rows("entries", "business_date, at_claimed")
    assert entry == (business_day(tapped, "Asia/Shanghai", 240), second + 3600)
    assert run_audit(engine, street.keyring).findings == ()


def test_an_unclocked_tap_is_dated_by_the_heartbeat_of_its_boot_in_whatever_order(engine):
    street = Street(engine)
    started = street.seconds() * MS
    street.later(hours=5)
    early = street.sale(at=None, uptime_s=600, boot_count=9)
    late = street.sale(at=None, uptime_s=6000, boot_count=9)
    street.answers(early, street.heartbeat(uptime_s=5 * 3600, boot_count=9))
    street.later(days=2)
    street.take(late)
    assert [row[:2] for row in kept_word(street)] == [
        (started + 600 * MS, BOOT), (started + 6000 * MS, BOOT)]


def test_a_lost_card_is_refused_only_for_a_tap_that_surely_came_after(engine):
    street = Street(engine)
    second = beat(street, uptime_s=5, boot_count=1)
    street.later(hours=1)
    beat(street, at=street.seconds(), clock_age=street.seconds() - second)  # boot 1 is alive
    street.later(hours=1)
    street.registry.set_card_state(street.cards[0], "lost")
    street.later(hours=1)
    taps = [street.sale(at=None, uptime_s=600, boot_count=2), street.sale(at=None),
            street.sale(at=street.seconds(), clock_age=street.seconds() - second)]
    assert [answer.code for answer in street.answers(*taps)] == [
        codes.HELD, codes.HELD, codes.CARD_LOST]


def test_a_held_tap_keeps_its_date_for_the_verdict(engine):
    street = Street(engine)
    second = beat(street, uptime_s=5, boot_count=1)
    street.later(hours=1)
    street.registry.set_merchant_state(street.merchant, "suspended")
    street.later(days=3)
    street.take(street.sale(at=second + 7200, clock_age=7200))
    dates = street.rows("held_dates", "dated_at, earliest, latest, quality")
    assert dates == [((second + 7200) * MS, (second + 7200) * MS - 3600,
                      (second + 7200) * MS + 15_600, CLOCK)]
    street.later(days=9)
    for _ in range(70):  # by now the gateway has forgotten its own answer
        street.later(hours=1)
        beat(street)
    street.registry.set_merchant_state(street.merchant, "active")
    held.post(street.intake, HeldKey(street.terminals[0], JOURNAL, 1), "Ann")
    assert kept_word(street) == [(dates[0][0], CLOCK, dates[0][1], dates[0][2])]


def crazy(random: Random, street: Street) -> dict:
    """Times of a device whose clock is years off, jumps, or begins at 1970 or 2000."""
    now = street.seconds()
    claim = random.choice((0, 1, 946_684_800, 946_684_800 + random.randrange(10**6),
                           now - 10 * 365 * 86400, now + 10 * 365 * 86400, now,
                           now + random.randrange(-10**6, 10**6), U32_MAX))
    return random.choice((
        {"at": claim}, {"at": claim, "clock_age": random.choice((0, 5, 10**6, claim, U32_MAX))},
        {"at": None, "uptime_s": random.choice((0, 9, 10**5, U32_MAX)),
         "boot_count": random.choice((0, 1, 2, 99, U32_MAX))},
        {"at": claim, "uptime_s": random.randrange(10**6), "boot_count": random.randrange(5)},
        {"at": None}))


@pytest.mark.parametrize("seed", range(SEED, SEED + 6))
def test_no_clock_changes_who_a_tap_is_or_that_it_posts_exactly_once(engine, seed):
    random = Random(seed)
    street = Street(engine, terminals=2, members=3)
    taps: list[bytes] = []
    for _ in range(12):
        street.later(seconds=random.randrange(1, 10**6))
        fresh = [street.sale(1000, terminal=random.randrange(2), card=random.randrange(3),
                             **crazy(random, street)) for _ in range(4)]
        taps += fresh
        batch = fresh + random.sample(taps, min(len(taps), 3))
        for terminal in range(2):
            batch.append(street.heartbeat(terminal=terminal, **crazy(random, street)))
        random.shuffle(batch)
        street.answers(*batch)
    answers = street.answers(*taps)
    assert {answer.code for answer in answers} == {0}
    assert street.rows("entries", "count(*)") == [(len(taps),)]
    assert sorted(street.rows("entries", "terminal_id, operation_key")) == sorted(
        (street.message(tap).terminal_id, street.message(tap).key) for tap in taps)
    assert street.rows("members", "sum(available)") == [(len(taps) * 12,)]
    first = street.rows("terminal_epochs", "min(recorded_at)")[0][0]
    for at_ms, received in street.rows("entries", "dated_at, received_at"):
        assert first <= at_ms <= received
    assert run_audit(engine, street.keyring, clock=lambda: street.now).findings == ()


def test_the_day_of_a_tap_is_the_business_day_it_was_tapped_on(engine):
    street = Street(engine)
    second = beat(street, uptime_s=5, boot_count=1)
    for days in range(1, 30):
        street.later(days=1)
        beat(street)
        street.take(street.sale(at=second + days * 43_200, clock_age=days * 43_200))
    start = second * MS
    assert [row[0] for row in street.rows("entries", "business_date", "1=1 ORDER BY id")] == [
        business_day(start + days * DAY_MS // 2, "Asia/Shanghai", 240) for days in range(1, 30)]
