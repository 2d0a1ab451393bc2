"""`pointwire device`: what a handset's flash is filled with."""

import json
import tempfile
from pathlib import Path

import click

from tools import font

LETTERS = {
    "gb2312": font.ALL,
    "level1": (font.SYMBOLS, font.LEVEL_1),
}


@click.group()
def device() -> None:
    """What a handset's flash is filled with."""


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
