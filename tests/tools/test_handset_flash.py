"""A prepared folder is whole, private, fits its board, and never covers a handset's taps."""

import csv
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from firmware import settings
from firmware.board.flash_file import FlashFile
from firmware.font import Font
from firmware.outbox import Outbox
from tests.support import air, micropython
from tests.support.handset_process import pseudo_font
from tests.support.micropython import need_micropython
from tools import font, handset_flash, handset_program
from tools.device import device
from tools.errors import NotReady, Refused, ToolError, Unwritable
from tools.handset_flash import MANIFEST, ca_der, read, write_outbox

NOW = datetime.now(UTC)
KEY = "c0ffee" * 10 + "beef"
HARDWARE = ("--board", "esp32-sim800", "--set", "apn=cmnet")

# the blocks that are left of so many when these files stand in littlefs
LITTLEFS = """
import os, sys, vfs
class Ram:
    def __init__(self, blocks): self.blocks, self.data = blocks, bytearray(blocks * 4096)
    def readblocks(self, block, into, offset=0):
        at = block * 4096 + offset
        into[:] = self.data[at:at + len(into)]
    def writeblocks(self, block, data, offset=0):
        at = block * 4096 + offset
        self.data[at:at + len(data)] = data
    def ioctl(self, what, _): return {4: self.blocks, 5: 4096}.get(what, 0)
ram = Ram(int(sys.argv[1]))
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/flash")
for name in sys.argv[3:]:
    with open(sys.argv[2] + "/" + name, "rb") as source, open("/flash/" + name, "wb") as file:
        file.write(source.read())
print(os.statvfs("/flash")[3])
"""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"terminal_id": 10000042, "epoch": 1, "key_hex": KEY}))
    path.chmod(0o600)
    return path


@pytest.fixture
def run(tmp_path: Path, keys: Path):
    need_micropython()
    pseudo_font(tmp_path / "font")

    def prepared(*arguments: str, **env: str) -> Result:
        return CliRunner().invoke(device, [
            "prepare", str(tmp_path / "out"), "--keys", str(keys), "--broker", "b.example:8883",
            "--font", str(tmp_path / "font"), *arguments], env=env)
    return prepared


def test_a_unix_handset_has_program_settings_font_and_an_outbox_of_its_own(tmp_path, run):
    done = run("--board", "unix", "--set", "outbox_blocks=16")
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    assert {"main.py", "program0.mpy", "settings", "font", "outbox.flash", "symbols",
            MANIFEST} <= {each.name for each in out.iterdir()}
    made = settings.read(str(out / "settings"))
    assert (made.terminal_id, made.key.hex(), made.mqtt_host) == (10000042, KEY, "b.example")
    outbox = Outbox(FlashFile(str(out / "outbox.flash"), 16))
    outbox.mount()
    assert outbox.journal and not outbox.unsettled
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert stat.S_IMODE((out / "settings").stat().st_mode) == 0o600
    assert not (tmp_path / "out.new").exists()


def test_no_two_prepared_outboxes_begin_the_same_journal(tmp_path):
    journals = set()
    for name in "abcd":
        write_outbox(tmp_path / name, 8)
        outbox = Outbox(FlashFile(str(tmp_path / name), 8))
        outbox.mount()
        journals.add(outbox.journal)
    assert len(journals) == 4


