"""100,000 bad frames: each ends in a reply or a dead letter, nothing posts, nothing stops.

The frames are good ones of every message type, broken by seed; more than half are sealed again
with the right key. What a mutation left good by chance (a sale of a card that may post, on a new
trace) is no bad frame and is drawn again. Replay one part:
make test TESTS="tests/e2e/test_bad_input.py -k part3"
"""

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from gateway import metrics, tables
from gateway.database import migrate, open_engine
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.rules import RuleSet, Tier
from gateway.worker import count
from protocol import cbor, codes, frames
from protocol.errors import ProtocolError
from protocol.messages import (
    BATCH_CLOSE,
    MESSAGES,
    SALE,
    VOID,
    Request,
    encode_request,
    read_request,
    request,
)
from tests.protocol.samples import fields_of
from tests.support.mutation import UP, Mutant, Terminal, mutants

PARTS = 10
EACH = 10_000
BATCH = 200
JOURNAL = 77
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ACTIVE_CARD = 6200001234567892
STOCK_CARD = 6200000000000005
VERDICTS = {"replied", "dead_letter", "unreadable", "unauthenticated", "too_large"}
REFUSED = {code for code in range(256) if codes.name(code) and code != codes.APPROVED}


class Street:
    """A merchant with two terminals, one posted sale each, and good frames of every type."""

    def __init__(self, engine, seed: int):
        self.engine = engine
        self.keyring = Keyring(b"m" * 32, b"a" * 32, b"f" * 32)
        registry = Registry(engine, self.keyring)
        rules = RuleSet(1, 1, 100, 9, (Tier("base", "Base", 10_000),))
        programme = registry.create_programme("fuzz", "Fuzz", rules)
        shop = registry.create_shop(registry.create_merchant(programme, "Shop"), "High Street")
        member = registry.create_member(programme, "王小明")
        registry.create_card(programme, ACTIVE_CARD, member)
        registry.create_card(programme, STOCK_CARD, state="stock")
        self.intake = Intake(engine, self.keyring, clock=lambda: NOW)
        self.terminals = [self._terminal(registry, shop, 10000042 + n) for n in range(2)]
        self.good = [(terminal, self.seal(terminal, self._request(kind, terminal, n)))
                     for terminal in self.terminals for n, kind in enumerate(sorted(MESSAGES))]
        posted = [self.seal(terminal, request(SALE, JOURNAL, 1, card=(2, ACTIVE_CARD),
                                              amount_minor=1250)) for terminal in self.terminals]
        answers = self.take([Mutant(f, None, "good", True) for f in posted])
        assert [answer.code for answer in answers] == [codes.APPROVED] * 2
        self.good += list(zip(self.terminals, posted, strict=True)) * 6
        self.posted = dict(zip(posted, (answer.reply for answer in answers), strict=True))
        self.known = {frame for _, frame in self.good}
        self.seed = seed

    def _terminal(self, registry: Registry, shop: int, terminal_id: int) -> Terminal:
        registry.create_terminal(shop, terminal_id=terminal_id)
        return Terminal(terminal_id, 1, self.keyring.terminal_key(terminal_id, 1))

    @staticmethod
    def _request(kind: int, terminal: Terminal, n: int) -> Request:
        trace = 100 + n if MESSAGES[kind].journaled else 0
        shown = kind == SALE or 6 in MESSAGES[kind].needed  # one to nobody would post
        card = {"card": (2, STOCK_CARD)} if shown else {}
        return request(kind, JOURNAL, trace, **{**fields_of(kind), **card})

    @staticmethod
    def seal(terminal: Terminal, message: Request) -> bytes:
        return frames.seal(terminal.key, UP, terminal.terminal_id, terminal.epoch,
                           encode_request(message))

    def take(self, batch: list[Mutant]):
        return self.intake.take([Arrival(m.frame, NOW, m.topic_terminal_id) for m in batch])

    def could_post(self, mutant: Mutant) -> bool:
        """Whether a mutation happened to leave a good sale: of a card that may post, or none."""
        if not mutant.sealed:
            return False
        try:
            message = read_request(cbor.decode(frames.split(mutant.frame, 1024).payload))
        except ProtocolError:
            return False
        return (isinstance(message, Request) and message.type == SALE
                and (message.card is None or message.card[1] == ACTIVE_CARD)
                and (message.journal, message.trace) != (JOURNAL, 1))

    def bad_frames(self, count: int):
        """Bad frames, and between them replays of what was posted."""
        rng = random.Random(self.seed)
        for number, mutant in enumerate(m for m in mutants(self.seed, 2 * count, self.good)
                                        if not self.could_post(m)):
            if number == count:
                return
            yield mutant
            if rng.random() < 0.01:
                yield Mutant(rng.choice(list(self.posted)), None, "replay", True)

    def count(self, table) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()


