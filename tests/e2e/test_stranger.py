"""A terminal written from the two documents alone posts taps, whatever the way, and is believed.

`stranger_terminal.py` knows nothing of this repository. What it reads from its replies is held
against the registry and the ledger.
"""

import base64
import hashlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.database import open_engine
from gateway.registry import Registry
from tests.e2e import stranger_terminal
from tests.house import law
from tests.protocol.test_readme import KEY, REPLY_FRAME, SALE_FRAME, blocks, hex_of
from tests.support.databases import SQLITE, fresh_engine
from tests.support.gateway_process import WAIT_S, Running, environment
from tests.support.mosquitto import Mosquitto
from tests.support.street import Street
from tools import coffee_shop, demo_stage, state, tally
from tools.terminal import Place, keys_row

OTHER_PEOPLES = {"cbor2", "paho"}
GATEWAY_PASSWORD = "the gateway's own"
SALES = {"mqtt": 1250, "http": 4000}
Seen = Mapping[str, dict[str, Any]]


def test_the_stranger_imports_nothing_of_ours_and_reads_no_file_of_ours():
    text = (law.ROOT / "tests/e2e/stranger_terminal.py").read_text()
    imported = {each.name.split(".")[0] for each in law.imports(law.ast.parse(text))}
    assert imported <= OTHER_PEOPLES | set(sys.stdlib_module_names), imported
    assert not imported & {"importlib", "runpy", "subprocess"}
    assert "__import__" not in text and "__file__" not in text


def altered(frame: bytes) -> Iterator[bytes]:
    """Every bit flipped, every length shorter, and one byte more."""
    for place in range(len(frame) * 8):
        changed = bytearray(frame)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)
    yield from (frame[:size] for size in range(len(frame)))
    yield frame + b"\0"


def test_a_reply_altered_on_its_way_counts_as_not_come_for_it_and_for_the_readmes_program():
    sent, reply = hex_of(SALE_FRAME), hex_of(REPLY_FRAME)
    request = {0: 1, 1: 1592605928, 2: 40000}
    me = stranger_terminal.Identity(10000042, 1, KEY)
    program: dict[str, Any] = {}
    exec(blocks("python")[0], program)
    opens = (lambda come: me.open(request, sent, come),
             lambda come: program["open_reply"](KEY, 10000042, 1, sent, come))
    for opened in opens:
        assert (opened(reply) or {}).get(7) == 123456
        assert not [come.hex() for come in altered(reply) if opened(come) is not None]
    other = [{**request, key: 1592605929} for key in request]
    assert [me.open(each, sent, reply) for each in other] == [None] * 3


@pytest.fixture
def street() -> Iterator[Street]:
    """One terminal, one member with a silver card: 1 yuan is 1.2 points."""
    with fresh_engine(SQLITE) as engine:
        yield Street(engine)


def settings(street: Street, **more: str) -> dict[str, str]:
    url = street.engine.url.render_as_string(hide_password=False)
    return environment(Path("/nowhere"), DATABASE_URL=url, **more)


def keys_of(street: Street, mqtt_port: int = 0, http_url: str = "") -> dict[str, Any]:
    """What `pointwire terminal keys` prints."""
    place = Place(street.registry, "127.0.0.1", mqtt_port, http_url + "/v1/frames", frozenset())
    return keys_row(place, street.terminals[0])


def believe(seen: Seen, engine: Engine, registry: Registry, keys: Mapping[str, Any],
            points: Mapping[str, int]) -> None:
    """What each way saw agrees with itself, with the programme and with the ledger."""
    ledger = {each.key: each for each in tally.read_entries(engine, [keys["terminal_id"]])}
    for way, its in seen.items():
        sale = its["sale"]
        assert [its[each]["code"] for each in ("heartbeat", "before", "sale", "after")] == [0] * 4
        assert sale["points"] == points[way]
        assert sale["balance"] == its["before"]["balance"] + points[way]
        assert its["after"]["balance"] == sale["balance"]
        assert its["same_reply_over"] == sorted(seen)
        entry = ledger.pop((keys["terminal_id"], sale["journal"], sale["trace"]))
        told = (sale["receipt"], SALES[way], sale["points"])
        assert (entry.receipt, entry.amount_minor, entry.points) == told
    assert not ledger, f"the ledger has what the stranger never sent: {ledger}"
    member = next(each for each in registry.members() if keys["sample_card"] in each.cards)
    last = seen[list(seen)[-1]]["after"]
    assert (last["balance"], last["member"]) == (member.available - member.debt,
                                                 member.masked_name)


def test_over_http_it_posts_and_after_a_restart_goes_on_with_the_next_trace(
        street: Street, tmp_path: Path):
    with Running(settings(street), "web") as web:
        keys = keys_of(street, http_url=web.wait_for("listening")["url"])
        seen = stranger_terminal.run(keys, tmp_path, {"http": SALES["http"]})
        believe(seen, street.engine, street.registry, keys, {"http": 48})
        again = stranger_terminal.run(keys, tmp_path, {"http": 100})
        for each in tmp_path.glob("2.*"):       # its storage comes back as it was before
            each.unlink()
        told = stranger_terminal.run(keys, tmp_path, {"http": 100})
    days = [each["http"] for each in (seen, again, told)]
    assert [day["sale"]["trace"] for day in days] == [1, 2, 3]
    assert [day["heartbeat"]["highest_trace"] for day in days] == [0, 1, 2]
    assert [day["sale"]["balance"] for day in days] == [48, 49, 50]