def test_a_board_of_hardware_gets_its_ca_in_der_and_no_outbox(tmp_path, run):
    made = air.certificate(tmp_path)
    done = run(*HARDWARE, "--ca", str(made.authority), "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert {"ca.der", "font", "main.py", "settings"} < set(said["files"])
    assert not {"outbox.flash", "symbols", MANIFEST} & set(said["files"])
    assert (tmp_path / "out" / "ca.der").read_bytes()[:1] == b"\x30"
    assert ("ca_file", "/ca.der") in settings.read(str(tmp_path / "out" / "settings")).others


def test_what_is_prepared_fits_the_smallest_flash_with_room_to_spare(tmp_path, run):
    font.write(font.build(font.read_hex(font.UNIFONT), font.ascii_letters()
                          + font.gb2312(font.ALL)), tmp_path / "font")
    assert run(*HARDWARE, "--set", "tls=0").exit_code == 0
    table = (handset_program.ROOT / "firmware/board/image/POINTWIRE_ESP32/partitions.csv")
    rows = [row for row in csv.reader(table.read_text().splitlines()) if row[0] == "vfs"]
    names = sorted(read(tmp_path / "out").files)
    free = micropython.run(LITTLEFS, (str(int(rows[0][4], 16) // 4096), str(tmp_path / "out"),
                                      *names), heap="16M")
    # what a handset writes besides: crash log, operators, settings beside the old ones
    assert int(free) > 16


def test_an_image_with_the_program_in_it_gets_what_is_beside_it(tmp_path, run):
    assert run(*HARDWARE, "--set", "tls=0", "--frozen").exit_code == 0
    assert set(read(tmp_path / "out").files) == {"settings", "font"}
    refused = run("--board", "unix", "--frozen")
    assert refused.exit_code and isinstance(refused.exception, Refused)


def test_a_handset_that_speaks_english_needs_no_font(tmp_path, keys, monkeypatch):
    need_micropython()
    monkeypatch.setattr(font, "UNIFONT", tmp_path / "none")
    for language, works in (("zh", False), ("en", True)):
        done = CliRunner().invoke(device, [
            "prepare", str(tmp_path / "out"), "--keys", str(keys), "--broker", "b:1", "--board",
            "unix", "--set", f"language={language}"])
        assert (done.exit_code == 0) is works
        assert (tmp_path / "out").exists() is works


def test_a_folder_that_is_there_is_never_written_into(tmp_path, run):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "outbox.flash").write_bytes(b"taps")
    done = run("--board", "unix")
    assert isinstance(done.exception, Refused) and "taps" in str(done.exception)
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["outbox.flash"]


def test_a_folder_beside_it_of_the_name_it_would_take_is_not_removed(tmp_path, run):
    (tmp_path / "out.new").mkdir()
    (tmp_path / "out.new" / "outbox.flash").write_bytes(b"taps")
    done = run("--board", "unix")
    assert isinstance(done.exception, Refused) and "Nothing was written" in str(done.exception)
    assert (tmp_path / "out.new" / "outbox.flash").read_bytes() == b"taps"
    assert not (tmp_path / "out").exists()


def test_the_key_and_the_pin_are_told_nowhere(tmp_path, run):
    secret = {"POINTWIRE_HANDSET_SIM_PIN": "73571113"}
    for more in ((), ("--json",)):
        done = run(*HARDWARE, "--set", "tls=0", *more, **secret)
        assert done.exit_code == 0
        assert not [each for each in (KEY, "73571113") if each in done.output]
        manifest = (tmp_path / "out" / MANIFEST).read_text()
        assert KEY not in manifest and "73571113" not in manifest
        (tmp_path / "out").rename(tmp_path / f"out{len(more)}")
    assert b"sim_pin=73571113" in (tmp_path / "out0" / "settings").read_bytes()


@pytest.mark.parametrize(("arguments", "why"), [
    (HARDWARE, "--ca"),
    (("--board", "unix", "--ca", "{ca}"), "Leave out --ca"),
    ((*HARDWARE, "--ca", "{server}"), "no CA's certificate"),
    ((*HARDWARE, "--ca", "{both}"), "2 certificates"),
    ((*HARDWARE, "--ca", "{junk}"), "neither PEM nor DER"),
    ((*HARDWARE, "--ca", "{none}"), "No such file"),
    (("--board", "unix", "--font", "{junk}"), "font damaged"),
])
def test_what_would_not_work_is_refused_before_a_folder_stands_there(tmp_path, run, arguments,
                                                                     why):
    made = air.certificate(tmp_path)
    both, junk = tmp_path / "both.pem", tmp_path / "junk"
    both.write_bytes(made.chain.read_bytes() + made.authority.read_bytes())
    junk.write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    names = {"ca": made.authority, "server": made.chain, "both": both, "junk": junk,
             "none": tmp_path / "none"}
    done = run(*[each.format(**names) for each in arguments])
    assert isinstance(done.exception, ToolError) and why in str(done.exception), done.output
    assert "Nothing was written" in str(done.exception)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.new").exists()


def test_a_ca_counts_only_while_it_is_in_force(tmp_path):
    data = air.certificate(tmp_path).authority.read_bytes()
    der = ca_der(data, "ca", NOW)
    assert ca_der(der, "ca", NOW) == der
    for days in (-401, 401):
        with pytest.raises(Refused, match="in force from"):
            ca_der(data, "ca", NOW + timedelta(days=days))


# whichever part of it is damaged: cryptography reads the extensions later than the rest
def test_a_damaged_ca_is_no_certificate_wherever_the_damage_is(tmp_path):
    der = ca_der(air.certificate(tmp_path).authority.read_bytes(), "ca", NOW)
    told = set()
    for at in range(len(der)):
        try:
            ca_der(der[:at] + bytes([der[at] ^ 0x11]) + der[at + 1:], "ca", NOW)
        except Refused as refused:
            told.add(str(refused).partition(".")[0])
    assert "ca is no certificate, neither PEM nor DER" in told


def test_a_prepared_folder_that_was_changed_or_cut_is_not_copied(tmp_path, run):
    assert run("--board", "unix").exit_code == 0
    out = tmp_path / "out"
    assert read(out).terminal_id == 10000042
    Font(str(out / "font")).close()
    (out / "font").write_bytes(b"other")
    with pytest.raises(Refused, match="font changed"):
        read(out)
    (out / "font").unlink()
    with pytest.raises(NotReady, match="no whole folder"):
        read(out)
    with pytest.raises(NotReady):
        read(tmp_path / "nowhere")
    said = json.loads((out / MANIFEST).read_text())
    for manifest in (json.dumps({**said, "files": []}), "[" * 100_000):
        (out / MANIFEST).write_text(manifest)
        with pytest.raises(NotReady, match="no whole folder"):
            read(out)


def test_a_fault_of_the_disk_leaves_nothing_behind(tmp_path, run, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(handset_flash, "write_outbox", full)
    done = run("--board", "unix")
    assert "No space left" in str(done.exception) and "No handset" in str(done.exception)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.new").exists()


def test_no_room_for_the_settings_is_one_line_too(tmp_path, run, monkeypatch):
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "settings":
            raise OSError(28, "No space left on device")
        return write(path, data)
    monkeypatch.setattr(Path, "write_bytes", full)
    done = run("--board", "unix")
    assert isinstance(done.exception, Unwritable) and "No handset" in str(done.exception)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.new").exists()
