"""Real processes, a real broker, kill -9: what was tapped posts once, with one reply for ever."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.aside import QUARANTINED
from protocol import codes, frames
from tests.support.databases import KINDS, SQLITE, fresh_engine
from tests.support.gateway_process import Running, environment, run
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_terminal import Terminal, eventually
from tests.support.street import Street


@pytest.fixture
def street(request: pytest.FixtureRequest) -> Iterator[Street]:
    """One terminal, member and card; on the database kind of the test, else SQLite."""
    with fresh_engine(getattr(request, "param", SQLITE)) as engine:
        yield Street(engine)


def settings(street: Street, **more: str) -> dict[str, str]:
    url = street.engine.url.render_as_string(hide_password=False)
    return environment(Path("/nowhere"), DATABASE_URL=url, **more)


def books(street: Street) -> tuple[int, int]:
    """(entries posted, balance of the member)."""
    return (street.rows("entries", "count(*)")[0][0],
            street.rows("members", "available")[0][0])


def tap(street: Street) -> bytes:
    """A sale of 12.50 yuan by a terminal whose clock was never set."""
    return street.sale(1250, at=None)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def terminal(broker: Mosquitto, street: Street) -> Iterator[Terminal]:
    client = Terminal(broker.port, street.terminals[0])
    yield client
    client.close()


def worker(street: Street, broker: Mosquitto, **more: str) -> Running:
    return Running(settings(street, MQTT_URL=f"mqtt://127.0.0.1:{broker.port}", **more), "worker")


def killed_at(point: str, street: Street, broker: Mosquitto, terminal: Terminal, frame: bytes,
              version: str) -> None:
    """A worker that takes `frame` and is killed with kill -9 exactly at `point`."""
    with worker(street, broker, TEST_HALT=point, MQTT_VERSION=version) as dying:
        dying.wait_for("subscribed")
        terminal.send(frame)
        assert dying.wait_for("standing still for a test")["point"] == point
        dying.kill()


BOTH = pytest.mark.parametrize(("version", "street"), [("3.1.1", KINDS[0]), ("5", KINDS[1])],
                               indirect=["street"])


@BOTH
def test_killed_before_the_commit_the_frame_comes_back_with_dup_and_posts_once(
        version: str, street: Street, broker: Mosquitto, terminal: Terminal):
    killed_at("before_commit", street, broker, terminal, tap(street), version)
    assert books(street) == (0, 0) and not terminal.down
    with worker(street, broker, MQTT_VERSION=version) as living:
        assert living.wait_for("frames came again from the broker")["again"] == 1
        eventually(lambda: terminal.down, "the reply")
        assert street.read(terminal.down[0]).points == 15
        assert living.stop() == 0
    assert books(street) == (1, 15)


@BOTH
def test_killed_between_commit_and_puback_the_frame_gets_one_reply_and_posts_once(
        version: str, street: Street, broker: Mosquitto, terminal: Terminal):
    frame = tap(street)
    killed_at("before_puback", street, broker, terminal, frame, version)
    assert books(street) == (1, 15) and not terminal.down
    with worker(street, broker, MQTT_VERSION=version) as living:
        assert living.wait_for("frames came again from the broker")["again"] == 1
        eventually(lambda: len(terminal.down) == 1, "the stored reply")
        terminal.send(frame)
        eventually(lambda: len(terminal.down) == 2, "the reply to the second sending")
        assert living.stop() == 0
    assert terminal.down[0] == terminal.down[1]
    reply = street.read(terminal.down[0])
    assert (reply.code, reply.points, reply.balance) == (codes.APPROVED, 15, 15)
    assert reply.digest == frames.digest(frame)
    assert books(street) == (1, 15)


def test_killed_between_puback_and_reply_the_terminal_asks_again_and_gets_it(
        street: Street, broker: Mosquitto, terminal: Terminal):
    frame = tap(street)
    killed_at("before_reply", street, broker, terminal, frame, "5")
    with worker(street, broker, MQTT_VERSION="5") as living:
        living.wait_for("subscribed")
        terminal.send(frame)
        eventually(lambda: terminal.down, "the reply")
        assert "came again" not in living.text      # it was acknowledged: the broker let it go
        assert living.stop() == 0
    assert street.read(terminal.down[0]).balance == 15
    assert books(street) == (1, 15)


def test_a_stopped_worker_leaves_nothing_behind_and_the_next_one_goes_on(
        street: Street, broker: Mosquitto, terminal: Terminal):
    with worker(street, broker) as first:
        first.wait_for("subscribed")
        terminal.send(tap(street))
        eventually(lambda: len(terminal.down) == 1, "the first reply")
        assert first.stop() == 0
    terminal.send(tap(street))                   # nobody is there: the session keeps it
    terminal.send(b"rubbish")
    with worker(street, broker) as second:
        eventually(lambda: len(terminal.down) == 2, "the second reply")
        assert second.wait_for("frames without a reply")["verdicts"] == {"unreadable: outer": 1}
        assert second.stop() == 0
        assert street.cards[0] not in second.text and "unexpected" not in second.text
    assert books(street) == (2, 30)


def test_a_worker_whose_broker_goes_for_a_while_goes_on_by_itself(
        street: Street, tmp_path: Path):
    with Mosquitto(tmp_path) as broker, worker(street, broker) as living:
        living.wait_for("subscribed")
        broker.kill()
        living.wait_for("the connection ended, connecting again")
        broker.start()
        terminal = Terminal(broker.port, street.terminals[0])
        eventually(lambda: living.text.count('"subscribed"') == 2, "the second connection")
        terminal.send(tap(street))
        eventually(lambda: terminal.down, "the reply")
        terminal.close()
        assert living.stop() == 0


def test_keys_the_database_was_not_made_with_are_refused(street: Street):
    env = settings(street, MQTT_URL="mqtt://127.0.0.1:1")
    for name in ("MASTER_KEY", "AUDIT_KEY"):
        ended = run(env | {f"POINTWIRE_{name}": "d4" * 32}, "worker")
        assert ended.returncode == 1 and f"POINTWIRE_{name} is not the one" in ended.stderr


def post(url: str, frame: bytes) -> tuple[int, bytes]:
    request = urllib.request.Request(url + "/v1/frames", frame,
                                     {"Content-Type": "application/cose"})
    try:
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Type"] == "application/cose"
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_tap_over_http_posts_and_bad_frames_get_their_status(street: Street):
    with Running(settings(street), "web") as web:
        url = web.wait_for("listening")["url"]
        sale = tap(street)
        status, reply = post(url, sale)
        assert (status, street.read(reply).points) == (200, 15)
        assert post(url, sale) == (200, reply)
        assert post(url, b"rubbish") == (400, b"")
        assert post(url, b"") == (400, b"")
        assert post(url, sale[:-1] + bytes([sale[-1] ^ 1])) == (401, b"")
        assert post(url, sale + bytes(2_000)) == (413, b"")
        with urllib.request.urlopen(url + "/readyz") as answer:
            assert answer.status == 200
        with urllib.request.urlopen(url + "/metrics") as answer:
            text = answer.read().decode()
        assert 'pointwire_frames_total{code="approved",verdict="replied",way="http"} 2.0' in text
        assert not [line for line in text.splitlines()
                    if line.startswith("pointwire_unexpected_errors_total{")]
        assert web.stop() == 0
        assert street.cards[0] not in web.text
    assert books(street) == (1, 15)


def test_the_quarantine_is_listed_and_requeued_from_the_command_line(street: Street, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    env = settings(street)
    empty = run(env, "quarantine")
    assert empty.stdout == "" and "nothing is quarantined" in empty.stderr
    sale = tap(street)
    with monkeypatch.context() as seeded:
        seeded.setattr("gateway.judging._decide", broken)
        assert street.take(sale).code == codes.TRY_LATER
    listed = run(env, "quarantine").stdout
    digest = listed.split()[0]
    assert QUARANTINED in listed and "ZeroDivisionError" in listed
    assert street.cards[0] not in listed
    assert street.take(sale).code == codes.TRY_LATER
    assert run(env, "requeue", digest[:16]).stdout == "1 requeued\n"
    assert street.take(sale).code == codes.APPROVED
    wrong = run(env, "requeue", "00" * 8)
    assert wrong.returncode == 1 and "Traceback" not in wrong.stderr


def test_the_audit_says_clean_or_names_what_is_wrong_and_its_exit_code_too(street: Street):
    street.take(tap(street))
    clean = run(settings(street), "audit", "--rebuild")
    assert clean.returncode == 0 and clean.stdout.startswith("clean: "), clean.stderr
    with street.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE members SET available = 9999")
    wrong = run(settings(street), "audit")
    assert wrong.returncode == 1 and f"members {street.members[0]}: " in wrong.stdout
    assert "Traceback" not in wrong.stderr
