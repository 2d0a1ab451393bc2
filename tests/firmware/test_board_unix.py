"""The unix board as a real process, on CPython and MicroPython: a shop day, power, bad files."""

import subprocess
from binascii import crc32
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.board.flash_file import CUT_EXIT_CODE, FlashFile
from firmware.outbox import Outbox
from firmware.outbox_format import VERSION, read_header, write_header
from tests.firmware.bars import plain_bar
from tests.firmware.shop import CARD, CREDENTIALS, TERMINAL_ID, Shop, settings_for
from tests.support.handset_process import BLOCKS, Handset, provision
from tests.support.tiny_gateway import TinyGateway
from tools import handset_program

Start = Callable[[], Handset]


def in_outbox(folder: Path) -> dict[tuple[int, int], bool]:
    """(journal, trace) of every tap in the flash file, and whether it is settled."""
    device = FlashFile(str(folder / "outbox.flash"), BLOCKS)
    outbox = Outbox(device)
    outbox.mount()
    found = {(each.journal, each.trace): each.settled is not None for each in outbox.records()}
    device.close()
    return found


def test_a_sale_and_an_inquiry_over_a_real_socket(command: list[str], tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port))
        with Handset(folder, command) as handset:
            ready = handset.event("ready")
            assert ready["terminal_id"] == TERMINAL_ID and ready["journal"] == 7
            handset.event("link", up=True)
            assert handset.sale("1250", CARD) == {
                "event": "saved", "journal": 7, "trace": 1, "type": 1, "original": None}
            assert handset.event("settled") == {
                "event": "settled", "journal": 7, "trace": 1, "code": 0, "points": 12,
                "balance": 1012, "receipt": 1000, "member": "王*", "tier": "银卡"}
            assert handset.do("outbox")["outbox"] == [{
                "journal": 7, "trace": 1, "type": 1, "amount_minor": 1250, "card_last4": "7892",
                "settled": True, "code": 0, "points": 12, "receipt": 1000, "original": None}]
            handset.event("screen", lines=[
                plain_bar(), "Posted +12", "Balance 1012", "王* 银卡", "REF 1000"])
            handset.do("keys", keys="A")
            handset.do("card", entry=1, card={"uid": "01020304"})
            handset.event("screen", lines=[plain_bar(), "王* 银卡", "Balance 1012", "", ""])
            assert handset.do("status")["up"] is True
    assert list(shop.posted) == [(7, 1)]


def test_the_radio_switched_off_keeps_the_tap_and_on_again_posts_it(command: list[str],
                                                                    tmp_path: Path):
    shop = Shop()
    with TinyGateway(CREDENTIALS, shop.answer) as gateway:
        folder = provision(tmp_path / "handset", settings_for(gateway.port, language="zh"))
        with Handset(folder, command) as handset:
            handset.event("link", up=True)
            handset.do("link", up=False)
            assert handset.event("link", up=False)["why"] == "the radio is off"
            handset.sale("1250", CARD)
            status = handset.do("status")
            assert (status["up"], status["radio_on"], status["unsettled"]) == (False, False, 1)
            assert handset.do("screen")["lines"][:2] == [plain_bar(False, 1), "已保存 发送中"]
            handset.do("link", up=True)
            handset.event("settled", journal=7, trace=1)
    assert list(shop.posted) == [(7, 1)]


def test_both_interpreters_show_the_same_pixels(staged: list[str], tmp_path: Path):
    shown = []
    for name, command in (("c", handset_program.cpython_command()), ("m", staged)):
        folder = provision(tmp_path / name, settings_for(1, language="zh"))
        with Handset(folder, command) as handset:
            seen = []
            handset.event("screen")
            for key in "125#**D":
                handset.do("keys", keys=key)
                lines = handset.event("screen")["lines"]
                assert handset.do("screen")["lines"] == lines
                seen.append((lines, handset.do("pixels")["pixels"]))
            shown.append(seen)
    assert shown[0] == shown[1]
    assert all(len(pixels) == 2048 for _, pixels in shown[0])
    assert len({pixels for _, pixels in shown[0]}) == 6


# -- power ---------------------------------------------------------------------------------------


