"""Words of hostile terminals in a recovery and behind it: each message ends in a code, nothing is
half done, no trace carries two entries, and the books are sound."""

import json
from collections.abc import Callable
from random import Random

import cbor2
import pytest

from gateway import held
from gateway.audit import run_audit
from gateway.errors import GatewayError
from gateway.held_list import waiting
from gateway.rules import HOLD_FOR_HQ, Rolling
from protocol import codes, messages
from protocol.limits import POINTS_MAX, U32_MAX
from protocol.messages import request
from tests.support.backups import back_up
from tests.support.street import JOURNAL, RULES, Street, card_number
from tests.support.till import Till, posted, restored

RICH = 30_000  # 300 yuan at silver: 360 points
TAKEN = 56 - 300  # 300 points off 50 yuan, at silver
AGAIN, HELD, OTHER = codes.TRY_LATER, codes.HELD, codes.MALFORMED
SHORT = codes.INSUFFICIENT_POINTS


class Liar:
    """A terminal that has a key, was asked for traces 1 to 200, and says what it likes. Terminal 1
    sold for 300 yuan three times (traces 1 to 3), to the member of card 1."""

    def __init__(self, street: Street) -> None:
        self.street, self.till, self.trace = street, Till(street), 0

    def mine(self) -> int:
        self.trace += 1
        return self.trace

    def says(self, frame: bytes, code: int, points: int = 0, receipt: int | None = 9) -> bytes:
        return self.till.telling(frame, code, points, receipt)

    def took(self, points: int = 300, bill: int = 5000, card: int | str | bytes = 0) -> bytes:
        return self.street.redemption(points, bill, card=card, trace=self.mine())

    def back(self, *named: int, **fields) -> bytes:
        return self.street.refund(*named, trace=self.mine(), **fields)

    def off(self, *named: int, **fields) -> bytes:
        return self.street.void(*named, trace=self.mine(), **fields)

    def sold(self, trace: int) -> tuple[int, int, int]:
        return self.street.terminals[1], JOURNAL, trace

    def of_type(self, kind: int, trace: int | None = None, **fields) -> bytes:
        return self.street.seal(request(kind, JOURNAL, trace or self.mine(), **fields))

    def raw(self, **changed) -> bytes:
        """A word of which these keys are others; None: left out."""
        word = {0: messages.SETTLED, 1: JOURNAL, 2: 0, 16: self.street.nonce(),
                22: self.took(), 23: [0, TAKEN, 9]}
        word |= {int(name[1:]): value for name, value in changed.items()}
        kept = {key: value for key, value in sorted(word.items()) if value is not None}
        return self.street.seal_payload(cbor2.dumps(kept, canonical=True))


Said = Callable[[Liar], bytes]

