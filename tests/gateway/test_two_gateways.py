"""Several gateways on one database at once: no deadlock unhandled, no double, no lost tap."""

import random
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context
from typing import NamedTuple

import pytest
from sqlalchemy.exc import OperationalError

from gateway import chain, held
from gateway.audit import run_audit
from gateway.database import open_engine, reading, writing
from gateway.held import HeldError, HeldKey
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.lots import Move
from gateway.registry import Registry
from gateway.tables import ENTRY_LINKED, LOT_FACTS
from tests.support.databases import POSTGRESQL, SQLITE, fresh_url
from tests.support.street import KEYS, Street

TERMINALS, MEMBERS, TAPS = 6, 10, 360


def processes(count: int) -> ProcessPoolExecutor:
    """Real ones, that share nothing with this one."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def spread(taps: list[bytes], gateways: int, seed: int) -> list[list[list[bytes]]]:
    """Batches for each gateway: every frame goes to one, a third of them to a second one too."""
    rng = random.Random(seed)
    queues: list[list[bytes]] = [[] for _ in range(gateways)]
    for tap in taps:
        homes = rng.sample(range(gateways), 2 if rng.random() < 0.33 else 1)
        for home in homes:
            queues[home].append(tap)
    batches = []
    for queue in queues:
        rng.shuffle(queue)
        cut, parts = 0, []
        while cut < len(queue):
            size = rng.choice((1, 2, 7, 20))
            parts.append(queue[cut:cut + size])
            cut += size
        batches.append(parts)
    return batches


def check_chains(street: Street) -> None:
    """Each member's entries link from the first to the sealed head."""
    heads = {row[0]: row[1:] for row in street.rows(
        "members", "id, chain_seq, chain_link, chain_head, available")}
    for member_id, (chain_seq, chain_link, chain_head, available) in heads.items():
        link = chain.link(chain.NO_LINK, chain.canonical(("member", member_id)))
        rows = street.rows("entries", ", ".join((*ENTRY_LINKED, "link", "head")),
                           f"member_id = {member_id} ORDER BY chain_seq")
        assert [row[3] for row in rows] == list(range(1, chain_seq + 1))
        for *row, stored, head in rows:
            postings = street.rows("postings", "account_id, unit, amount",
                                   f"entry_id = {row[0]} ORDER BY line")
            moves = street.rows("lot_movements", ", ".join(Move._fields),
                                f"entry_id = {row[0]} ORDER BY line")
            opened = street.rows("lots", ", ".join(LOT_FACTS),
                                 f"opened_by = {row[0]} ORDER BY id")
            link = chain.link(link, chain.entry_content(
                row, postings, list(map(chain.movement_part, moves)),
                list(map(chain.lot_part, opened))))
            assert link == stored and head == chain.head(street.keyring.audit_key, link)
        assert (link, chain.head(street.keyring.audit_key, link)) == (chain_link, chain_head)
        lots = street.rows("lots", "coalesce(sum(remaining), 0)", f"member_id = {member_id}")
        assert lots == [(available,)]


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_the_same_terminals_spread_over_four_gateways_post_each_tap_once(kind):
    with fresh_url(kind) as url:
        engines = [open_engine(url) for _ in range(4)]
        street = Street(engines[0], terminals=TERMINALS, members=MEMBERS)
        rng = random.Random(7)
        taps = [street.sale(terminal=rng.randrange(TERMINALS), card=rng.randrange(MEMBERS))
                for _ in range(TAPS)]
        intakes = [Intake(engine, street.keyring, clock=lambda: street.now)
                   for engine in engines]
        batches = spread(taps, len(intakes), seed=3)
        replies: dict[bytes, set[bytes | None]] = {tap: set() for tap in taps}
        done = threading.Event()

        def run(place: int) -> None:
            for batch in batches[place]:
                answers = intakes[place].take([Arrival(tap, street.now) for tap in batch])
                for tap, answer in zip(batch, answers, strict=True):
                    replies[tap].add(answer.reply)

        def meddle() -> None:
            # HQ at work meanwhile, taking the same locks
            registry = Registry(engines[0], street.keyring, clock=lambda: street.now)
            while not done.wait(0.005):
                registry.set_member_tier(street.members[0], "silver")
                registry.set_card_state(street.cards[1], "active")
                registry.create_shop(street.merchant, "One more")

        with ThreadPoolExecutor(5) as pool:
            hq = pool.submit(meddle)
            for each in [pool.submit(run, place) for place in range(4)]:
                each.result()
            done.set()
            hq.result()
        # 15 points each: nothing lost, nothing twice, and one answer for each frame
        assert all(len(found) == 1 for found in replies.values())
        assert street.rows("outcomes", "count(*), max(code)") == [(TAPS, 0)]
        assert street.rows("entries", "count(*), count(DISTINCT frame_hash)") == [(TAPS, TAPS)]
        assert street.rows("members", "sum(available)") == [(TAPS * 15,)]
        assert street.rows("journals", "sum(outcomes)") == [(TAPS,)]
        assert street.rows("quarantine") == []
        check_chains(street)
        for engine in engines:
            engine.dispose()