def test_a_tap_said_to_be_saved_outlives_the_power_and_is_named_at_the_next_boot(
        start: Start, folder: Path):
    handset = start()
    handset.sale("1250", CARD)
    handset.send('{"id": 99, "do": "cut"}')
    assert handset.end() == CUT_EXIT_CODE
    assert in_outbox(folder) == {(7, 1): False}
    again = start()
    assert again.do("screen")["lines"] == [plain_bar(False, 1), "Last saved tap",
                                           "not yet posted", "Card ..7892", "TRACE 1 12.50"]
    assert again.do("status")["boot_count"] == 2


@pytest.mark.parametrize("operations", [0, 1, 2])
def test_power_that_goes_inside_a_flash_operation_loses_no_tap_that_was_promised(
        start: Start, folder: Path, operations: int):
    handset = start()
    handset.sale("500", CARD)
    handset.do("cut", after_flash_ops=operations)
    for number in range(4):
        handset.send(f'{{"do": "keys", "keys": "*125{number}#"}}')
        handset.send(f'{{"do": "card", "entry": 2, "card": "{CARD}"}}')
    assert handset.end() == CUT_EXIT_CODE
    promised = {(each["journal"], each["trace"]) for each in handset.said
                if each.get("event") == "saved"}
    assert len(promised) == 1 + operations
    again = start()
    kept = {(each["journal"], each["trace"]) for each in again.do("outbox")["outbox"]}
    assert promised <= kept
    assert again.sale("100", CARD)["trace"] > max(trace for _, trace in kept)


def test_a_handset_does_not_outlive_the_one_who_drives_it(start: Start):
    handset = start()
    assert handset.process.stdin is not None
    handset.process.stdin.close()
    assert handset.end() == 0


# -- bad files -----------------------------------------------------------------------------------


def ended(command: list[str], folder: Path | None) -> tuple[int, str]:
    """Exit code and everything said, by a handset whose driver hangs up at once."""
    arguments = [str(folder)] if folder else []
    done = subprocess.run([*command, *arguments], input=b"", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=handset_program.ROOT, timeout=30,
                          env=handset_program.environment(), check=False)
    return done.returncode, done.stdout.decode()


def with_value(folder: Path, old: bytes, new: bytes) -> None:
    """Other settings under a right CRC."""
    body = (folder / "settings").read_bytes().split(b"\n", 1)[1]
    assert old in body
    body = body.replace(old, new)
    (folder / "settings").write_bytes(b"pointwire settings 1 %08x\n" % crc32(body) + body)


def _remove(folder: Path) -> None:
    (folder / "settings").unlink()


def _a_folder(folder: Path) -> None:
    _remove(folder)
    (folder / "settings").mkdir()


def _flip(folder: Path) -> None:
    data = bytearray((folder / "settings").read_bytes())
    data[-3] ^= 1
    (folder / "settings").write_bytes(data)


BAD_SETTINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (_remove, "provision"),
    "a folder": (_a_folder, "provision"),
    "empty": (lambda f: (f / "settings").write_bytes(b""), "not a settings file"),
    "noise": (lambda f: (f / "settings").write_bytes(bytes(range(256))), "not a settings file"),
    "torn": (lambda f: (f / "settings").write_bytes((f / "settings").read_bytes()[:-9]), "CRC"),
    "one bit": (_flip, "CRC"),
    "no port": (lambda f: with_value(f, b"mqtt_port=1\n", b""), "mqtt_port is missing"),
    "port 0": (lambda f: with_value(f, b"mqtt_port=1\n", b"mqtt_port=0\n"), "mqtt_port"),
    "port x": (lambda f: with_value(f, b"mqtt_port=1\n", b"mqtt_port=x\n"), "unreadable value"),
    "no hex": (lambda f: with_value(f, b"key=00", b"key=zz"), "unreadable value"),
    "no UTF-8": (lambda f: with_value(f, b"host=1", b"host=\xff"), "unreadable value"),
}