# what is said, what it gets in the recovery, and what, said once more, behind its end
WORDS: list[tuple[Said, int, int]] = [
    (lambda t: t.says(t.took(), 0, TAKEN), 0, 0),
    (lambda t: t.says(t.took(), 0, TAKEN, None), 0, 0),  # while it owes
    (lambda t: t.says(t.took(), 0, 47 - 300), 0, 0),  # by another tier
    (lambda t: t.says(t.took(500_000_000, 1_000_000_000), 0, 6_000_000 - 500_000_000), 0, 0),
    (lambda t: t.says(t.took(), 0, -300), AGAIN, HELD),
    (lambda t: t.says(t.took(), 0, POINTS_MAX), AGAIN, HELD),
    (lambda t: t.says(t.took(), 0, -POINTS_MAX, U32_MAX), AGAIN, HELD),
    (lambda t: t.says(t.took(card=card_number(99)), 0, TAKEN), AGAIN, HELD),
    (lambda t: t.says(t.took(card="6200001234567890"), 0, TAKEN), AGAIN, HELD),
    (lambda t: t.says(t.took(card=b"abcd"), 0, TAKEN), AGAIN, HELD),
    (lambda t: t.says(t.took(150), 0, 66 - 150), AGAIN, HELD),  # no whole step
    (lambda t: t.says(t.took(300, 500), 0, TAKEN), AGAIN, HELD),  # more than half of the bill
    (lambda t: t.says(t.took(1_000_000_000), 0, TAKEN), AGAIN, HELD),
    *((lambda t, code=code: t.says(t.took(), code), code, code)
      for code in (10, 11, 12, 13, 14, 15, 16, 20, 30, 31, 32, 37, 38, 39, 42, 50, 51, 52)),
    (lambda t: t.says(t.took(), codes.HELD), HELD, HELD),
    (lambda t: t.says(t.took(), codes.TRACE_CONFLICT), codes.TRACE_CONFLICT,
     codes.TRACE_CONFLICT),
    *((lambda t, code=code: t.says(t.took(), code), AGAIN, SHORT)
      for code in (40, 53, 54, 60, 61, 63, 90, 99, 200, 255)),
    (lambda t: t.says(t.back(99, amount_minor=5), 0, -5), AGAIN, HELD),  # of nothing
    (lambda t: t.says(t.back(receipt=U32_MAX, amount_minor=5), 0, -5), AGAIN, HELD),
    (lambda t: t.says(t.back(*t.sold(1), amount_minor=100), 0, -1), 0, 0),
    (lambda t: t.says(t.back(*t.sold(1), amount_minor=100), 0, -1_000_000), AGAIN, 0),
    (lambda t: t.says(t.back(*t.sold(1), amount_minor=RICH), 0, -360), AGAIN, HELD),  # too much
    (lambda t: t.says(t.back(*t.sold(1), points=5), 0, -5), AGAIN, HELD),
    (lambda t: t.says(t.back(*t.sold(1), basket=((1, 100, 1),)), 0, -1), AGAIN, HELD),
    (lambda t: t.says(t.off(*t.sold(2)), 0, -360), 0, 0),
    (lambda t: t.says(t.off(*t.sold(2)), 0, -360), codes.NOTHING_LEFT, codes.NOTHING_LEFT),
    (lambda t: t.says(t.back(*t.sold(2), amount_minor=5), 0, 0), codes.NOTHING_LEFT,
     codes.NOTHING_LEFT),
    (lambda t: t.says(t.off(t.trace), 0, 0), 0, 0),  # of that one
    (lambda t: t.says(t.off(*t.sold(77)), 0, -5), AGAIN, HELD),
    (lambda t: t.says(t.off(t.trace + 1), 0, 0), AGAIN, HELD),  # of itself
    (lambda t: t.says(t.off(U32_MAX), 0, 0), AGAIN, HELD),
    (lambda t: t.says(t.off(7, 1), 0, 0), AGAIN, HELD),  # in another journal of its own
    (lambda t: t.says(t.off(receipt=12345), 0, 0), AGAIN, HELD),
    (lambda t: t.says(t.street.void(197, trace=198), 0, -5), 0, 0),  # of what has not come
    (lambda t: t.says(t.street.sale(RICH, trace=t.mine()), 30), 0, 0),
    (lambda t: t.says(t.street.walk_in(trace=t.mine()), codes.HELD), 0, 0),
    (lambda t: t.says(t.street.batch_close(201, 210, trace=300), 0), AGAIN, 0),
    (lambda t: t.says(t.street.batch_close(9, 3, trace=301), 0), AGAIN, OTHER),
    (lambda t: t.says(t.of_type(messages.PAYMENT, card=(2, 5), amount_minor=5), 0), AGAIN,
     codes.UNSUPPORTED),
    (lambda t: t.says(t.of_type(messages.REFUND, amount_minor=5), 0), OTHER, OTHER),
    (lambda t: t.says(t.of_type(77), 0), OTHER, OTHER),
    (lambda t: t.says(t.of_type(messages.INQUIRY, U32_MAX, card=(2, 5)), 0), OTHER, OTHER),
    (lambda t: t.says(t.street.heartbeat(), 0), OTHER, OTHER),
    (lambda t: t.says(t.says(t.took(), 0, TAKEN), 0, TAKEN), OTHER, OTHER),
    (lambda t: t.says(t.took()[:-1] + b"x", 0, TAKEN), OTHER, OTHER),
    (lambda t: t.says(b"\xd1\x84", 0, TAKEN), OTHER, OTHER),
    (lambda t: Till(t.street, 1).telling(t.took(), 0, TAKEN, 9), OTHER, OTHER),
    *((lambda t, held=held: t.raw(k23=held), OTHER, OTHER) for held in (
        [], [0], [0, 0, 0], [0, 0, 1, 1], [256, 0], [-1, 0], [0, POINTS_MAX + 1],
        [0, 0, U32_MAX + 1], [0, 2**64 - 1], ["0", 0], [[0], 0], {0: 0}, b"", "", 0, None)),
    *((lambda t, frame=frame: t.raw(k22=frame), OTHER, OTHER)
      for frame in (b"", "text", 5, [b"x"], None)),
    (lambda t: t.raw(k2=5), OTHER, OTHER),
    (lambda t: t.raw(k16=None), OTHER, OTHER),
    (lambda t: t.raw(k30=1), codes.UNSUPPORTED, codes.UNSUPPORTED),
    (lambda t: t.raw(k70=1), 0, 0),
]


