"""`pointwire device`: what a handset's flash is filled with, and how it gets there."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from firmware import settings
from tools import font, handset_flash, handset_program, handset_settings

LETTERS = {
    "gb2312": font.ALL,
    "level1": (font.SYMBOLS, font.LEVEL_1),
}


@click.group()
def device() -> None:
    """What a handset's flash is filled with, and how it gets there."""


@device.command("font")
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/device/font"),
              show_default=True, help="Where the file goes.")
@click.option("--source", type=click.Path(path_type=Path), default=font.UNIFONT,
              show_default=True, help="GNU Unifont in its .hex format (Debian package unifont).")
@click.option("--letters", type=click.Choice(sorted(LETTERS)), default="gb2312",
              show_default=True,
              help="ASCII and symbols, and of GB 2312 all 6,763 Chinese letters or the 3,755 of "
                   "level 1.")
@click.option("--also", default="", metavar="TEXT",
              help="Letters besides, for instance rare ones of members' names.")
@click.option("--json", "as_json", is_flag=True, help="Say what was built as one line of JSON.")
def font_command(out: Path, source: Path, letters: str, also: str, as_json: bool) -> None:
    """Build the handset's font file: 16 pixels, read from flash letter by letter.

    The glyphs are GNU Unifont's, and so is the license of the file: GPL-2+ with the font
    embedding exception, or SIL OFL 1.1.
    """
    wanted = font.ascii_letters() + font.gb2312(LETTERS[letters]) + also
    built = font.build(font.read_hex(source), wanted)
    font.write(built, out)
    if as_json:
        click.echo(json.dumps({"file": str(out), "bytes": len(built.data),
                               "letters": built.letters, "missing": built.missing},
                              ensure_ascii=False))
        return
    click.echo(f"{out}: {built.letters:,} letters, {len(built.data):,} bytes.")
    if built.missing:
        click.echo(f"Not in {source}, drawn as boxes: {built.missing}", err=True)


def _broker(_: object, __: object, value: str | None) -> dict[str, int | str]:
    if value is None:
        return {}
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise click.BadParameter(f"{value[:80]!r} is no HOST:PORT. Nothing was written.")
    return {"mqtt_host": host, "mqtt_port": int(port)}


@device.command("prepare", short_help="Make a folder with all that goes on a handset's flash.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", type=click.Choice(list(handset_program.BOARDS)), required=True,
              help="What the handset is built on (firmware/README.md has their parts).")
@click.option("--keys", "keys_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Head office's key file, mode 0600 (pointwire gateway terminal provision); "
                   f"else its content in {handset_settings.KEYS_VARIABLE}.")
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Settings in TOML, or JSON (.json); mode 0600 where apn_key, sim_pin or "
                   "wifi_key stand in it.")
@click.option("--broker", callback=_broker, metavar="HOST:PORT", help="The MQTT broker.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE",
              help="One more setting; over the file's. No secrets: they come from "
                   f"{handset_settings.SECRET_VARIABLE}APN_KEY, ..._SIM_PIN, ..._WIFI_KEY.")
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE",
              help="The CA that signed the broker's certificate, PEM or DER.")
@click.option("--font", "font_file", type=click.Path(path_type=Path), metavar="FILE",
              help="A font file (pointwire device font); without it one is built for a handset "
                   "that speaks Chinese, and one that speaks English has none.")
@click.option("--frozen", is_flag=True,
              help="The board's image has the program in it: write only what is beside it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was made as one line of JSON.")
