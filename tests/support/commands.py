"""The gateway's commands in this process, on the database of a street."""

import io
import os

from click.testing import CliRunner, Result

from gateway.cli import gateway
from tests.support.street import KEYS, Street


def command(street: Street, *words: str, said: str | None = None) -> Result:
    """`pointwire gateway ...` to its end; `said`: what comes through its standard input."""
    keys = dict(zip(("MASTER", "AUDIT", "FRAME"), (key.hex() for key in KEYS), strict=True))
    settings = {f"POINTWIRE_{name}_KEY": key for name, key in keys.items()}
    url = street.engine.url.render_as_string(hide_password=False)
    settings |= {"POINTWIRE_DATABASE_URL": url.replace("+psycopg", "")}
    return CliRunner().invoke(gateway, words, said, env=os.environ | settings)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True
