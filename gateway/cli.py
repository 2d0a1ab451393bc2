"""The command line of the gateway: its processes and what an operator does to it.

Law: a command either does its work, or says in one line on standard error what is wrong, what is
safe and what to do, and ends with a code that is not 0: 78 for settings (do not restart, mend them
first), 1 for everything else (a supervisor may try again). A traceback is a bug.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import click
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from gateway import database, jobs, logs, metrics, startup
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.keyring import Keyring
from gateway.mqtt import Link
from gateway.settings import Settings, SettingsError, from_environment, need_mqtt, unknown
from gateway.worker import Worker

EXIT_SETTINGS = 78
EXIT_FAILED = 1
LEAVE_WAIT_S = 5.0


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


@contextmanager
def _plainly(process: str) -> Iterator[None]:
    """Turn every error we raise on purpose into one line and an exit code."""
    try:
        yield
    except SettingsError as error:
        _end(process, str(error), EXIT_SETTINGS)
    except GatewayError as error:
        _end(process, str(error), EXIT_FAILED)
    except DBAPIError as error:
        _end(process, f"The database failed: {database.unreachable(error)}. What was committed is"
             " safe; look after the database and start again.", EXIT_FAILED)


def _end(process: str, text: str, code: int) -> None:
    click.echo(f"pointwire gateway {process}: {logs.redacted_text(text)}", err=True)
    sys.exit(code)


def _settings(process: str) -> Settings:
    settings = from_environment(os.environ)
    logs.configure(settings.log_format, process)
    for name in unknown(os.environ):
        logs.logger(__name__).warning("unknown variable, misspelt?", variable=name)
    return settings


def _keyring(settings: Settings) -> Keyring:
    return Keyring(settings.master_key, settings.audit_key, settings.frame_key)


def _stopping() -> threading.Event:
    """Set by SIGTERM and SIGINT; the process then finishes what it has in hand."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _stand_still(point: str) -> None:
    logs.logger(__name__).warning("standing still for a test", point=point)
    while True:
        time.sleep(3600)


def _halting(settings: Settings, engine: Engine) -> Callable[[str], None]:
    """Tests only (POINTWIRE_TEST_HALT): stand still at one named point, to be killed there."""
    def reached(point: str) -> None:
        if point == settings.halt:
            _stand_still(point)

    if settings.halt == "before_commit":
        event.listen(engine, "commit", lambda _: reached("before_commit"))
    return reached


@click.group(help="The gateway's processes. Settings are POINTWIRE_* variables (gateway/README).")
def gateway() -> None:
    """Frames in, points posted, replies out."""


@gateway.command()
def worker() -> None:
    """Take frames from the MQTT broker, post them, send replies."""
    with _plainly("worker"):
        settings = _settings("worker")
        mqtt = need_mqtt(settings)
        engine = startup.open_database(settings.database_url)
        if settings.metrics_bind is not None:
            metrics.serve(settings.metrics_bind)
        halt = _halting(settings, engine)
        stopping = _stopping()
        link = Link(mqtt, utc_now, receive_max=2 * settings.batch_max)
        intake = Intake(engine, _keyring(settings))
        link.start()
        try:
            Worker(link, intake, settings.batch_max, stopping, halt).run()
        finally:
            link.stop(LEAVE_WAIT_S)
            engine.dispose()


@gateway.command()
def web() -> None:
    """Take frames over HTTP; health, readiness, metrics."""
    from gateway.web import serve
    from gateway.web.app import create_app

    with _plainly("web"):
        settings = _settings("web")
        keyring = _keyring(settings)
        startup.open_database(settings.database_url).dispose()
        listener = serve.listen(settings.http_bind)

        def make():
            # after gunicorn's fork: connections never cross it
            engine = database.open_engine(settings.database_url)
            return create_app(Intake(engine, keyring), startup.readiness(engine), utc_now)

        serve.serve(make, listener)


@gateway.command("jobs")
@click.option("--once", is_flag=True, help="Run each job once and end.")
def run_jobs(once: bool) -> None:
    """Do what is due: drop old frames, bound the dead letters."""
    with _plainly("jobs"):
        settings = _settings("jobs")
        engine = startup.open_database(settings.database_url)
        keyring = _keyring(settings)
        stopping = _stopping()
        if once:
            sys.exit(0 if jobs.run_all(engine, keyring, utc_now(), stopping) else EXIT_FAILED)
        if settings.metrics_bind is not None:
            metrics.serve(settings.metrics_bind)
        jobs.run_for_ever(engine, keyring, utc_now, stopping)


@gateway.command()
def migrate() -> None:
    """Bring the database to the newest revision; makes a SQLite file's folder."""
    with _plainly("migrate"):
        settings = _settings("migrate")
        click.echo(f"database at revision {startup.migrate(settings.database_url)}")


def main() -> None:
    """`python -m gateway.cli ...`, the same as `pointwire gateway ...`."""
    gateway(prog_name="pointwire gateway")


if __name__ == "__main__":
    main()
