"""When a tap happened, as far as the gateway can know (J7). Pure.

Law: a date lies between the terminal's first day and the arrival, and it never says who a tap is
or whether it posts: a terminal whose clock is wrong loses nothing but the right day. In order:

    CLOCK     the clock was set by an answer of ours that we remember: its word, within drift
    CLAIM     a clock that could have been set by one we no longer know (the list is bounded, and a
              restored database has forgotten some): its word, but the bound is wide
    BOOT      no clock, but uptime in a boot whose start other messages tell
    BOUND     a clock that cannot be right: its word, clamped between the last time we know it
              was right (the arrival, if never) and the arrival. Or no clock, in a boot that a
              later one ended, or with a battery's clock that nobody set
    RECEIVED  no word at all, or none that says more: the arrival

A state is judged at the date. But where the date is doubtful (no clock to believe), a card or a
member is refused only for what began before the earliest instant the tap can have; what began
inside the bound holds the tap for HQ (table T: doubtful date). `earliest` and `latest` are for
whoever must be sure, as a promotion that counts only where it covers the whole bound.
"""

from gateway.book import Book
from gateway.clock import MS, business_day
from gateway.effects import Dated
from gateway.message import Message
from gateway.parties import Programme
from gateway.sightings import AGREED_MS, CONFIRMED, UNSTEADY, Sighting, clock_set

CLOCK, CLAIM, BOOT, BOUND, RECEIVED = range(1, 6)

ROUND_TRIP_MS = 12 * MS  # an answer sets a clock at most 10 s later, and both count whole seconds
DRIFT = 2000             # one part in so many: 500 ppm


def now(book: Book, programme: Programme) -> Dated:
    """A message that is judged as it comes, whatever its clock says."""
    return _dated(programme, book.now, book.now, book.now, CLOCK)


def date_of(message: Message, programme: Programme, book: Book) -> Dated:
    """The date of a journaled message; of a held one on which HQ has its word, as it was held."""
    known = book.dates.get(message.held_key) if message.by_hq else None
    if known is not None:
        return _dated(programme, *known)
    sighting, received_at = book.sighting(message.terminal_id), message.received_at
    since = min(sighting.known_since, received_at)
    if clock_set(message.request) is not None:
        found = _by_clock(message, sighting, since)
    elif message.request.uptime_s is not None and message.request.boot_count is not None:
        found = _by_boot(message, sighting, since)
    elif message.request.at is not None:
        found = _by_word(message, sighting, since)
    else:
        found = received_at, since, received_at, RECEIVED
    return _dated(programme, *found)


def _dated(programme: Programme, at: int, earliest: int, latest: int, quality: int) -> Dated:
    def day(instant: int) -> int:
        return business_day(instant, programme.time_zone, programme.cutover_minutes)

    sure_from = at if quality in (CLOCK, CLAIM) else earliest
    on = day(at)
    return Dated(at, on, earliest, latest, quality, sure_from,
                 on if sure_from == at else day(sure_from))


def _by_clock(message: Message, sighting: Sighting, since: int) -> tuple[int, int, int, int]:
    request, received_at = message.request, message.received_at
    second, at = clock_set(request), request.at * MS
    assert second is not None
    drift = request.clock_age * MS // DRIFT
    ahead = at - received_at
    if sighting.boot_of_answer(second) is None:
        return _by_word(message, sighting, since)
    if ahead > drift + ROUND_TRIP_MS:
        return received_at, max(since, min(second * MS, received_at)), received_at, BOUND
    at = max(since, min(at, received_at))
    return (at, max(since, min(second * MS, at), at - drift),
            min(received_at, at + drift + ROUND_TRIP_MS), CLOCK)


def _by_word(message: Message, sighting: Sighting, since: int) -> tuple[int, int, int, int]:
    """A clock that nothing proves: its word, where it can be right."""
    request, received_at = message.request, message.received_at
    at, set_at = request.at * MS, (request.at - (request.clock_age or 0)) * MS
    if since - ROUND_TRIP_MS <= set_at and at <= received_at + ROUND_TRIP_MS:
        return max(since, min(at, received_at)), since, received_at, CLAIM
    if at > received_at or sighting.trusted_at <= since:
        return received_at, since, received_at, BOUND
    return max(min(sighting.trusted_at, received_at), at), since, received_at, BOUND


def _by_boot(message: Message, sighting: Sighting, since: int) -> tuple[int, int, int, int]:
    """Uptime in a boot. The learning pass has seen this message, so its boot is known unless
    newer ones took its place; where nothing else told of it, its start says the arrival."""
    request, received_at = message.request, message.received_at
    up = request.uptime_s * MS
    latest, quality = received_at, RECEIVED
    for boot in sighting.boots:
        if boot.number > request.boot_count and boot.started_at < latest:
            latest, quality = boot.started_at, BOUND
    own = sighting.boot(request.boot_count)
    if own is not None and own.word != UNSTEADY and own.started_at + up < latest:
        latest, quality = own.started_at + up, BOOT
    alive = max((boot.alive_at for boot in sighting.boots
                 if boot.number < request.boot_count), default=0)
    earliest = max(since, alive)
    if quality == BOOT and own is not None and own.word == CONFIRMED:
        earliest = max(earliest, latest - AGREED_MS - up // DRIFT)
    latest = max(latest, min(earliest, received_at))
    earliest, at = min(earliest, latest), latest
    if quality != BOOT and request.at is not None and earliest <= request.at * MS <= latest:
        at, quality = request.at * MS, BOUND  # a battery kept some clock
    return at, earliest, latest, quality