@pytest.mark.parametrize("harm", BAD_SETTINGS)
def test_settings_that_cannot_be_used_are_one_clear_line_and_an_exit_code(
        command: list[str], folder: Path, harm: str):
    break_it, said = BAD_SETTINGS[harm]
    break_it(folder)
    flash = (folder / "outbox.flash").read_bytes()
    code, text = ended(command, folder)
    assert code == 2 and text.startswith("handset: settings: ") and said in text
    assert text.count("\n") == 1 and "Traceback" not in text
    assert (folder / "outbox.flash").read_bytes() == flash


def test_a_folder_that_does_not_exist_is_said(command: list[str], tmp_path: Path):
    code, text = ended(command, tmp_path / "nowhere")
    assert code == 2 and text.count("\n") == 1 and str(tmp_path / "nowhere") in text


def test_no_folder_at_all_is_said(command: list[str]):
    code, text = ended(command, None)
    assert code == 2 and text.count("\n") == 1 and text.startswith("handset: ")


def test_an_outbox_file_that_cannot_be_opened_is_said(command: list[str], folder: Path):
    (folder / "outbox.flash").unlink()
    (folder / "outbox.flash").mkdir()
    code, text = ended(command, folder)
    assert code == 2 and text.count("\n") == 1 and text.startswith("handset: ")


def _cut_off(size: int) -> Callable[[Path], object]:
    return lambda f: (f / "outbox.flash").write_bytes((f / "outbox.flash").read_bytes()[:size])


def _of_the_next_version(folder: Path) -> None:
    data = bytearray((folder / "outbox.flash").read_bytes())
    header = read_header(data[:32])
    assert header is not None
    write_header(data, header._replace(version=VERSION + 1))
    (folder / "outbox.flash").write_bytes(data)


BAD_FLASH: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda f: (f / "outbox.flash").unlink(), "blank"),
    "empty": (_cut_off(0), "blank"),
    "erased": (lambda f: (f / "outbox.flash").write_bytes(b"\xff" * 65536), "blank"),
    "inside its header": (_cut_off(16), "wrong_size"),
    "behind its newest block": (_cut_off(15 * 4096), "wrong_size"),
    "twice as long": (lambda f: (f / "outbox.flash").write_bytes(
        2 * (f / "outbox.flash").read_bytes()), "wrong_size"),
    "zeros": (lambda f: (f / "outbox.flash").write_bytes(bytes(65536)), "corrupt"),
    "of a newer program": (_of_the_next_version, "newer_version"),
    "of another size": (lambda f: with_value(f, b"outbox_blocks=16", b"outbox_blocks=32"),
                        "wrong_size"),
}


@pytest.mark.parametrize("harm", BAD_FLASH)
def test_an_outbox_that_cannot_be_read_is_a_named_screen_and_is_left_as_it_is(
        command: list[str], folder: Path, harm: str):
    break_it, reason = BAD_FLASH[harm]
    break_it(folder)
    before = (folder / "outbox.flash").read_bytes() if harm != "missing" else b""
    with Handset(folder, command) as handset:
        said = handset.event("recovery")
        assert said["reason"] == reason and said["why"]
        assert handset.do("screen")["lines"] == [plain_bar(False), "OUTBOX FAULT",
                                                 "No taps possible", "Call technician", reason]
        handset.do("keys", keys="1250#")
        handset.do("card", entry=2, card=str(CARD))
        assert "cannot be read" in handset.do("outbox")["error"]
        status = handset.do("status")
        assert status["state"] == "recovery" and status["journal"] is None
        assert not handset.noise
    assert (folder / "outbox.flash").read_bytes() == before


def test_a_boot_counter_that_cannot_be_read_starts_again(start: Start, folder: Path):
    (folder / "boot").write_bytes(b"\xff\xfe")
    assert start().do("status")["boot_count"] == 1


@pytest.mark.parametrize("damaged", [b"-5", b"4294967295"])
def test_a_boot_counter_that_no_message_has_room_for_starts_again(damaged: bytes, start: Start,
                                                                  folder: Path):
    (folder / "boot").write_bytes(damaged)
    assert start().do("status")["boot_count"] == 1
    assert (folder / "boot").read_bytes() == b"1\n"


def test_a_boot_counter_that_cannot_be_written_stops_nobody(start: Start, folder: Path):
    (folder / "boot").write_text("4")
    (folder / "boot.new").mkdir()
    assert start().do("status")["boot_count"] == 5
