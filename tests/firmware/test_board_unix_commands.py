"""What each line of the control channel says and does; processes are tested elsewhere."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from firmware.board import unix_commands
from firmware.board.unix_commands import event, obey
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.replies import CARD, reply, sale_frame
from tests.firmware.shop import TERMINAL_ID, settings_for


class Channel:
    """Stands for Control and the unix board: notes what is written, pressed and switched."""

    runtime = "cpython 3"
    boot_count = 4
    pixels = bytes(1024)
    radio_on = True
    printer = None
    watched = False
    percent = dbm = None
    redrawn = ahead_ms = 0

    def __init__(self, app: Any = None) -> None:
        self.app = app or self
        self.board = self.outbox_device = self
        self.settings = settings_for(1)
        self.written: list[str] = []
        self.events: list[tuple[Any, ...]] = []
        self.write = self.written.append
        self.put = self.events.append

    def drop_link(self, why: str) -> None:
        self.events.append(("dropped", why))

    def redraw(self) -> None:
        self.redrawn += 1

    def cut_after(self, operations: int) -> None:
        self.events.append(("cut_after", operations))

    def heap_free(self) -> int:
        return 65536

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        self.written.clear()
        obey(self, json.dumps({"id": 1, "do": what, **arguments}).encode())
        (line,) = self.written
        assert line.endswith("\n") and line.count("\n") == 1
        return json.loads(line)


def test_keys_are_pressed_one_after_the_other():
    channel = Channel()
    assert channel.do("keys", keys="1250#*ABCD") == {"id": 1}
    assert channel.events == [("key", key) for key in "1250#*ABCD"]


def test_one_wrong_key_presses_none():
    channel = Channel()
    assert "0123456789*#ABCD" in channel.do("keys", keys="12x")["error"]
    assert channel.events == []


@pytest.mark.parametrize(("card", "held"), [
    (str(CARD), CARD), (CARD, CARD), ({"uid": "01020304"}, b"\x01\x02\x03\x04"),
    ({"uid": "01020304050607"}, bytes(range(1, 8))), ({"uid": "00" * 10}, bytes(10))])
def test_a_card_is_held_by_its_number_or_its_uid(card: object, held: object):
    channel = Channel()
    for entry in (1, 2, 3, 4):
        assert channel.do("card", entry=entry, card=card) == {"id": 1}
    assert channel.events == [("card", entry, held) for entry in (1, 2, 3, 4)]


def test_the_largest_card_number_is_held_and_one_more_is_not():
    channel = Channel()
    assert channel.do("card", entry=2, card=str(unix_commands.CARD_NUMBER_MAX)) == {"id": 1}
    assert channel.do("card", entry=2, card=str(unix_commands.CARD_NUMBER_MAX + 1))["error"]
    assert len(channel.events) == 1


def test_the_radio_is_switched_off_with_its_link_and_on_again():
    channel = Channel()
    assert channel.do("link", up=False) == {"id": 1}
    assert channel.radio_on is False and channel.events == [("dropped", "the radio is off")]
    assert channel.do("link", up=True) == {"id": 1}
    assert channel.radio_on is True and len(channel.events) == 1


def test_a_cut_is_planned_on_the_flash_or_happens_at_once(monkeypatch: pytest.MonkeyPatch):
    channel = Channel()
    assert channel.do("cut", after_flash_ops=3) == {"id": 1}
    assert channel.events == [("cut_after", 3)]
    codes: list[int] = []
    monkeypatch.setattr(unix_commands, "power_off", codes.append)
    channel.do("cut")
    assert codes == [9]


def test_screen_pixels_and_status_say_what_is_there():
    with Counter() as counter:
        channel = Channel(counter.boot())
        counter.wait(5)
        counter.keys("12")
        assert channel.do("screen")["lines"] == [bar(), "Amount", "0.12", "", "#✓ C← *✗ A=ITEMS"]
        channel.pixels = counter.board.screen
        assert channel.do("pixels") == {"id": 1, "pixels": counter.board.screen.hex()}
        assert channel.do("status") == {
            "id": 1, "up": True, "radio_on": True, "link_fault": None, "state": "amount",
                "terminal_id": TERMINAL_ID,
            "runtime": "cpython 3", "boot_count": 4, "at": counter.app.clock.now(5000),
            "unsettled": 0, "journal": 7, "next_trace": 1, "heap_free": 65536}


SETTLED = reply(sale_frame(7, 1), points=12, balance=1012, receipt=9, member="王*", tier="银卡")


@pytest.mark.parametrize(("kind", "values", "said"), [
    ("ready", (7,), {"journal": 7, "runtime": "cpython 3", "terminal_id": TERMINAL_ID}),
    ("recovery", ("blank", "format it"), {"reason": "blank", "why": "format it"}),
    ("screen", (("ON", "a", "b", "c", "d"),), {"lines": ["ON", "a", "b", "c", "d"]}),
    ("link", (True, ""), {"up": True, "why": ""}),
    ("no_link", ("refused",), {"why": "refused"}),
    ("saved", (7, 1, 1, None), {"journal": 7, "trace": 1, "type": 1, "original": None}),
    ("saved", (7, 2, 3, (7, 1)), {"journal": 7, "trace": 2, "type": 3, "original": [7, 1]}),
    ("not_saved", ("too large",), {"why": "too large"}),
    ("postponed", (7, 1, 90), {"journal": 7, "trace": 1, "code": 90}),
    ("conflict", ((7, 1), (9, 1)), {"old": [7, 1], "new": [9, 1]}),
    ("set_aside", ("digest",), {"why": "digest"}),
    ("clock", (1764500000,), {"at": 1764500000}),
    ("died", ("panel", "OSError: 5"), {"task": "panel", "why": "OSError: 5"}),
    ("settled", (SETTLED,), {"journal": 7, "trace": 1, "code": 0, "points": 12, "balance": 1012,
                             "receipt": 9, "member": "王*", "tier": "银卡"}),
])
def test_an_event_is_one_line_with_names(kind: str, values: tuple[Any, ...], said: dict):
    line = event(Channel(), kind, values)
    assert line.endswith("\n") and line.count("\n") == 1
    assert json.loads(line) == {"event": kind, **said}


def test_everything_the_program_tells_has_names_for_its_values():
    named = {names[0] for names in unix_commands.EVENTS} | {"settled"}
    with Counter() as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.sale(card=10 ** 30)
        counter.wait(2)
        counter.app.drop_link("off")
        counter.wait(5)
    assert {each[0] for each in counter.told} <= named
    for kind, *values in counter.told:
        if kind != "settled":
            (names,) = [each[1:] for each in unix_commands.EVENTS if each[0] == kind]
            assert len(names) == len(values), kind


def test_a_list_that_meets_damage_is_answered_all_the_same():
    with Counter() as counter:
        channel = Channel(counter.boot())
        counter.wait(5)
        for _ in range(3):
            counter.sale()
        real, left = counter.flash.readblocks, [1]

        def readblocks(*arguments: Any) -> None:
            if not left:
                raise OSError(5, "EIO")
            left.pop()
            real(*arguments)

        counter.flash.readblocks = readblocks  # type: ignore[method-assign]
        assert obey(channel, b'{"id": 3, "do": "outbox"}')
        unix_commands.list_outbox(channel)
        said = json.loads("".join(channel.written))
        assert said["id"] == 3 and "EIO" in said["error"]


def test_battery_and_signal_are_what_the_bar_shows_from_then_on():
    channel = Channel()
    assert channel.do("battery", percent=15) == {"id": 1} and channel.percent == 15
    assert channel.do("signal", dbm=-97) == {"id": 1} and channel.dbm == -97
    assert channel.do("battery", percent=None) == {"id": 1} and channel.percent is None
    assert channel.redrawn == 3


@pytest.mark.parametrize(("what", "arguments"), [
    ("battery", {"percent": 101}), ("battery", {"percent": "full"}), ("battery", {}),
    ("battery", {"percent": True}), ("signal", {"dbm": 1}), ("signal", {"dbm": -201}),
    ("unread", {"entry": 5, "why": "two_cards"}), ("unread", {"entry": None, "why": "x"}),
    ("unread", {"entry": 2}), ("later", {"ms": -1}), ("later", {"ms": 3600001}), ("later", {})])
def test_what_no_part_can_say_changes_nothing(what: str, arguments: dict[str, Any]):
    channel = Channel()
    assert channel.do(what, **arguments)["error"]
    assert (channel.percent, channel.dbm, channel.events) == (None, None, [])
    assert channel.redrawn == channel.ahead_ms == 0


def test_two_cards_in_the_field_are_an_event_of_the_reader():
    channel = Channel()
    assert channel.do("unread", entry=2, why="two_cards") == {"id": 1}
    assert channel.events == [("unread", 2, "two_cards")]


def test_time_that_passed_wakes_whoever_waits_for_it():
    channel = Channel()
    assert channel.do("later", ms=30000) == channel.do("later", ms=500) == {"id": 1}
    assert channel.ahead_ms == 30500 and channel.events == [("time",), ("time",)]


def test_who_watches_gets_the_display_at_once_and_behind_every_screen():
    channel = Channel()
    screen = event(channel, "screen", (("●", "", "", "", ""),))
    assert screen.count("\n") == 1
    obey(channel, b'{"id": 1, "do": "watch"}')
    first, answer = map(json.loads, channel.written)
    assert first == {"event": "pixels", "pixels": "00" * 1024} and answer == {"id": 1}
    channel.pixels = b"\x01" + bytes(1023)
    shown, pixels = map(json.loads, event(channel, "screen", (("○",) * 5,)).splitlines())
    assert shown["event"] == "screen" and pixels["pixels"] == channel.pixels.hex()
    assert event(channel, "no_link", ("why",)).count("\n") == 1


def said_in_the_readme(start: str) -> list[dict]:
    """The JSON that opens a row of a table in the README."""
    text = (Path(unix_commands.__file__).parents[1] / "README.md").read_text()
    return [json.loads(row) for row in re.findall(r"^\| `(\{" + start + r".*?\})` \|", text, re.M)]


def test_the_readme_has_every_command_and_each_does_what_it_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unix_commands, "power_off", lambda code: None)
    rows = said_in_the_readme('"id"')
    assert {row["do"] for row in rows} == {*unix_commands.COMMANDS, *unix_commands.PLAYED}
    with Counter() as counter:
        channel = Channel(counter.boot())
        for row in rows:
            if row["do"] != "outbox":
                obey(channel, json.dumps(row).encode())
        assert channel.written and not [line for line in channel.written if "error" in line]


def test_the_readme_has_every_event_with_every_name():
    rows = {row["event"]: list(row) for row in said_in_the_readme('"event"')}
    named = {names[0]: {"event", *names[1:]} for names in unix_commands.EVENTS}
    named["settled"] = {"event", *unix_commands.SETTLED}
    named["ready"] |= {"runtime", "terminal_id"}
    named["pixels"] = {"event", "pixels"}
    named["slip"] = {"event", "copy", "lines"}
    assert {kind: set(names) for kind, names in rows.items()} == named