def check(street: Street, mutant: Mutant, answer, where: str):
    assert answer.verdict in VERDICTS, where
    if mutant.frame in street.posted and answer.verdict == "replied":
        assert answer.reply == street.posted[mutant.frame], f"{where}: another reply than stored"
    elif answer.verdict == "replied":
        assert answer.code in REFUSED or not _posts(mutant), f"{where}: code {answer.code}"
        assert answer.reply, f"{where}: a code without a reply"
    else:
        assert answer.reply is None, f"{where}: a reply to a dead letter"
    if not mutant.sealed and mutant.frame not in street.known:
        assert answer.verdict != "replied", f"{where}: a broken seal was answered"


def _posts(mutant: Mutant) -> bool:
    """Whether approving it would post something: messages without trace and closes never do."""
    said = cbor.decode(frames.split(mutant.frame, 1024).payload)
    return bool(said[2]) and said[0] != BATCH_CLOSE


def _good_void(mutant: Mutant) -> bool:
    """A mutation may make a void in due form, rightly sealed: that is no bad frame."""
    if not mutant.sealed:
        return False
    try:
        return cbor.decode(frames.split(mutant.frame, 1024).payload).get(0) == VOID
    except (ValueError, AttributeError):
        return False


@pytest.mark.parametrize("part", range(PARTS), ids=[f"part{n}" for n in range(PARTS)])
def test_no_bad_frame_posts_stops_or_surprises_the_gateway(part: int, tmp_path, caplog):
    errors = metrics.unexpected_errors()
    engine = open_engine(f"sqlite:///{tmp_path}/fuzz.sqlite3")
    migrate(engine)
    street = Street(engine, seed=part)
    before = {table.name: street.count(table) for table in
              (tables.entries, tables.postings, tables.lots, tables.lot_movements)}
    sealed = taken = skipped = 0
    batch: list[Mutant] = []
    for mutant in [*street.bad_frames(EACH), None]:
        if mutant is not None and _good_void(mutant):
            skipped += 1
        elif mutant is not None:
            batch.append(mutant)
        if len(batch) == BATCH or (mutant is None and batch):
            answers = street.take(batch)
            assert len(answers) == len(batch)
            count("mqtt", answers)
            for bad, answer in zip(batch, answers, strict=True):
                sealed += bad.sealed
                check(street, bad, answer, f"part{part} frame {taken} ({bad.what})")
                taken += 1
            batch = []
    assert taken + skipped >= EACH and sealed * 2 >= taken
    assert before == {name: street.count(tables.metadata.tables[name]) for name in before}
    assert street.count(tables.quarantine) == 0, "a bad frame made a decision raise"
    assert metrics.unexpected_errors() == errors
    assert not [record for record in caplog.records if record.exc_info]
    # the queue is not blocked: a good sale behind it all still posts
    terminal = street.terminals[0]
    sale = request(SALE, 78, 1, card=(2, ACTIVE_CARD), amount_minor=100)
    answer = street.take([Mutant(street.seal(terminal, sale), None, "good", True)])[0]
    assert answer.code == codes.APPROVED
    engine.dispose()
