"""A folder with the whole content of a handset's flash, made of a key file and a few settings.

The folder is flat, as the flash is: `main.py` and the linked program, `settings`, `font`,
`ca.der`, and for the unix board `outbox.flash`. `manifest.json` names what goes on flash, with its
digest, and `symbols` reads a traceback's short names back: those two stay here. Law: it appears
whole under its name or not at all, no folder that is there is written into (a handset's taps may
lie in it), and only its owner can read it, for the terminal's key stands in its settings.

The outbox of hardware boards is a partition, no file: `pointwire device copy` formats it there.
"""

import json
import os
import secrets
import shutil
import ssl
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509

from firmware import VERSION, settings
from firmware.board.flash_file import FlashFile
from firmware.errors import FontError
from firmware.font import Font
from firmware.outbox import format_outbox
from firmware.settings import Settings
from protocol.limits import U32_MAX
from tools import font, handset_program
from tools.errors import NotReady, Refused, Unwritable
from tools.handset_program import SYMBOLS, UNIX
from tools.handset_settings import CA_PATH, NOTHING, has_tls

MANIFEST = "manifest.json"
SETTINGS = "settings"
OUTBOX = "outbox.flash"
FONT = "font"
MAIN = "main.py"
STAYS = (MANIFEST, SYMBOLS, OUTBOX)  # what is in the folder and is not copied to a board
_PEM = "-----BEGIN CERTIFICATE-----"


class Prepared(NamedTuple):
    """A prepared folder: `files` maps each file of the flash to its SHA-256 in hex."""

    folder: Path
    board: str
    terminal_id: int
    epoch: int
    outbox_blocks: int
    files: dict[str, str]
    frozen: bool


def fresh_journal() -> int:
    """A journal that no handset had before (32 random bits, as a handset draws them)."""
    return secrets.randbelow(U32_MAX) + 1


def write_outbox(path: Path, blocks: int, journal: int | None = None) -> None:
    """A formatted outbox for the unix board, under its name when it is whole."""
    beside = path.with_name("outbox.new")
    beside.unlink(missing_ok=True)
    device = FlashFile(str(beside), blocks)
    format_outbox(device, fresh_journal() if journal is None else journal)
    device.close()
    os.replace(beside, path)


def prepare(folder: Path, made: Settings, board: str, ca: Path | None, font_file: Path | None,
            now: datetime, frozen: bool = False) -> Prepared:
    """Make the folder. `frozen`: the program is in the board's image, and only what is beside it
    is written. `font_file` None: built of GNU Unifont, where the handset speaks Chinese."""
    if folder.exists() or folder.is_symlink():
        raise Refused(f"{folder} is there already, and may hold a handset's taps. {NOTHING} "
                      "Name a folder that is not there, or remove that one.")
    if frozen and board == UNIX:
        raise Refused(f"the unix board has no image with a program in it. {NOTHING} "
                      "Leave out --frozen.")
    der = _ca_of(made, board, ca, now)
    beside = _beside(folder)
    try:
        if not frozen:
            handset_program.write(beside, board)
        os.chmod(beside, 0o700)  # before the key is in it
        _put_font(beside, font_file, made.language)
        if der is not None:
            (beside / CA_PATH.lstrip("/")).write_bytes(der)
        (beside / SETTINGS).write_bytes(settings.encode(made))
        os.chmod(beside / SETTINGS, 0o600)
        if board == UNIX:
            write_outbox(beside / OUTBOX, made.outbox_blocks)
        prepared = Prepared(folder, board, made.terminal_id, made.epoch, made.outbox_blocks, {
            each.name: digest(each.read_bytes()) for each in sorted(beside.iterdir())
            if each.name not in STAYS}, frozen)
        (beside / MANIFEST).write_text(json.dumps(
            {"version": VERSION, **prepared._asdict(), "folder": None}, indent=1) + "\n")
        beside.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return prepared


# An empty folder of ours. One of that name may be somebody's prepared handset, too.
def _beside(folder: Path) -> Path:
    beside = folder.with_name(folder.name + ".new")
    try:
        beside.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise Refused(f"{beside} is there already: another folder of yours, or what broke off "
                      f"(the terminal's key may be in it). {NOTHING} Remove it, or name another "
                      "folder.") from None
    except OSError as error:
        raise _unwritable(folder, error) from None
    return beside


def _unwritable(folder: Path, error: OSError) -> Unwritable:
    return Unwritable(f"{folder}: {error.strerror or error}. No handset was prepared; put this "
                      "right and say it again.")


def read(folder: Path) -> Prepared:
    """A folder as `prepare` left it: each file is there, and as it was."""
    try:
        said: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        found = Prepared(folder, said["board"], said["terminal_id"], said["epoch"],
                         said["outbox_blocks"], said["files"], said["frozen"])
        changed = [name for name, wanted in found.files.items()
                   if digest((folder / name).read_bytes()) != wanted]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotReady(f"{folder} is no whole folder of `pointwire device prepare`. Nothing was "
                       "copied; prepare it again.") from None
    if changed:
        raise Refused(f"{folder}: {', '.join(changed)} changed since it was prepared. Nothing was "
                      "copied; prepare it again.")
    return found


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _ca_of(made: Settings, board: str, path: Path | None, now: datetime) -> bytes | None:
    """The broker's CA in DER, which is all that MicroPython reads."""
    if board == UNIX or not has_tls(made):
        if path is not None:
            raise Refused(f"a CA is for boards of hardware with tls 1. {NOTHING} Leave out --ca.")
        return None
    if path is None:
        raise Refused(f"no CA, and the handset believes no server without one. {NOTHING} Name the "
                      "broker's CA (PEM) with --ca.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotReady(f"{path}: {error.strerror}. {NOTHING}") from None
    return ca_der(data, str(path), now)


def ca_der(data: bytes, name: str, now: datetime) -> bytes:
    """One certificate, of a CA, in force: PEM or DER in, DER out."""
    text = data.decode("ascii", "replace")
    try:
        if text.count(_PEM) > 1:
            raise Refused(f"{name} has {text.count(_PEM)} certificates, and the handset believes "
                          f"one CA. {NOTHING} Leave only the CA that signed the broker's own.")
        if _PEM in text:
            data = ssl.PEM_cert_to_DER_cert(text[text.index(_PEM):].strip())
        found = x509.load_der_x509_certificate(data)
        extensions = found.extensions
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension):
        raise Refused(f"{name} is no certificate, neither PEM nor DER. {NOTHING}") from None
    if now >= found.not_valid_after_utc or now < found.not_valid_before_utc:
        raise Refused(f"{name} is in force from {found.not_valid_before_utc:%Y-%m-%d} to "
                      f"{found.not_valid_after_utc:%Y-%m-%d}, not today: no handset would "
                      f"connect. {NOTHING}")
    try:
        is_ca = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    if not is_ca:
        raise Refused(f"{name} is no CA's certificate (basic constraints): it cannot vouch for a "
                      f"broker. {NOTHING} Name the CA that signed the broker's own.")
    return data


def _put_font(folder: Path, source: Path | None, language: str) -> None:
    path = folder / FONT
    if source is not None:
        try:
            Font(str(source)).close()
        except FontError as error:
            raise NotReady(f"{source}: {error}. {NOTHING} pointwire device font builds one."
                           ) from None
        shutil.copyfile(source, path)
    elif language == "zh":
        letters = font.ascii_letters() + font.gb2312(font.ALL)
        font.write(font.build(font.read_hex(font.UNIFONT), letters), path)