def test_without_its_storage_it_draws_a_new_journal_and_collides_with_nothing(
        street: Street, tmp_path: Path):
    with Running(settings(street), "web") as web:
        keys = keys_of(street, http_url=web.wait_for("listening")["url"])
        first, second = (stranger_terminal.run(keys, tmp_path / storage, {"http": 1000})["http"]
                         for storage in ("first", "second"))
    assert first["sale"]["trace"] == second["sale"]["trace"] == 1
    assert [first["sale"]["balance"], second["sale"]["balance"]] == [12, 24]


def locked(folder: Path, logins: Mapping[str, str]) -> list[str]:
    """Mosquitto as in production: these users only, each terminal its own topics only."""
    def line(user: str, password: str) -> str:
        salt = hashlib.sha256(user.encode()).digest()[:12]
        proof = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
        shown = [base64.b64encode(each).decode() for each in (salt, proof)]
        return f"{user}:$7$101${shown[0]}${shown[1]}"

    (folder / "users").write_text("".join(line(*each) + "\n" for each in logins.items()))
    (folder / "rules").write_text(
        "pattern write pw/1/%c/up\npattern write pw/1/%c/state\npattern read pw/1/%c/down\n"
        "user gateway\ntopic read pw/1/+/up\ntopic read pw/1/+/state\ntopic write pw/1/+/down\n")
    for each in ("users", "rules"):
        (folder / each).chmod(0o600)
    return ["allow_anonymous false", f"password_file {folder}/users", f"acl_file {folder}/rules"]


@pytest.mark.parametrize(("version", "shared"), [("3.1.1", "0"), ("5", "1")])
def test_over_mqtt_and_http_it_posts_through_a_broker_with_passwords_and_topic_rules(
        version: str, shared: str, street: Street, tmp_path: Path):
    login = keys_of(street)
    rules = locked(tmp_path, {login["mqtt_user"]: login["mqtt_password"],
                              "gateway": GATEWAY_PASSWORD})
    with Mosquitto(tmp_path, *rules) as broker:
        gateway = settings(street, MQTT_URL=f"mqtt://gateway@127.0.0.1:{broker.port}",
                           MQTT_PASSWORD=GATEWAY_PASSWORD, MQTT_VERSION=version,
                           MQTT_SHARED=shared)
        with Running(gateway, "worker") as worker, Running(gateway, "web") as web:
            worker.wait_for("subscribed")
            keys = keys_of(street, broker.port, web.wait_for("listening")["url"])
            spoken = stranger_terminal.V5 if version == "5" else stranger_terminal.V311
            seen = stranger_terminal.run(keys, tmp_path / "storage", SALES, spoken)
            wrong = keys | {"mqtt_password": "x" + keys["mqtt_password"][1:]}
            with pytest.raises(stranger_terminal.NotAnswered, match="(?i)not authori[sz]ed|bad"):
                stranger_terminal.run(wrong, tmp_path / "storage", SALES, spoken)
    believe(seen, street.engine, street.registry, keys, {"mqtt": 15, "http": 48})


class Demo:
    """`pointwire demo` that stays up, and the other commands of its folder."""

    def __init__(self, folder: Path, *words: str):
        self.folder = folder
        clean = {name: text for name, text in os.environ.items()
                 if not name.startswith("POINTWIRE_")}
        self._env = clean | {state.HOME_VARIABLE: str(folder / "demo")}
        self._said = folder / "said"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                self._command("demo", "--mqtt-port", "0", "--http-port", "0", "--json", *words),
                env=self._env, cwd=law.ROOT, text=True, stdout=subprocess.PIPE, stderr=said)

    @staticmethod
    def _command(*words: str) -> list[str]:
        return [sys.executable, "-m", "tools.cli", *words]

    def result(self) -> dict[str, Any]:
        """What it prints when its own taps are through."""
        assert self._process.stdout is not None
        come, _, _ = select.select([self._process.stdout], [], [], WAIT_S)
        line = self._process.stdout.readline() if come else ""
        assert line, f"no result from the demo: {self._said.read_text()}"
        return json.loads(line)

    def ask(self, *words: str) -> Any:
        done = subprocess.run(self._command(*words), env=self._env, cwd=law.ROOT, text=True,
                              capture_output=True, timeout=WAIT_S, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def home(self) -> state.Home:
        return state.home(self._env)

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=WAIT_S)
        finally:
            self._process.kill()


def test_it_stands_beside_the_demos_handsets_over_both_ways(tmp_path: Path):
    with Demo(tmp_path, "--terminals", "2", "--taps", "2") as demo:
        assert demo.result()["posted"] == 2
        free = [each for each in demo.ask("terminal", "list", "--json")
                if each["handset"] == "none"]
        keys = demo.ask("terminal", "keys", str(free[0]["terminal_id"]), "--json")
        seen = stranger_terminal.run(keys, tmp_path / "storage", SALES)
        assert keys["sample_card"] == str(coffee_shop.RESERVED_CARD)
        engine = open_engine(demo.home.database_url)
        registry = Registry(engine, demo_stage.keyring_of(state.read_secrets(demo.home)))
        believe(seen, engine, registry, keys, {"mqtt": 18, "http": 60})     # a gold card: x 1.5
        engine.dispose()
