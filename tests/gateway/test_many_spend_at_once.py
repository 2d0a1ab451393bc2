"""One member's points wanted by many at once, through several gateways (Q10, Q12)."""

import threading
from random import Random

import pytest

from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.database import open_engine
from gateway.expiry import expire_lots
from gateway.intake import Arrival, Intake
from protocol import codes
from tests.support.databases import KINDS, fresh_url
from tests.support.street import Street

TILLS, GATEWAYS, AT_ONCE = 10, 4, 50


def all_at_once(street: Street, engines: list, frames: list[bytes]) -> list[int]:
    """The codes of these frames, each taken by itself, shared out to the gateways."""
    given: dict[int, int] = {}
    start = threading.Barrier(len(engines) + 1)

    def gateway(number: int) -> None:
        intake = Intake(engines[number], street.keyring, clock=lambda: street.now,
                        attempts_max=50)
        start.wait()
        for place in range(number, len(frames), len(engines)):
            answer, = intake.take([Arrival(frames[place], street.now,
                                           street.message(frames[place]).terminal_id)])
            given[place] = -1 if answer.code is None else answer.code

    def job() -> None:
        start.wait()
        for _ in range(3):
            expire_lots(engines[0], street.keyring, to_ms(street.now), 10)

    threads = [threading.Thread(target=gateway, args=(number,)) for number in range(len(engines))]
    threads.append(threading.Thread(target=job))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return [given[place] for place in range(len(frames))]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_spends_twice_and_the_sums_hold(kind: str):
    with fresh_url(kind) as url:
        engines = [open_engine(url) for _ in range(GATEWAYS)]
        street = Street(engines[0], terminals=TILLS)
        sales = [street.sale(25_000, terminal=till) for till in range(TILLS)]
        assert {answer.code for answer in street.answers(*sales)} == {0}
        street.later(days=270)  # what was earned first ends while the rest is spent
        more = [street.sale(10_000, terminal=till) for till in range(TILLS)]
        street.answers(*more)
        assert street.rows("members", "available") == [(3000 + 1200,)]
        street.later(days=10)
        random = Random(7)
        frames = [street.redemption(100, 1000, terminal=each % TILLS) for each in range(AT_ONCE)]
        for each in range(AT_ONCE):
            till = random.randrange(TILLS)
            named = (street.terminals[till], street.message(more[till]).request.journal,
                     street.message(more[till]).request.trace)
            frames.append(street.refund(*named, terminal=each % TILLS, amount_minor=4000))
        random.shuffle(frames)
        given = all_at_once(street, engines, frames)
        asked = dict(zip(frames, given, strict=True))
        spent = sum(code == 0 for frame, code in asked.items()
                    if street.message(frame).request.type == 2)
        refunded = sum(code == 0 for frame, code in asked.items()
                       if street.message(frame).request.type == 4)
        assert set(given) <= {0, codes.INSUFFICIENT_POINTS, codes.EXCEEDS_ORIGINAL}
        assert 0 < refunded <= 2 * TILLS and 0 < spent <= 12
        (available, debt), = street.rows("members", "available, debt")
        # a redemption of 100 points pays 1 yuan of 10: the rest earns 10
        assert available - debt == 1200 - 90 * spent - 48 * refunded and available >= 0
        assert run_audit(engines[0], street.keyring, rebuild=True,
                         clock=lambda: street.now).findings == ()
        for engine in engines:
            engine.dispose()