def sound(street: Street) -> None:
    found = run_audit(street.engine, street.keyring, clock=lambda: street.now, rebuild=True)
    assert found.findings == ()
    assert street.rows("quarantine") == []
    assert street.rows("postings", "coalesce(sum(amount), 0)") == [(0,)]
    assert len(posted(street)) == len(set(posted(street)))


def test_each_word_gets_its_code_and_is_done_once_or_not_at_all(engine):
    street = Street(engine, members=2, terminals=2)
    restored(street, back_up(engine))
    street.take(street.kept(200))
    for trace in (1, 2, 3):
        street.take(street.sale(RICH, terminal=1, card=1, trace=trace))
    liar = Liar(street)
    said = [each(liar) for each, _, _ in WORDS]
    got = [street.take(each).code for each in said]
    assert got == [code for _, code, _ in WORDS]
    assert [street.take(each).code for each in said] == got, "the same again"
    stood = len(posted(street))
    street.registry.end_recovery()
    assert [street.take(each).code for each in said] == [code for _, _, code in WORDS]
    assert len(posted(street)) == stood + 1, "the refund that was judged alone"
    flags = [json.loads(row[0]).get("adopted") for row in street.rows("entries", "context")]
    assert len([each for each in flags if each]) == 7
    sound(street)


class Crowd:
    """Three tills of a street whose gateway loses what they did, and what they say of it then."""

    def __init__(self, engine, random: Random) -> None:
        self.random = random
        self.street = street = Street(engine, terminals=3, members=3)
        if random.randrange(2):
            street.registry.add_rule_set(street.programme, RULES._replace(
                on_return=HOLD_FOR_HQ, rolling=Rolling(2), lot_months=1), street.seconds() * 1000)
            street.later(minutes=1)
        self.tills = [Till(street, place) for place in range(3)]

    def acts(self, times: int) -> None:
        for _ in range(times):
            till, card = self.random.choice(self.tills), self.random.randrange(3)
            kind, before = self.random.randrange(6), len(till.kept)
            if kind < 2 or not before:
                till.tap(RICH, card=card)
            elif kind < 4:
                till.redeem(self.random.choice((100, 300, 900)), 5000, card=card)
            elif kind == 4:
                till.refund(self.random.randrange(1, before + 1), amount_minor=700)
            else:
                till.void(self.random.randrange(1, before + 1))
            self.street.later(minutes=2)

    def says(self) -> bytes:
        till, random = self.random.choice(self.tills), self.random
        trace = random.randrange(1, 40)
        frame = till.kept.get(trace) or random.choice((
            lambda: self.street.redemption(100, 500, terminal=till.place, trace=trace),
            lambda: self.street.void(*self._any(), terminal=till.place, trace=trace),
            lambda: self.street.refund(*self._any(), terminal=till.place, trace=trace,
                                       amount_minor=random.choice((1, 700, RICH)))))()
        if trace in till.settled and random.randrange(2):
            return till.retold(trace)
        if not random.randrange(4):
            return frame
        return till.telling(frame, random.choice((0, 0, 0, 41, 62, random.randrange(256))),
                            random.choice((0, 4 - 100, TAKEN, 56, -360, POINTS_MAX)), 9)

    def _any(self) -> tuple[int, int, int]:
        return self.random.choice(self.street.terminals), JOURNAL, self.random.randrange(1, 40)

    def hq(self) -> None:
        """Some hour at the desk; what does not fit is refused, as ever."""
        registry, random = self.street.registry, self.random
        try:
            random.choice((
                registry.end_recovery, registry.begin_recovery,
                lambda: self.street.later(days=random.choice((1, 40, 100))),
                lambda: registry.set_card_state(self.street.cards[0], "blocked"),
                lambda: registry.set_terminal_state(self.street.terminals[2], random.choice((
                    "active", "suspended", "lost"))),
                *(lambda: held.post(self.street.intake, random.choice(list(
                    waiting(self.street.intake))).key, "Lin"),) * 3))()
        except (GatewayError, IndexError):
            pass


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_said_in_whatever_order_the_books_are_sound(engine, seed):
    random = Random(seed)
    crowd = Crowd(engine, random)
    street = crowd.street
    crowd.acts(5)
    name = back_up(engine)
    crowd.acts(20)
    restored(street, name)
    for _ in range(25):
        frames = [crowd.says() for _ in range(random.choice((1, 1, 4)))]
        assert all(answer.code is not None for answer in street.answers(*frames, frames[0]))
        if not random.randrange(4):
            crowd.hq()
        if not random.randrange(4):
            street.take(street.kept(40, terminal=random.randrange(2)))
    sound(street)

