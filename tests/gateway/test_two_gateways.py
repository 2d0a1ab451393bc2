"""Several gateways on one database at once: no deadlock unhandled, no double, no lost tap."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import chain
from gateway.database import open_engine, reading, writing
from gateway.intake import Arrival, Intake
from gateway.registry import Registry
from gateway.tables import ENTRY_LINKED, LOT_FACTS
from tests.support.databases import POSTGRESQL, SQLITE, fresh_url
from tests.support.street import Street

TERMINALS, MEMBERS, TAPS = 6, 10, 360


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
            moves = street.rows("lot_movements", "lot_id, delta, held_delta",
                                f"entry_id = {row[0]} ORDER BY line")
            opened = street.rows("lots", ", ".join(LOT_FACTS),
                                 f"opened_by = {row[0]} ORDER BY id")
            link = chain.link(link, chain.entry_content(row, postings, moves, opened))
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


def test_a_real_deadlock_is_tried_again_and_the_tap_posts_once(postgresql_engine):
    street = Street(postgresql_engine)
    patient = Intake(postgresql_engine, street.keyring, clock=lambda: street.now)
    with ThreadPoolExecutor(1) as pool:
        with writing(postgresql_engine) as unruly:  # takes the locks in the wrong order
            unruly.exec_driver_sql("SELECT id FROM members FOR NO KEY UPDATE")
            tap = pool.submit(lambda: street.answers(street.sale(), intake=patient))
            with reading(postgresql_engine) as watching:
                while not watching.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT"
                                                   " granted").scalar_one():
                    time.sleep(0.01)
            unruly.exec_driver_sql("SELECT id FROM terminals FOR NO KEY UPDATE")
        assert [answer.code for answer in tap.result()] == [0]
    assert patient.retries == 1
    assert street.rows("entries", "count(*)") == [(1,)]
