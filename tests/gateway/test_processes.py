"""Real processes, a real broker, kill -9: what was tapped posts once, with one reply for ever."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, func, select

from gateway import startup
from gateway.database import open_engine, reading
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.rules import RuleSet, Tier
from gateway.tables import entries, members
from protocol import codes, frames, messages
from protocol.limits import DOWN, UP
from tests.support.gateway_process import KEYS, Running, environment, run
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_terminal import Terminal, eventually

CARD = 6200001234567892


class Street(NamedTuple):
    """A shop with one terminal, one member and one card, in a database of its own."""

    folder: Path
    engine: Engine
    terminal_id: int
    key: bytes

    def sale(self, trace: int, amount_minor: int = 1250) -> bytes:
        request = messages.request(messages.SALE, 7, trace, card=(2, CARD),
                                   amount_minor=amount_minor)
        return frames.seal(self.key, UP, self.terminal_id, 1, messages.encode_request(request))

    def read(self, frame: bytes) -> messages.Reply:
        parts = frames.split(frame, 1400)
        assert frames.authentic(self.key, DOWN, parts)
        return messages.read_reply(parts.payload)

    def posted(self) -> int:
        with reading(self.engine) as connection:
            return connection.execute(select(func.count()).select_from(entries)).scalar_one()

    def balance(self) -> int:
        with reading(self.engine) as connection:
            return connection.execute(select(members.c.available)).scalar_one()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    url = f"sqlite:///{tmp_path}/pointwire.sqlite3"
    startup.migrate(url)
    engine = open_engine(url)
    keyring = Keyring(*(bytes.fromhex(key) for key in KEYS.values()))
    registry = Registry(engine, keyring)
    programme = registry.create_programme(
        "coffee", "Coffee street", RuleSet(1, 1, 100, 9, (Tier("silver", "银卡", 12000),)))
    shop = registry.create_shop(registry.create_merchant(programme, "Bean"), "Old town")
    terminal_id = registry.create_terminal(shop)
    registry.create_card(programme, CARD, registry.create_member(programme, "Li Hua"))
    yield Street(tmp_path, engine, terminal_id, keyring.terminal_key(terminal_id, 1))
    engine.dispose()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def terminal(broker: Mosquitto, street: Street) -> Iterator[Terminal]:
    client = Terminal(broker.port, street.terminal_id)
    yield client
    client.close()


def worker(street: Street, broker: Mosquitto, **settings: str) -> Running:
    env = environment(street.folder, MQTT_URL=f"mqtt://127.0.0.1:{broker.port}", **settings)
    return Running(env, "worker")


def killed_at(point: str, street: Street, broker: Mosquitto, terminal: Terminal, frame: bytes,
              version: str) -> None:
    """A worker that takes `frame` and is killed with kill -9 exactly at `point`."""
    with worker(street, broker, TEST_HALT=point, MQTT_VERSION=version) as dying:
        dying.wait_for("connected")
        terminal.send(frame)
        assert dying.wait_for("standing still for a test")["point"] == point
        dying.kill()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_killed_before_the_commit_the_frame_comes_back_with_dup_and_posts_once(
        version: str, street: Street, broker: Mosquitto, terminal: Terminal):
    killed_at("before_commit", street, broker, terminal, street.sale(1), version)
    assert street.posted() == 0 and not terminal.down
    with worker(street, broker, MQTT_VERSION=version) as living:
        assert living.wait_for("frames came again from the broker")["again"] == 1
        eventually(lambda: terminal.down, "the reply")
        assert street.read(terminal.down[0]).points == 15
        assert living.stop() == 0
    assert (street.posted(), street.balance()) == (1, 15)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_killed_between_commit_and_puback_the_frame_gets_one_reply_and_posts_once(
        version: str, street: Street, broker: Mosquitto, terminal: Terminal):
    frame = street.sale(1)
    killed_at("before_puback", street, broker, terminal, frame, version)
    assert street.posted() == 1 and not terminal.down
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
    assert (street.posted(), street.balance()) == (1, 15)


def test_killed_between_puback_and_reply_the_terminal_asks_again_and_gets_it(
        street: Street, broker: Mosquitto, terminal: Terminal):
    frame = street.sale(1)
    killed_at("before_reply", street, broker, terminal, frame, "5")
    with worker(street, broker, MQTT_VERSION="5") as living:
        living.wait_for("connected")
        terminal.send(frame)
        eventually(lambda: terminal.down, "the reply")
        assert "came again" not in living.text      # it was acknowledged: the broker let it go
        assert living.stop() == 0
    assert street.read(terminal.down[0]).balance == 15
    assert street.posted() == 1


def test_a_stopped_worker_leaves_nothing_behind_and_the_next_one_goes_on(
        street: Street, broker: Mosquitto, terminal: Terminal):
    with worker(street, broker) as first:
        first.wait_for("connected")
        terminal.send(street.sale(1))
        eventually(lambda: len(terminal.down) == 1, "the first reply")
        assert first.stop() == 0
    terminal.send(street.sale(2))                   # nobody is there: the session keeps it
    terminal.send(b"rubbish")
    with worker(street, broker) as second:
        eventually(lambda: len(terminal.down) == 2, "the second reply")
        assert second.wait_for("frames without a reply")["verdicts"] == {"unreadable: outer": 1}
        assert second.stop() == 0
        assert str(CARD) not in second.text and "unexpected" not in second.text
    assert (street.posted(), street.balance()) == (2, 30)


def test_a_worker_whose_broker_goes_for_a_while_goes_on_by_itself(
        street: Street, tmp_path: Path):
    with Mosquitto(tmp_path) as broker, worker(street, broker) as living:
        living.wait_for("connected")
        broker.kill()
        living.wait_for("the connection ended, connecting again")
        broker.start()
        terminal = Terminal(broker.port, street.terminal_id)
        eventually(lambda: living.text.count('"connected"') == 2, "the second connection")
        terminal.send(street.sale(1))
        eventually(lambda: terminal.down, "the reply")
        terminal.close()
        assert living.stop() == 0


def test_keys_the_database_was_not_made_with_are_refused(street: Street):
    env = environment(street.folder, MQTT_URL="mqtt://127.0.0.1:1")
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
    with Running(environment(street.folder), "web") as web:
        url = web.wait_for("listening")["url"]
        sale = street.sale(1)
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
        assert str(CARD) not in web.text
    assert (street.posted(), street.balance()) == (1, 15)
