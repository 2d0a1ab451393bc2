"""The gateway's commands in this process, on the database of a street."""

import io
import os
from collections.abc import Sequence

from click.testing import CliRunner, Result
from sqlalchemy import Engine

from gateway.cli import gateway
from tests.support.street import KEYS, Street


def command(street: Street, *words: str, said: str | None = None) -> Result:
    """`pointwire gateway ...` to its end; `said`: what comes through its standard input."""
    return commanded(street.engine, KEYS, *words, said=said)


def commanded(engine: Engine, secrets: Sequence[bytes], *words: str,
              said: str | None = None) -> Result:
    """The same on any database; `secrets`: the keyring's master, audit and frame key."""
    keys = dict(zip(("MASTER", "AUDIT", "FRAME"), (key.hex() for key in secrets), strict=True))
    settings = {f"POINTWIRE_{name}_KEY": key for name, key in keys.items()}
    url = engine.url.render_as_string(hide_password=False)
    settings |= {"POINTWIRE_DATABASE_URL": url.replace("+psycopg", "")}
    return CliRunner().invoke(gateway, words, said, env=os.environ | settings)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True
