"""The demo's own handset program in the heap of a small handset: 112 KB on 64 bit, and sales with
an inquiry in 96 KB.

The program is staged as the demo stages it, compiled to .mpy. A sale, an inquiry, a sale while the
link is off and the day's list must all come through; nothing may die on the way.
"""

import os
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware import settings
from firmware.keys_held import epoch_of
from firmware.link import WINDOW
from firmware.shim import Aes
from protocol import codes, keys, topics
from protocol.messages import HEARTBEAT, SALE, SETTLED, VOID
from simulator.broker import Credential
from tests.firmware.bad_brokers import BadBroker, flooding
from tests.firmware.bars import plain_bar
from tests.firmware.replies import KEY, TERMINAL_ID, Asked, reply_frame
from tests.firmware.shop import CARD, CREDENTIALS, Shop, settings_for
from tests.firmware.test_app_login import Door
from tests.firmware.test_app_voids import Gate, conflicting
from tests.firmware.test_bad_brokers import gone
from tests.support.handset_process import Handset, provision
from tests.support.micropython import need_micropython
from tests.support.mosquitto import Mosquitto
from tests.support.tiny_gateway import TinyGateway
from tools import handset_program

HEAP = "112K"
HEAP_OF_SALES = "96K"
IDLE_S = 15


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
    handset.event("screen", lines=[plain_bar(), "积分 +12", "余额 1036", "王* 银卡", "REF 1002"])
    handset.do("keys", keys="A")
    handset.do("card", entry=2, card=str(CARD))
    handset.event("screen", lines=[plain_bar(), "王* 银卡", "余额 1036", "", ""])
    assert len(shop.posted) == 3


def has_died(handset: Handset) -> list[dict]:
    return [said for said in handset.said if said.get("event") in ("died", "not_saved")]


def test_sale_and_inquiry_come_through_in_less(command: list[str], tmp_path: Path):
    sized = [each.replace(HEAP, HEAP_OF_SALES) for each in command]
    assert sized != command
    test_sale_and_inquiry_come_through(sized, tmp_path)


def test_sale_and_inquiry_come_through(command: list[str], tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh"))
        with Handset(folder, command) as handset:
            sell_and_ask(handset, shop)
            assert not has_died(handset), handset.story()
            assert not handset.noise, handset.story()


def test_an_operator_logs_in_and_behind_a_power_cut_by_the_hash(
        command: list[str], tmp_path: Path):
    door = Door()
    with TinyGateway(CREDENTIALS, door) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh",
                                                              login=1))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("keys", keys="5#2468#")
            while handset.event("screen")["lines"][1] != "操作员 5":
                pass
            handset.sale("1250", CARD)
            handset.event("settled", trace=1)
            handset.send('{"do": "cut"}')
            assert handset.end() == 9
            assert not has_died(handset), handset.story()
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            handset.event("link", up=False)
            handset.do("keys", keys="5#2468#")
            while handset.event("screen")["lines"][2] != "离线登录":
                pass
            handset.sale("900", CARD)
            assert not has_died(handset), handset.story()
    assert [each.content[5] for each in door.of(SALE)] == [5]


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
            handset.event("screen", lines=[plain_bar(False, 12), "Last saved tap",
                                           "not yet posted", "Card ..7892", "TRACE 12 5.00"])
            for trace in range(1, 13):
                handset.event("settled", trace=trace)
            entries = handset.do("outbox")["outbox"]
            assert [each["settled"] for each in entries] == [True] * 12
            assert not has_died(handset), handset.story()
    assert len(shop.posted) == 12


