"""`python -m simulator` in real time: over MQTT through a real broker, and over HTTP."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from protocol import codes, topics
from simulator import __main__ as command
from tests.simulator.toy import Toy, identity
from tests.tools.live_broker import GATEWAY, Running

CARD = "6200001234567892"


def line(number: int, **change: object) -> str:
    made = identity(number)
    return json.dumps({
        "terminal_id": made.terminal_id, "epoch": 1, "key_hex": made.key.hex(),
        "mqtt_host": "127.0.0.1", "mqtt_port": 1, "mqtt_user": made.mqtt_user,
        "mqtt_password": made.mqtt_password, "http_url": "", "sample_card": CARD, **change})


def login(user: str, password: str) -> int | None:
    known = {identity(number).mqtt_user: identity(number) for number in range(3)}
    found = known.get(user)
    return found.terminal_id if found and found.mqtt_password == password else None


@pytest.fixture(scope="module")
def mqtt_url() -> Iterator[str]:
    """A broker and a worker whose gateway is a toy."""
    broker, toy = Running(login), Toy()
    worker = mqtt.Client(CallbackAPIVersion.VERSION2, "worker")
    worker.username_pw_set(*GATEWAY)

    def answer(client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        terminal_id, reply = topics.terminal_of(message.topic), toy(bytes(message.payload), 0)
        if terminal_id is not None and reply is not None:
            client.publish(topics.down(terminal_id), reply, 1)

    worker.on_message = answer
    worker.connect("127.0.0.1", broker.port)
    worker.subscribe(topics.UP_FILTER, 1)
    worker.loop_start()
    broker.wait_for("subscribed")
    yield f"mqtt://127.0.0.1:{broker.port}"
    worker.disconnect()
    worker.loop_stop()
    broker.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], tuple[int, bytes]]], str]]:
    """An HTTP gateway out of a function frame -> (status, body)."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[bytes], tuple[int, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/cose"
                frame = self.rfile.read(int(self.headers["Content-Length"]))
                status, body = answer(frame)
                self.send_response(status)
                if status == 503:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1/frames"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def made(url: str, *lines: str, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
        keys = tmp_path / "keys.jsonl"
        keys.write_text("\n".join(lines))
        code = command.main(["--gateway", url, "--keys", str(keys), *options])
        out, err = capsys.readouterr()
        return code, out, err
    return made


def test_taps_of_several_terminals_post_over_mqtt(mqtt_url: str, run):
    code, out, _ = run(mqtt_url, line(0), line(1), options=("--taps", "5", "--json"))
    found = json.loads(out)
    assert code == 0 and (found["taps"], found["posted"], found["unanswered"]) == (5, 5, 0)
    assert found["points"] == 60 and found["balances"] == {"****7892": 12}


def test_taps_post_over_http_with_the_same_firmware(serve, run):
    toy = Toy()
    code, out, _ = run(serve(lambda frame: (200, toy(frame, 0) or b"")), line(0),
                       options=("--taps", "3", "--json"))
    assert code == 0 and json.loads(out)["posted"] == 3
    assert set(toy.posted.values()) == {1}


def test_a_gateway_that_cannot_store_for_a_while_is_asked_again(serve, run):
    toy, refusals = Toy(), [503, 429, 503]

    def answer(frame: bytes) -> tuple[int, bytes]:
        return (refusals.pop(), b"") if refusals else (200, toy(frame, 0) or b"")

    code, out, _ = run(serve(answer), line(0), options=("--json",))
    assert code == 0 and json.loads(out)["statuses"] == {"503": 2, "429": 1}


def test_a_refused_tap_is_a_failure_that_names_its_code(serve, run):
    toy = Toy(codes.CARD_UNKNOWN)
    code, out, _ = run(serve(lambda frame: (200, toy(frame, 0) or b"")), line(0))
    assert code == command.EXIT_NOT_POSTED and "card_unknown" in out


def test_an_unanswered_tap_is_a_failure_that_names_the_status(serve, run):
    code, out, _ = run(serve(lambda frame: (401, b"")), line(0), options=("--wait", "1"))
    assert code == command.EXIT_NOT_POSTED and "unanswered: 1" in out and "401" in out


def test_an_echo_of_the_frame_is_no_reply(serve, run):
    code, out, _ = run(serve(lambda frame: (200, frame)), line(0), options=("--wait", "1"))
    assert code == command.EXIT_NOT_POSTED and "unanswered: 1" in out


@pytest.mark.parametrize("change", [{"mqtt_password": "wrong"}, {"mqtt_user": "9-1"}])
def test_a_login_the_broker_refuses_is_said_before_any_tap(mqtt_url: str, run, change: dict):
    code, _, err = run(mqtt_url, line(0, **change), options=("--wait", "3"))
    assert code == command.EXIT_UNREACHABLE and "refuses" in err and "Nothing was tapped" in err


def test_a_gateway_that_is_not_there_is_said_before_any_tap(run):
    for url in ("mqtt://127.0.0.1:1", "http://127.0.0.1:1/v1/frames"):
        code, _, err = run(url, line(0), options=("--wait", "1"))
        assert code == command.EXIT_UNREACHABLE and "Nothing was tapped" in err


def test_a_gateway_that_does_not_speak_http_leaves_the_tap_unanswered(run, caplog):
    class Broker(StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.wfile.write(b"\x20\x02\x00\x05")

    with ThreadingTCPServer(("127.0.0.1", 0), Broker) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1/frames"
        code, out, _ = run(url, line(0), options=("--wait", "1"))
        server.shutdown()
    gc.collect()
    assert code == command.EXIT_NOT_POSTED and "unanswered: 1" in out and not caplog.records
