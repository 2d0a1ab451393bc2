"""`pointwire recount`, and what `pointwire gateway statement --verify` calls.

Law: 0 equal, 1 differs, 2 nothing could be compared: one line says why.
"""

import os
import sys
from datetime import UTC, datetime
from typing import TextIO

import click
from sqlalchemy.exc import SQLAlchemyError

from tools.recount import showing
from tools.recount.boxes import Opener
from tools.recount.errors import RecountError
from tools.recount.reading import Archive, snapshot
from tools.recount.recount import recount
from tools.recount.result import Result, Statement

EXIT_EQUAL, EXIT_DIFFERS, EXIT_NOT_RUN = range(3)
DATABASE = "sqlite:///var/pointwire.sqlite3"
KEY_SIZE = 32


@click.command("recount", short_help="A merchant's statement worked out again from frames.")
@click.argument("statement", type=click.File("r", encoding="utf-8"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def command(statement: TextIO, as_json: bool) -> None:
    """Work out again, from the frames that handsets sent, what a statement says.

    STATEMENT: a file with what `pointwire gateway statement ... --json` printed, - for standard
    input. Needs POINTWIRE_DATABASE_URL and POINTWIRE_FRAME_KEY. Code 0 equal, 1 differs, 2 could
    not run."""
    sys.exit(verify(statement.read(), as_json))


def verify(stated: str, as_json: bool) -> int:
    """Says how a statement (JSON) compares with the frames; the exit code."""
    try:
        result = _compared(stated, quiet=as_json)
    except (RecountError, SQLAlchemyError, OSError) as fault:
        # what a driver says may repeat an address with its password
        told = str(fault) if isinstance(fault, RecountError) else (
            f"The database cannot be read ({type(fault).__name__}). Nothing was compared; look"
            " after it, and at POINTWIRE_DATABASE_URL.")
        click.echo(f"pointwire recount: {told}", err=True)
        return EXIT_NOT_RUN
    if as_json:
        click.echo(showing.as_json(stated, result))
    else:
        showing.show(result)
    return EXIT_EQUAL if result.equal else EXIT_DIFFERS


def _compared(stated: str, quiet: bool) -> Result:
    statement, opener = Statement.read(stated), Opener(_frame_key())
    url = os.environ.get("POINTWIRE_DATABASE_URL") or DATABASE
    now = int(datetime.now(UTC).timestamp() * 1000)
    with snapshot(url) as connection, showing.bar(quiet) as progress:
        return recount(Archive(connection, opener), statement, now, progress)


def _frame_key() -> bytes:
    try:
        key = bytes.fromhex(os.environ.get("POINTWIRE_FRAME_KEY", ""))
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise RecountError("POINTWIRE_FRAME_KEY is not set to 64 hex digits. Nothing was compared;"
                           " set it to the gateway's.")
    return key