def test_a_flash_that_fails_under_the_link_is_named_and_its_taps_post_once_it_is_back(
        command: list[str], tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        flash = folder / "outbox.flash"
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            handset.event("link", up=False)
            for _ in range(3):
                handset.sale("500", CARD)
            kept = flash.read_bytes()
            os.truncate(flash, 0)
            handset.do("link", up=True)
            assert "flash file" in handset.event("flash")["why"]
            assert handset.event("recovery")["reason"] == "flash"
            handset.event("screen", lines=[plain_bar(), "OUTBOX FAULT", "No taps possible",
                                           "Call technician", "flash"])
            with flash.open("r+b") as file:
                file.write(kept)
            time.sleep(IDLE_S)  # an idle moment comes every 20 s
            assert handset.event("ready")["journal"] == 7
            for trace in (1, 2, 3):
                handset.event("settled", trace=trace)
            status = handset.do("status")
            assert status["link_fault"] == "no_network"  # the radio, before
            assert not has_died(handset), handset.story()
    assert len(shop.posted) == 3


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


NEXT = bytes(range(100, 132))
USER = keys.mqtt_user(TERMINAL_ID, 2)
LOGINS = {**CREDENTIALS, USER: Credential(TERMINAL_ID, keys.mqtt_password(NEXT).encode())}


def asking_again(shop: Shop, spans: int):
    """A gateway that rotates the key and asks for tap 1 and `spans` others again."""
    wrapped = keys.rekey_wrap(lambda secret: Aes(secret, 1), KEY, NEXT)
    others = tuple((4294967295, 4294967000 + number, 4294967000 + number)
                   for number in range(spans))

    def answer(frame: bytes) -> bytes | None:
        epoch = epoch_of(frame)
        key = KEY if epoch == 1 else NEXT
        if Asked(frame).type == HEARTBEAT:
            offer = (2, wrapped) if epoch == 1 else None
            return reply_frame(frame, key=key, epoch=epoch, highest_trace=0, next_key=offer,
                               config_revision=7, send_again=((7, 1, 1), *others))
        if epoch == 1:
            return shop.answer(frame)
        return reply_frame(frame, key=key, epoch=2, points=12, balance=12, receipt=1)

    return answer


def test_a_rotation_and_a_list_to_send_again_find_room(command: list[str], tmp_path: Path):
    with TinyGateway(LOGINS, asking_again(Shop(), 7)) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh"))
        with Handset(folder, command) as handset:
            handset.event("rotated", epoch=2)
            handset.event("asked_again", journal=7, first=1, last=1)
            assert handset.sale("1250", CARD)["trace"] == 1
            assert handset.event("settled", trace=1)["points"] == 12
            handset.send('{"do": "cut"}')
            handset.end()
            assert not has_died(handset), handset.story()
        with Handset(folder, command) as handset:
            assert handset.event("sent_again")["trace"] == 1
            assert handset.sale("900", CARD)["trace"] == 2
            handset.event("settled", trace=2)
            assert not has_died(handset), handset.story()
    kept = settings.read(str(folder / "settings"))
    assert (kept.epoch, kept.key, kept.mqtt_user) == (2, NEXT, USER)


def test_a_reply_for_which_there_is_no_room_keeps_no_tap_back(command: list[str], tmp_path: Path):
    with TinyGateway(LOGINS, asking_again(Shop(), 70)) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh"))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            for trace in (1, 2, 3):
                assert handset.sale("1250", CARD)["trace"] == trace
                assert handset.event("settled", trace=trace)["points"] == 12
            assert handset.do("status")["up"]
            assert not has_died(handset), handset.story()


@pytest.mark.parametrize(("packet", "fault"), [
    (b"\xd0\x00", "garbled"), (b"\x30\x02\x00\x00", "unacked")])
def test_small_packets_as_fast_as_they_go_drop_the_link_and_kill_nothing(
        command: list[str], tmp_path: Path, packet: bytes, fault: str):
    with BadBroker(flooding(packet)) as broker:
        folder = provision(tmp_path / "handset", settings_for(broker.port))
        with Handset(folder, command) as handset:
            handset.sale("1250", CARD)
            for _ in range(2):
                gone(handset)
                assert handset.do("status")["link_fault"] == fault
            assert handset.do("status")["unsettled"] == 1
            assert not has_died(handset), handset.story()


def test_what_was_refused_is_named_behind_a_reboot_until_it_is_acknowledged(
        command: list[str], tmp_path: Path):
    gate = Gate()
    gate.outcomes.update({(7, 1): codes.CARD_LOST, (7, 2): codes.CARD_LOST})
    alert = [plain_bar(), "2 not posted", "Card lost", "# = seen", "TRACE 2"]
    with TinyGateway(CREDENTIALS, gate) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            handset.event("link", up=False)
            for _ in range(3):
                handset.sale("500", CARD)
            handset.do("keys", keys="*")
            handset.do("link", up=True)
            handset.event("settled", trace=3)
            handset.send('{"do": "cut"}')
            assert handset.end() == 9
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("keys", keys="#")
            handset.event("screen", lines=alert)
            time.sleep(1.2)  # before, no # counts for it
            handset.do("keys", keys="#")
            while handset.event("screen")["lines"][1] != "Pointwire":
                pass
            handset.send('{"do": "cut"}')
            assert handset.end() == 9
            assert not has_died(handset), handset.story()
        with Handset(folder, command) as handset:
            handset.event("screen", lines=[plain_bar(), "Last saved tap", "posted +12",
                                           "Card ..7892", "TRACE 3 5.00"])
            assert not has_died(handset), handset.story()


def test_many_conflicts_behind_a_reboot_find_room(command: list[str], tmp_path: Path):
    shop, sales = Shop(), 40
    phase = {"silent": True}

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if phase["silent"] or asked.type == HEARTBEAT:
            return None
        if asked.journal != 7:
            return shop.answer(frame)
        if asked.trace % WINDOW == 1:
            time.sleep(0.2)  # the whole window is out, and is answered in one go
        return reply_frame(frame, codes.TRACE_CONFLICT)

    with TinyGateway(CREDENTIALS, answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            for number in range(sales):
                handset.sale(str(500 + number), CARD)
            handset.process.kill()
        phase["silent"] = False
        with Handset(folder, command) as handset:
            posted = 0
            while posted < sales:
                posted += handset.event("settled")["code"] == codes.APPROVED
            assert handset.do("status")["unsettled"] == 0 and len(shop.posted) == sales
            assert not has_died(handset), handset.story()


def test_a_void_is_kept_through_a_reboot_and_meets_a_conflict(command: list[str], tmp_path: Path):
    with TinyGateway(LOGINS, conflicting(Gate(), {(7, 1)})) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            handset.event("link", up=False)
            handset.sale("1250", CARD)
            handset.do("keys", keys="D#")
            assert handset.event("saved")["original"] == [7, 1]
            handset.send('{"do": "cut"}')
            assert handset.end() == 9
            assert not has_died(handset), handset.story()
        with Handset(folder, command) as handset:
            assert handset.event("conflict")["old"] == [7, 1]
            screen = None
            while screen is None or screen[1] != "Cancelled":
                screen = handset.event("screen")["lines"]
            assert handset.do("status")["unsettled"] == 0, handset.story()
            assert not has_died(handset), handset.story()


def test_a_settled_void_is_sent_again_with_its_answer(command: list[str], tmp_path: Path):
    gate, told = Gate(), []

    def answer(frame: bytes) -> bytes | None:
        content = Asked(frame).content
        if content[0] == HEARTBEAT and len(gate.outcomes) == 2:
            return reply_frame(frame, highest_trace=2, send_again=((7, 1, 2),))
        if content[0] == SETTLED:
            told.append((Asked(content[22]).type, content[23]))
        return gate(content.get(22, frame))

    with TinyGateway(LOGINS, answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            handset.sale("1250", CARD)
            handset.event("settled", trace=1)
            handset.do("keys", keys="D#")
            handset.event("settled", trace=2)
            handset.send('{"do": "cut"}')
            handset.end()
        with Handset(folder, command) as handset:
            assert [handset.event("sent_again")["trace"] for _ in range(2)] == [1, 2]
            assert not has_died(handset), handset.story()
    assert [kind for kind, _ in told] == [VOID]
