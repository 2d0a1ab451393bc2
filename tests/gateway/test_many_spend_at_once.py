"""One member's points wanted by many at once, through several gateways (Q10, Q12)."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from random import Random

import pytest

from gateway import startup
from gateway.audit import run_audit
from gateway.clock import to_ms, utc_now
from gateway.database import open_engine
from gateway.expiry import expire_lots
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from protocol import codes, messages
from tests.gateway.test_two_gateways import Bench, processes, work
from tests.support.databases import KINDS, POSTGRESQL, fresh_url
from tests.support.gateway_process import Running, environment
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_terminal import Terminal, eventually
from tests.support.street import KEYS, Street

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


def earned(street: Street) -> list[bytes]:
    """The member has 3,000 points that end before long and 1,200 that do not, from these sales;
    time is between the two."""
    sales = [street.sale(25_000, terminal=till) for till in range(TILLS)]
    assert {answer.code for answer in street.answers(*sales)} == {0}
    street.later(days=270)  # what was earned first ends while the rest is spent
    more = [street.sale(10_000, terminal=till) for till in range(TILLS)]
    street.answers(*more)
    assert street.rows("members", "available") == [(3000 + 1200,)]
    street.later(days=10)
    return more


def wanted(street: Street, more: list[bytes]) -> list[bytes]:
    """AT_ONCE redemptions and as many refunds, shuffled."""
    random = Random(7)
    frames = [street.redemption(100, 1000, terminal=each % TILLS) for each in range(AT_ONCE)]
    for each in range(AT_ONCE):
        till = random.randrange(TILLS)
        named = (street.terminals[till], street.message(more[till]).request.journal,
                 street.message(more[till]).request.trace)
        frames.append(street.refund(*named, terminal=each % TILLS, amount_minor=4000))
    random.shuffle(frames)
    return frames


def conserved(street: Street, asked: dict[bytes, int | None]) -> None:
    """Nobody spent twice what was there, by the codes that the frames got and by the books."""
    did = Counter(street.message(frame).request.type for frame, code in asked.items() if code == 0)
    spent, refunded = did[messages.REDEMPTION], did[messages.REFUND]
    assert set(asked.values()) <= {0, codes.INSUFFICIENT_POINTS, codes.EXCEEDS_ORIGINAL}
    assert 0 < refunded <= 2 * TILLS and 0 < spent <= 12
    (available, debt), = street.rows("members", "available, debt")
    # a redemption of 100 points pays 1 yuan of 10: the rest earns 10
    assert available - debt == 1200 - 90 * spent - 48 * refunded and available >= 0
    assert street.rows("quarantine", "count(*)") == [(0,)]
    assert run_audit(street.engine, street.keyring, rebuild=True,
                     clock=lambda: street.now).findings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_q12_nobody_spends_twice_and_the_sums_hold(kind: str):
    with fresh_url(kind) as url:
        engines = [open_engine(url) for _ in range(GATEWAYS)]
        street = Street(engines[0], terminals=TILLS)
        frames = wanted(street, earned(street))
        conserved(street, dict(zip(frames, all_at_once(street, engines, frames), strict=True)))
        for engine in engines:
            engine.dispose()


def expired(url: str, now: datetime) -> int:
    """The job in a process of its own; how many members had something to expire."""
    engine = open_engine(url)
    done = sum(expire_lots(engine, Keyring(*KEYS), to_ms(now), 10) for _ in range(20))
    engine.dispose()
    return done


def test_four_workers_and_the_job_as_processes_on_postgresql():
    with fresh_url(POSTGRESQL) as url:
        engine = open_engine(url)
        street = Street(engine, terminals=TILLS)
        frames = wanted(street, earned(street))
        shares = [[[frame] for frame in frames[number::GATEWAYS]] for number in range(GATEWAYS)]
        with processes(GATEWAYS + 1) as pool:
            job = pool.submit(expired, url, street.now)
            workers = [pool.submit(work, Bench(url, street.now, share)) for share in shares]
            replies = dict(each for worker in workers for each in worker.result())
            assert job.result() <= 1  # the member's first lots, where no tap wrote them down
        conserved(street, {frame: street.read(reply).code for frame, reply in replies.items()})
        engine.dispose()


def test_worker_web_and_jobs_as_processes_on_sqlite(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/pointwire.sqlite3"
    startup.migrate(url)
    street = Street(open_engine(url), terminals=TILLS, opening=utc_now() - timedelta(days=280))
    frames = wanted(street, earned(street))
    street.engine.dispose()
    asked: dict[bytes, int | None] = {}
    with Mosquitto(tmp_path) as broker:
        env = environment(tmp_path, MQTT_URL=f"mqtt://127.0.0.1:{broker.port}")
        with Running(env, "worker") as worker, Running(env, "web") as web, \
                Running(env, "jobs") as job:
            worker.wait_for("subscribed")
            url = web.wait_for("listening")["url"]
            tills = [Terminal(broker.port, each) for each in street.terminals]
            posting = threading.Thread(target=lambda: over_http(
                street, url, frames[::2], asked))
            posting.start()
            for frame in frames[1::2]:
                tills[street.terminals.index(street.message(frame).terminal_id)].send(frame)
            posting.join(100)
            eventually(lambda: sum(len(till.down) for till in tills) >= len(frames) // 2,
                       "a reply to each frame")
            job.wait_for("job done")
            for till in tills:
                asked |= by_digest(street, frames, till.down)
                till.close()
            assert [each.stop() for each in (worker, job, web)] == [0, 0, 0]
    assert len(asked) == len(frames)
    conserved(street, asked)


def over_http(street: Street, url: str, frames: list[bytes],
              asked: dict[bytes, int | None]) -> None:
    """What became of each of these frames, posted one after the other."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    for frame in frames:
        connection.request("POST", "/v1/frames", frame, {"Content-Type": "application/cose"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, answer.status
        asked[frame] = street.read(body).code
    connection.close()


def by_digest(street: Street, frames: list[bytes], replies: list[bytes]) -> dict[bytes, int]:
    """The codes of frames by the digest that their replies carry."""
    known = {sha256(frame).digest()[:8]: frame for frame in frames}
    opened = [street.read(reply) for reply in replies]
    return {known[reply.digest]: reply.code for reply in opened}