def prepare_command(folder: Path, board: str, keys_file: Path | None, settings_file: Path | None,
                    broker: dict[str, int | str], pairs: tuple[str, ...], ca: Path | None,
                    font_file: Path | None, frozen: bool, as_json: bool) -> None:
    """Make FOLDER with all that goes on a handset's flash: program, settings, font, CA, and for
    the unix board a formatted outbox. It holds the terminal's key: only you can read it."""
    who = handset_settings.read_keys(keys_file, os.environ)
    values = handset_settings.read_values(settings_file) if settings_file else {}
    values |= {**broker, **handset_settings.read_pairs(pairs),
               **handset_settings.secrets_of(os.environ)}
    made = handset_settings.settings_of(who, values, board)
    done = handset_flash.prepare(folder, made, board, ca, font_file, datetime.now(UTC), frozen)
    size = sum((folder / name).stat().st_size for name in done.files)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "board": board, "bytes": size,
                               "terminal_id": done.terminal_id, "epoch": done.epoch,
                               "files": sorted(done.files), "frozen": frozen}))
        return
    click.echo(f"{folder}: terminal {done.terminal_id}, key epoch {done.epoch}, {board}: "
               f"{len(done.files)} files, {size:,} bytes.")
    click.echo("The terminal's key is in it: remove the folder once the handset works.", err=True)


@device.command("copy", short_help="Copy a prepared folder onto a connected board.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--port", required=True, help="The board's serial port, e.g. /dev/ttyUSB0.")
@click.option("--erase-outbox", "erase", is_flag=True,
              help="Erase the outbox, also where it holds unsent taps: those are lost for good. "
                   "It asks, and says how many.")
@click.option("--yes", is_flag=True, help="Do not ask before unsent taps are erased.")
@click.option("--json", "as_json", is_flag=True, help="Say what was done as one line of JSON.")
def copy_command(folder: Path, port: str, erase: bool, yes: bool, as_json: bool) -> None:
    """Copy FOLDER (of `prepare`) onto the board at a serial port, with mpremote, and compare
    what landed. The outbox stays where it holds taps; a blank one is formatted.

    Hold * and # while switching the handset on: its program then does not start.
    """
    from tools import handset_copy
    from tools.board_link import open_board
    prepared = handset_flash.read(folder)
    with open_board(port) as board:
        seen, there = handset_copy.look(board, prepared)
        made = settings.read(str(folder / handset_flash.SETTINGS))
        plan = handset_copy.decide(seen, there, made, erase)
        if erase and not yes and (seen.fault or seen.unsent):
            what = f"{seen.unsent} unsent taps" if not seen.fault else "an outbox nobody can read"
            click.confirm(f"Erase {what}? They are lost for good", abort=True, err=True)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            done = handset_copy.copy(
                board, prepared, plan, seen,
                lambda name, sent, total: bar.update(task, description=name, completed=sent,
                                                     total=total))
    if as_json:
        click.echo(json.dumps({"port": port, "terminal_id": prepared.terminal_id,
                               "sent": sorted(done.sent), "same": done.same,
                               "outbox_formatted": bool(plan.formatted),
                               "taps_erased": plan.lost, "unsent": done.unsent}))
        return
    click.echo(f"{port}: terminal {prepared.terminal_id}: {len(done.sent)} files sent, "
               f"{done.same} were there, all compared.")
    click.echo(f"Outbox: formatted ({plan.formatted}); {plan.lost} unsent taps erased."
               if plan.formatted else f"Outbox: kept, {done.unsent} unsent.")
    click.echo("Switch the handset off and on.", err=True)


@device.command("screens")
@click.option("--out", type=click.Path(path_type=Path), default=Path("firmware/screens.png"),
              show_default=True, help="Where the picture goes.")
@click.option("--source", type=click.Path(path_type=Path), default=font.UNIFONT,
              show_default=True, help="GNU Unifont in its .hex format (Debian package unifont).")
def screens_command(out: Path, source: Path) -> None:
    """Draw every screen of the handset, in both languages, as one picture (PNG)."""
    from firmware.font import Font
    from tools import screens
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "font"
        font.write(font.build(font.read_hex(source), font.ascii_letters()
                              + font.gb2312(LETTERS["gb2312"])), path)
        read = Font(str(path))
        screens.save(screens.sheet(read), out)
        read.close()
    click.echo(f"{out}: {len(screens.SCENES)} screens in {len(screens.LANGUAGES)} languages.")