class Bench(NamedTuple):
    """What a gateway in a process of its own works with."""

    url: str
    now: datetime
    batches: list[list[bytes]]


def work(bench: Bench) -> list[tuple[bytes, bytes | None]]:
    """Every batch through an intake on an engine of its own: (frame, reply)."""
    engine = open_engine(bench.url)
    intake = Intake(engine, Keyring(*KEYS), clock=lambda: bench.now, attempts_max=12)
    seen = []
    for batch in bench.batches:
        answers = intake.take([Arrival(frame, bench.now) for frame in batch])
        seen += [(frame, answer.reply) for frame, answer in zip(batch, answers, strict=True)]
    engine.dispose()
    return seen


def story(street: Street, seed: int) -> tuple[list[bytes], int, list[HeldKey]]:
    """Frames of sales, held ones among them, with voids and second voids behind some of them;
    the points that must be left, and the held taps nobody voids."""
    rng = random.Random(seed)
    frames, points, waiting = [], 0, []
    for _ in range(TAPS // 3):
        terminal = rng.randrange(TERMINALS)
        on_hold, voided = rng.random() < 0.2, rng.random() < 0.4
        tap = street.sale(terminal=terminal, card=rng.randrange(MEMBERS),
                          operator=9 if on_hold else None)
        said = street.message(tap)
        frames.append(tap)
        for _ in range(rng.choice((1, 1, 2)) if voided else 0):
            frames.append(street.void(said.request.trace, terminal=terminal))
        points += 0 if voided else 15
        if on_hold:
            waiting.append(HeldKey(said.terminal_id, said.request.journal, said.request.trace))
    return frames, points, waiting


def post_held(street: Street, keys: list[HeldKey], until: threading.Event) -> None:
    """HQ posts what is held as soon as it is there; what is voided is not."""
    intake = Intake(street.engine, street.keyring, clock=lambda: street.now, attempts_max=12)
    while True:
        last = until.is_set()
        for key in keys:
            with suppress(HeldError):
                held.post(intake, key, "Lin")
        if last:
            return


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, processes])
@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_voids_and_verdicts_among_three_gateways_leave_what_one_would(kind, pool):
    with fresh_url(kind) as url:
        engine = open_engine(url)
        street = Street(engine, terminals=TERMINALS, members=MEMBERS)
        frames, points, keys = story(street, seed=11)
        done = threading.Event()
        with pool(3) as gateways, ThreadPoolExecutor(1) as desk:
            hq = desk.submit(post_held, street, keys, done)
            found = [gateways.submit(work, Bench(url, street.now, batches))
                     for batches in spread(frames, 3, seed=5)]
            answers = [each for some in found for each in some.result()]
            done.set()
            hq.result()
        replies: dict[bytes, set[bytes | None]] = {frame: set() for frame in frames}
        for frame, reply in answers:
            replies[frame].add(reply)
        assert all(len(each) == 1 for each in replies.values())
        assert street.rows("members", "sum(available), sum(debt)") == [(points, 0)]
        assert street.rows("quarantine") == []
        assert run_audit(engine, street.keyring, rebuild=True,
                         clock=lambda: street.now).findings == ()
        engine.dispose()


def test_a_real_deadlock_is_tried_again_and_the_tap_posts_once(postgresql_engine):
    street = Street(postgresql_engine)
    patient = Intake(postgresql_engine, street.keyring, clock=lambda: street.now)
    taps = 0
    # the server ends whoever looks first, which on a busy machine may be the other one
    while not patient.retries and taps < 20:
        taps += 1
        _deadlock(street, patient, street.sale(trace=taps))
    assert patient.retries == 1
    assert street.rows("entries", "count(*)") == [(taps,)]


def _deadlock(street: Street, patient: Intake, sale: bytes) -> None:
    with ThreadPoolExecutor(1) as pool:
        with writing(street.engine) as unruly:  # takes the locks in the wrong order
            unruly.exec_driver_sql("SELECT id FROM members FOR NO KEY UPDATE")
            tap = pool.submit(lambda: street.answers(sale, intake=patient))
            with reading(street.engine) as watching:
                while not watching.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT"
                                                   " granted").scalar_one():
                    time.sleep(0.01)
            with suppress(OperationalError):
                unruly.exec_driver_sql("SELECT id FROM terminals FOR NO KEY UPDATE")
        assert [answer.code for answer in tap.result()] == [0]
