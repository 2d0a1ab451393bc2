"""What excuses a handset that did not take a sale.

Law: nothing but these, each by what was seen and never by what the handset says of itself:
- its power went in the middle;
- its heap ran out in the middle of it, and of no other: the next sale goes through;
- the contact of its flash was bad;
- what waits for an answer fills its outbox, by a bound that is the checker's own (model.Room);
- the cashier had begun a message that only the gateway can do, and waits for its answer.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.prove.model import US, slots_of
from tools.prove.story import (
    FLASH_CONTACT,
    HEAP_RAN_OUT,
    POWER_OFF,
    Attempted,
    Story,
)
from tools.prove.taps import FRAME_SIZE_MAX, LAST, Tap

if TYPE_CHECKING:
    from tools.prove.case import Case

SALE = 1
JOURNALED_OFFLINE = (1, 3)
ANSWERED_US = 31 * US      # then the void of what only the gateway can do is under way


def sales(story: Story) -> Iterator[tuple[Attempted, int]]:
    """Each sale that a cashier tried, and the record at which that terminal's next one begins."""
    following: dict[int, int] = {}
    tried = [each for each in story.attempts if each.kind == SALE]
    ends = []
    for attempt in reversed(tried):
        ends.append(following.get(attempt.terminal_id, LAST))
        following[attempt.terminal_id] = attempt.order
    yield from zip(tried, reversed(ends), strict=True)


def excused(case: "Case", attempt: Attempted, until: int) -> bool:
    return (_power_went(case, attempt, until) or _heap_ran_out(case, attempt, until)
            or _flash_is_bad(case, attempt) or _waits(case, attempt) or _full(case, attempt))


def _power_went(case: "Case", attempt: Attempted, until: int) -> bool:
    return _struck(case, POWER_OFF, attempt, until)


def _heap_ran_out(case: "Case", attempt: Attempted, until: int) -> bool:
    return _struck(case, HEAP_RAN_OUT, attempt, until)


def _struck(case: "Case", what: str, attempt: Attempted, until: int) -> bool:
    """Whether it befell this very handset while it took this very sale."""
    return any(fact.what == what and fact.subject == attempt.terminal_id
               and attempt.order < fact.order < until and fact.at_us == attempt.at_us
               for fact in case.story.facts)


def _flash_is_bad(case: "Case", attempt: Attempted) -> bool:
    told = [fact.value for fact in case.story.facts if fact.what == FLASH_CONTACT
            and fact.subject == attempt.terminal_id and fact.order < attempt.order]
    return bool(told) and told[-1]


def _waits(case: "Case", attempt: Attempted) -> bool:
    return any(tap.kind not in JOURNALED_OFFLINE and tap.key[0] == attempt.terminal_id
               and tap.accepted is not None and tap.accepted.order < attempt.order
               and attempt.at_us - tap.tapped_us <= ANSWERED_US
               and not _answered(case, tap, attempt) for tap in case.taps)


def _answered(case: "Case", tap: Tap, attempt: Attempted) -> bool:
    return any(each.key in tap.keys and tap.accepted is not None
               and tap.accepted.order < each.order < attempt.order for each in case.story.screens)


def _full(case: "Case", attempt: Attempted) -> bool:
    """What waits for its answer takes more than the bound."""
    shown: dict[tuple[int, int, int], list[int]] = {}
    for each in case.story.screens:
        shown.setdefault(each.key, []).append(each.order)
    waiting = 0
    for tap in case.taps:
        if tap.planted or tap.key[0] != attempt.terminal_id or (
                tap.accepted is not None and tap.accepted.order > attempt.order):
            continue
        orders = shown.get(tap.key, [])
        if not bisect_left(orders, attempt.order):
            waiting += slots_of(tap.frame.size if tap.frame else FRAME_SIZE_MAX)
    return waiting >= case.rules.outbox.full_slots
