"""`pointwire device font` as a person runs it."""

import json
from pathlib import Path

from click.testing import CliRunner

from firmware.font import Font
from tools.device import device

HEX = "0041:" + "00182442" * 4 + "\n5F20:" + "0102030405060708" * 4 + "\n"


def test_the_font_is_built_and_what_is_missing_is_said(tmp_path: Path):
    (tmp_path / "hex").write_text(HEX)
    out = tmp_path / "new" / "font"
    done = CliRunner().invoke(device, ["font", "--source", str(tmp_path / "hex"), "--out",
                                       str(out), "--letters", "level1", "--also", "喆"])
    assert done.exit_code == 0
    assert f"{out}: 2 letters" in done.stdout and "喆" in done.stderr
    read = Font(str(out))
    assert read.find("A") and read.find("张") and not read.find("喆")
    read.close()


def test_a_script_gets_one_line_of_json(tmp_path: Path):
    (tmp_path / "hex").write_text(HEX)
    out = tmp_path / "font"
    done = CliRunner().invoke(device, ["font", "--source", str(tmp_path / "hex"), "--out",
                                       str(out), "--json"])
    said = json.loads(done.stdout)
    assert (said["file"], said["bytes"], said["letters"]) == (str(out), out.stat().st_size, 2)
    assert "喆" not in said["missing"] and "王" in said["missing"]
