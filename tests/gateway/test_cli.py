"""The command line: one line on what is wrong and what to do, code not 0, no traceback."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway import startup
from gateway.clock import utc_now
from gateway.database import open_engine
from gateway.mqtt import Link
from gateway.settings import from_environment, need_mqtt
from tests.support.gateway_process import KEYS, Running, environment, run
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.mqtt_terminal import Terminal
from tests.support.street import Street


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    startup.migrate(f"sqlite:///{tmp_path}/pointwire.sqlite3")
    return tmp_path


def refusal(env: dict[str, str], *words: str, code: int = 1) -> str:
    """The one line on standard error of a command that refuses to work."""
    ended = run(env, *words)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr and ended.stdout == ""
    told = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(told) == 1, ended.stderr
    assert told[0].startswith(tuple(f"pointwire gateway {' '.join(words[:n])}: " for n in (1, 2)))
    return told[0]


@pytest.mark.parametrize("process", ["worker", "web", "jobs", "migrate"])
def test_a_missing_secret_is_named_and_ends_every_process(process: str, tmp_path: Path):
    text = refusal(environment(tmp_path, AUDIT_KEY=""), process, code=78)
    assert "POINTWIRE_AUDIT_KEY is not set" in text and "openssl rand -hex 32" in text
    assert not list(tmp_path.iterdir())


def test_what_the_system_refuses_is_one_line(tmp_path: Path):
    env = environment(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/{'x' * 300}")
    for process in ("migrate", "audit"):
        text = refusal(env, process, code=2 if process == "audit" else 1)
        assert "File name too long" in text and "is safe" in text


def test_a_wrong_setting_is_named(tmp_path: Path):
    text = refusal(environment(tmp_path, BATCH_MAX="many"), "worker", code=78)
    assert "POINTWIRE_BATCH_MAX is 'many'" in text


def test_equal_secrets_are_refused(tmp_path: Path):
    text = refusal(environment(tmp_path, FRAME_KEY=KEYS["MASTER_KEY"]), "web", code=78)
    assert "POINTWIRE_FRAME_KEY equals POINTWIRE_MASTER_KEY" in text


def test_a_worker_without_a_broker_url_is_told_which_variable(migrated: Path):
    assert "POINTWIRE_MQTT_URL is not set" in refusal(environment(migrated), "worker", code=78)


def test_an_unreachable_broker_is_named(migrated: Path):
    port = free_port()
    env = environment(migrated, MQTT_URL=f"mqtt://127.0.0.1:{port}")
    text = refusal(env, "worker")
    assert f"no MQTT broker at 127.0.0.1:{port}" in text and "POINTWIRE_MQTT_URL" in text


def test_an_unmigrated_database_is_told_to_migrate(tmp_path: Path):
    env = environment(tmp_path, MQTT_URL="mqtt://127.0.0.1:1")
    assert "pointwire gateway migrate" in refusal(env, "worker")
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_named(migrated: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = refusal(environment(migrated, HTTP_BIND=f"127.0.0.1:{port}"), "web")
    assert f"cannot listen on 127.0.0.1:{port}" in text and "POINTWIRE_HTTP_BIND" in text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "var").touch()
    env = environment(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/var/x.sqlite3")
    text = refusal(env, "migrate")
    assert f"{tmp_path}/var" in text and "POINTWIRE_DATABASE_URL" in text


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path):
    env = environment(tmp_path, DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/pointwire")
    text = refusal(env, "jobs", "--once")
    assert "127.0.0.1:1" in text and "hunter2" not in text


def test_a_database_of_an_unknown_kind_is_named(tmp_path: Path):
    text = refusal(environment(tmp_path, DATABASE_URL="mysql://h/d"), "migrate", code=78)
    assert "mysql" in text and "postgresql://" in text


def test_a_damaged_database_file_is_called_so_and_nothing_of_it_called_safe(migrated: Path):
    file = migrated / "pointwire.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'quarantine'").fetchall()
    with file.open("r+b") as image:
        for root, in roots:
            image.seek((root - 1) * size)
            image.write(b"\x55" * size)
    text = refusal(environment(migrated), "quarantine")
    assert "malformed" in text and "go back to a backup" in text and "is safe" not in text


def test_migrate_then_jobs_once_work_on_a_fresh_folder(tmp_path: Path):
    env = environment(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/var/x.sqlite3")
    migrated = run(env, "migrate")
    assert migrated.returncode == 0 and "database at revision" in migrated.stdout
    done = run(env, "jobs", "--once")
    assert done.returncode == 0 and "drop frames" in done.stderr


def test_help_lists_every_process(tmp_path: Path):
    shown = run(environment(tmp_path), "--help").stdout
    assert all(word in shown for word in ("worker", "web", "jobs", "migrate", "audit", "requeue",
                                        "held", "terminal", "recovery"))


def test_keys_are_rotated_and_revoked_from_the_command_line(migrated: Path):
    env = environment(migrated)
    terminals = _street(migrated).terminals
    done = run(env, "terminal", "rotate", str(terminals[0]))
    assert done.stdout == f"{terminals[0]} key epoch 2, with its next heartbeat\n"
    assert run(env, "terminal", "revoke", str(terminals[0]), "1").returncode == 0
    every = run(env, "terminal", "rotate", "--all").stdout.splitlines()
    assert [line.split()[3] for line in every] == ["3,", "2,"]
    assert run(env, "terminal", "rotate").returncode == 2
    some = run(env, "terminal", "rotate", str(terminals[1]), "99", str(terminals[0]))
    assert some.returncode == 1 and some.stdout.startswith(f"{terminals[1]} key epoch 3")
    assert "shows those there are. Of the 3 that were named 1 are done" in some.stderr


def test_a_rotation_promises_a_key_only_to_who_can_get_it(migrated: Path):
    env, street = environment(migrated), _street(migrated)
    revoked, lost = street.terminals
    street.registry.revoke_epoch(revoked, 1)
    street.registry.set_terminal_state(lost, "lost")
    done = run(env, "terminal", "rotate", str(revoked), str(lost))
    assert done.returncode == 0
    of_revoked, of_lost = done.stdout.splitlines()
    assert of_revoked.startswith(f"{revoked} key epoch 2, but no heartbeat brings it: no older")
    assert "provision the terminal anew" in of_revoked
    assert of_lost == f"{lost} key epoch 2, but no heartbeat brings it while the terminal is lost"


def test_what_is_not_there_is_told_with_the_command_that_shows_what_is(migrated: Path):
    env, street = environment(migrated), _street(migrated)
    there = str(street.terminals[0])
    for words, missing, shown_by in ((("terminal", "rotate", "99"), "terminal", "terminal list"),
                                     (("terminal", "revoke", "99", "1"), "terminal",
                                      "terminal list"),
                                     (("terminal", "revoke", there, "9"), "key epoch",
                                      "terminal list"),
                                     (("recovery", "end"), "No recovery", "recovery status")):
        done = run(env, *words)
        assert done.returncode == 1 and missing in done.stderr, words
        assert "Nothing was changed; pointwire" in done.stderr and shown_by in done.stderr, words


def test_a_recovery_is_begun_looked_at_and_ended_from_the_command_line(migrated: Path):
    env = environment(migrated)
    _street(migrated)
    assert run(env, "recovery", "status").stdout == "no recovery was ever begun\n"
    assert run(env, "recovery", "begin", "--receipts-ahead", "4000000000").returncode == 2
    begun = run(env, "recovery", "begin", "--receipts-ahead", "50", "--keep-queue")
    assert begun.stdout.startswith("recovery 1 under way") and "above 50" in begun.stdout
    assert "under way already" in run(env, "recovery", "begin", "--keep-queue").stderr
    told = json.loads(run(env, "recovery", "status", "--json").stdout)
    assert told["state"] == "under way" and len(told["terminals"]) == 2
    assert run(env, "recovery", "end").stdout.startswith("recovery 1 ended")
    assert "No recovery is under way" in run(env, "recovery", "end").stderr


class Waiting:
    """A broker with a queue: a worker has left its session behind, and frames came since."""

    def __init__(self, folder: Path, broker: Mosquitto):
        self.env = environment(folder, MQTT_URL=f"mqtt://127.0.0.1:{broker.port}")
        self._mqtt = need_mqtt(from_environment(self.env))
        self._terminal = Terminal(broker.port, 1001)
        assert self.taken() == []
        self.send(b"published before the restore")

    def send(self, frame: bytes) -> None:
        self._terminal.send(frame)

    def taken(self) -> list[bytes]:
        """What the broker gives a worker that comes back; nothing of it is acknowledged."""
        link = Link(self._mqtt, utc_now, receive_max=10)
        link.start()
        try:
            return [message.frame for message in link.take(10, 0.5)]
        finally:
            link.stop(0)

    def close(self) -> None:
        self._terminal.close()


@pytest.fixture
def waiting(migrated: Path) -> Iterator[Waiting]:
    _street(migrated)
    with Mosquitto(migrated) as broker:
        made = Waiting(migrated, broker)
        yield made
        made.close()


def test_a_recovery_begins_with_empty_queues(waiting: Waiting):
    begun = run(waiting.env, "recovery", "begin", "--worker", "pointwire-worker", "--worker",
                "pointwire-worker")
    assert begun.stdout.splitlines()[0] == "the queue of pointwire-worker is empty"
    assert begun.stdout.count("is empty") == 1
    assert "recovery 1 under way" in begun.stdout
    assert waiting.taken() == []
    waiting.send(b"after it")
    assert waiting.taken() == [b"after it"]


def test_a_recovery_does_not_begin_when_its_queue_cannot_be_emptied(waiting: Waiting):
    for url in ("", f"mqtt://127.0.0.1:{free_port()}"):
        refused = run({**waiting.env, "POINTWIRE_MQTT_URL": url}, "recovery", "begin")
        assert refused.returncode == (1 if url else 78) and refused.stdout == ""
        assert "--keep-queue" in refused.stderr and "was begun" in refused.stderr
        assert url or "POINTWIRE_MQTT_URL is not set" in refused.stderr
    assert run(waiting.env, "recovery", "status").stdout == "no recovery was ever begun\n"


@pytest.mark.parametrize(("words", "settings", "told"), [
    ((), {"POINTWIRE_AUDIT_KEY": "00" * 32}, "Nothing was started"),
    ((), {"POINTWIRE_MQTT_VERSION": "6"}, "POINTWIRE_MQTT_VERSION"),
    (("--receipts-ahead", "100000001"), {}, "--receipts-ahead"),
    (("--keep-queue", "--worker", "pointwire-worker"), {}, "say one"),
    *((("--worker", name), {}, "1 to 64 letters") for name in (
        "", "1001", " x", "x" * 65, "x\n", "\x1b[31m", "x" * 70_000))])
def test_a_recovery_that_is_refused_leaves_the_queue(waiting: Waiting, words, settings, told):
    refused = run(waiting.env | settings, "recovery", "begin", *words)
    assert refused.returncode != 0 and refused.stdout == ""
    assert told in refused.stderr and "Traceback" not in refused.stderr
    assert "\x1b" not in refused.stderr and len(refused.stderr) < 1000
    assert waiting.taken() == [b"published before the restore"]


def test_a_recovery_does_not_begin_for_a_misspelt_worker(waiting: Waiting):
    refused = refusal(waiting.env, "recovery", "begin", "--worker", "pointwire-wroker")
    assert "keeps nothing for pointwire-wroker" in refused and "was begun" not in refused
    assert waiting.taken() == [b"published before the restore"]
    assert run(waiting.env, "recovery", "status").stdout == "no recovery was ever begun\n"


def test_a_second_recovery_leaves_the_queue(waiting: Waiting):
    assert run(waiting.env, "recovery", "begin", "--keep-queue").returncode == 0
    second = refusal(waiting.env, "recovery", "begin")
    assert "under way already" in second and "Nothing was changed" in second
    assert waiting.taken() == [b"published before the restore"]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_recovery_does_not_begin_under_a_worker_that_runs(waiting: Waiting, version: str):
    env = waiting.env | {"POINTWIRE_MQTT_VERSION": version,
                         "POINTWIRE_TEST_HALT": "before_puback"}
    with Running(env, "worker") as worker:
        worker.wait_for("standing still for a test")
        refused = refusal(env, "recovery", "begin")
        assert "a worker runs under pointwire-worker" in refused and "stop every" in refused
    assert waiting.taken() == [b"published before the restore"]
    assert run(env, "recovery", "status").stdout == "no recovery was ever begun\n"


def _street(folder: Path) -> Street:
    engine = open_engine(f"sqlite:///{folder}/pointwire.sqlite3")
    street = Street(engine, terminals=2)
    engine.dispose()
    return street


def test_a_root_is_exported_checked_and_proved_by(migrated: Path):
    street = Street(open_engine(f"sqlite:///{migrated}/pointwire.sqlite3"), opening=utc_now())
    street.take(street.sale())
    street.engine.dispose()
    file, env = migrated / "roots.jsonl", environment(migrated)
    assert "POINTWIRE_ROOT_FILE is not set" in refusal(env, "root", "export", code=78)
    done = run(env, "root", "export", "--to", str(migrated))
    assert done.returncode == 0 and done.stdout.endswith(f"in {file}\n"), done.stderr
    env = environment(migrated, ROOT_FILE=str(file))
    assert "was there already" in run(env, "root", "export").stdout
    assert run(env, "jobs", "--once").returncode == 0 and len(file.read_text().splitlines()) == 1
    assert "has not ended" in refusal(env, "root", "export", "--day", "2999-01-01")
    assert run(env, "audit", "--roots", str(file)).returncode == 0
    proof = json.loads(run(env, "root", "prove", str(street.members[0])).stdout)
    assert proof["seq"] == 1 and len(proof["path"]) == 1
    assert "No root" in refusal(env, "root", "prove", "99999")
    gone = refusal(env, "audit", "--roots", str(migrated / "none"), code=2)
    assert "there is no such file" in gone
    file.write_text(file.read_text().replace('"count":1', '"count":2'))
    assert "roots line 1" in run(env, "audit", "--roots", str(file)).stdout


def test_jobs_without_a_place_for_roots_say_so(migrated: Path):
    assert "no root is exported" in run(environment(migrated), "jobs", "--once").stderr
