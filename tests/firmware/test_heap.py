"""The demo's own handset program in the heap of a small handset: 96 KB on 64 bit.

The program is staged as the demo stages it, compiled to .mpy. A sale, an inquiry, a sale while the
link is off and the day's list must all come through; nothing may die on the way.
"""

import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from protocol import topics
from tests.firmware.replies import TERMINAL_ID
from tests.firmware.shop import CARD, CREDENTIALS, Shop, settings_for
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tests.support.mosquitto import Mosquitto
from tests.support.tiny_gateway import TinyGateway
from tools import handset_program

HEAP = "96K"


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> list[str]:
    need_micropython()
    return handset_program.stage(tmp_path_factory.mktemp("program"), heap_size=HEAP)


def sell_and_ask(handset: Handset, shop: Shop) -> None:
    """Sales and an inquiry, in Chinese, as a cashier sees them."""
    ready = handset.event("ready")
    assert ready["runtime"].startswith("micropython")
    handset.event("link", up=True)
    for trace in (1, 2, 3):
        assert handset.sale("1250", CARD)["trace"] == trace
        assert handset.event("settled", trace=trace)["points"] == 12
    handset.event("screen", lines=["在线", "积分 +12", "余额 1036", "王* 银卡", "凭证 1002"])
    handset.do("keys", keys="A")
    handset.do("card", entry=2, card=str(CARD))
    handset.event("screen", lines=["在线", "王* 银卡", "余额 1036", "", ""])
    assert len(shop.posted) == 3


def has_died(handset: Handset) -> list[dict]:
    return [said for said in handset.said if said.get("event") in ("died", "not_saved")]


def test_sale_and_inquiry_come_through(command: list[str], tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh"))
        with Handset(folder, command) as handset:
            sell_and_ask(handset, shop)
            assert not has_died(handset), handset.story()
            assert not handset.noise, handset.story()


def test_taps_without_a_link_are_kept_through_a_reboot_and_then_posted(
        command: list[str], tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            handset.event("link", up=False)
            for _ in range(12):
                handset.sale("500", CARD)
            handset.send('{"do": "cut"}')
            assert handset.end() == 9
        with Handset(folder, command) as handset:
            handset.event("screen", lines=["OFF 12 unsent", "Last saved tap", "Tap 12 5.00",
                                           "Card ..7892", "not yet posted"])
            for trace in range(1, 13):
                handset.event("settled", trace=trace)
            entries = handset.do("outbox")["outbox"]
            assert [each["settled"] for each in entries] == [True] * 12
            assert not has_died(handset), handset.story()
    assert len(shop.posted) == 12


def test_it_comes_through_on_mosquitto_too(command: list[str], tmp_path: Path):
    shop, ready = Shop(), threading.Event()
    with Mosquitto(tmp_path) as broker:
        gateway = paho.Client(CallbackAPIVersion.VERSION2, client_id="gateway")
        gateway.on_connect = lambda client, *_: client.subscribe(topics.UP_FILTER, qos=1)
        gateway.on_subscribe = lambda *_: ready.set()

        def answer(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
            reply = shop.answer(bytes(message.payload))
            if reply is not None:
                client.publish(topics.down(TERMINAL_ID), reply, qos=1)

        gateway.on_message = answer
        gateway.connect("127.0.0.1", broker.port)
        gateway.loop_start()
        assert ready.wait(10)
        folder = provision(tmp_path / "handset", settings_for(broker.port, language="zh"))
        with Handset(folder, command) as handset:
            sell_and_ask(handset, shop)
            assert not has_died(handset), handset.story()
        gateway.loop_stop()
        gateway.disconnect()
