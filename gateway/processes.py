"""The processes put together: settings in, a running worker, web or jobs process out.

Law: everything a process works with is checked before it takes its first frame (settings, secrets,
database, keys, addresses, broker, in this order), and every part is given what it needs: only here
are the environment, the clock and the signals of the system.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

from gateway import database, desk, jobs, logs, metrics, queues, root_export, startup
from gateway.aside import QUARANTINED
from gateway.clock import to_ms, utc_now
from gateway.intake import Intake
from gateway.keyring import Keyring
from gateway.mqtt import Link
from gateway.registry import Registry, RegistryError
from gateway.settings import (
    Settings,
    from_environment,
    need_mqtt,
    need_root_file,
    unknown,
)
from gateway.web import serve
from gateway.web.app import create_app
from gateway.words import need_name
from gateway.worker import Worker

if TYPE_CHECKING:
    from gateway.audit.report import Report
    from gateway.registry.recoveries import RecoveryFacts

LEAVE_WAIT_S = 5.0


def settle(process: str, env: Mapping[str, str] = os.environ) -> Settings:
    """Settings for `process`, its logs configured; raises SettingsError."""
    settings = from_environment(env)
    logs.configure(settings.log_format, process)
    logs.catch_all()
    for name in unknown(env):
        logs.logger(__name__).warning("nothing reads this variable; misspelt?", variable=name)
    return settings


def keyring_of(settings: Settings) -> Keyring:
    return Keyring(settings.master_key, settings.audit_key, settings.frame_key)


def opened(settings: Settings) -> tuple[Engine, Keyring]:
    """A migrated database and the keys it was written with; raises GatewayError."""
    engine = startup.open_database(settings.database_url)
    keyring = keyring_of(settings)
    startup.check_keys(engine, keyring)
    return engine, keyring


def stop_signal() -> threading.Event:
    """Set by SIGTERM and SIGINT; the process then finishes what it has in hand."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _halt_points(settings: Settings, engine: Engine) -> Callable[[str], None]:
    """For tests (POINTWIRE_TEST_HALT): stand still at one named point, to be killed there."""
    def reached(point: str) -> None:
        if point == settings.halt:
            logs.logger(__name__).warning("standing still for a test", point=point)
            while True:
                time.sleep(3600)

    if settings.halt == "before_commit":
        event.listen(engine, "commit", lambda _: reached("before_commit"))
    return reached


def run_worker() -> None:
    """Frames from the broker until SIGTERM; raises GatewayError."""
    settings = settle("worker")
    mqtt = need_mqtt(settings)
    engine, keyring = opened(settings)
    if settings.metrics_bind is not None:
        metrics.serve(settings.metrics_bind)
    stopping = stop_signal()
    link = Link(mqtt, utc_now, receive_max=2 * settings.batch_max)
    worker = Worker(link, Intake(engine, keyring), settings.batch_max, stopping,
                    _halt_points(settings, engine))
    link.start()
    try:
        worker.run()
    finally:
        link.stop(LEAVE_WAIT_S)
        engine.dispose()


def run_web() -> None:
    """Frames over HTTP until SIGTERM; raises GatewayError."""
    settings = settle("web")
    engine, keyring = opened(settings)
    engine.dispose()

    def make():
        # in the serving process, after the fork: database connections never cross one
        engine = database.open_engine(settings.database_url)
        return create_app(Intake(engine, keyring), startup.readiness(engine), utc_now)

    serve.serve(make, serve.listen(settings.http_bind))


def run_jobs(once: bool) -> bool:
    """The jobs, once each or until SIGTERM; False when one failed. Raises GatewayError."""
    settings = settle("jobs")
    engine, keyring = opened(settings)
    stopping = stop_signal()
    if settings.metrics_bind is not None and not once:
        metrics.serve(settings.metrics_bind)
    from gateway import jobs_showing
    with jobs_showing.counter(once) as progress:
        work = jobs.Jobs(engine, keyring, utc_now, stopping, _jobs_of(settings), progress)
        return work.run_once() if once else work.run()


def _jobs_of(settings: Settings) -> tuple[tuple[str, jobs.Chunk], ...]:
    """What falls due; no root is exported where nobody said where to."""
    if settings.root_file is None:
        logs.logger(__name__).warning("no root is exported: POINTWIRE_ROOT_FILE is not set")
        return jobs.JOBS
    return (*jobs.JOBS, (jobs.EXPORT_ROOT, root_export.daily(settings.root_file)))


def export_root(day: int | None, place: str | None) -> root_export.Export:
    """The root of a day, appended to its file; raises GatewayError."""
    settings = settle("root export")
    file = need_root_file(settings, place)
    return root_export.export(*opened(settings), to_ms(utc_now()), file, day)


def prove_root(member_id: int, place: str | None) -> dict[str, Any]:
    """The way from a member's chain to the newest root that tells of it; raises GatewayError."""
    from gateway.audit import roots

    settings = settle("root prove")
    return roots.prove(*opened(settings), need_root_file(settings, place), member_id)


def run_migrate() -> str | None:
    """The database at its newest revision, which is returned; raises GatewayError."""
    settings = settle("migrate")
    revision = startup.migrate(settings.database_url, settings.audit_key)
    Registry(*opened(settings), actor="migrate").open_accounts()
    return revision


def list_quarantine() -> list[desk.Waiting]:
    """What is set aside, oldest first; raises GatewayError."""
    return desk.waiting(opened(settle("quarantine"))[0])


def run_requeue(digests: Sequence[str], everything: bool) -> int:
    """Frames of `digests`, or all quarantined ones, to be decided again; how many."""
    engine, keyring = opened(settle("requeue"))
    if everything:
        digests = [each.digest for each in desk.waiting(engine) if each.state == QUARANTINED]
    return desk.requeue(Registry(engine, keyring, actor="command line"), digests)


def held_desk(process: str) -> Intake:
    """An intake for HQ's verdicts on held taps; raises GatewayError."""
    return Intake(*opened(settle(process)))


def _registry(settings: Settings, actor: str = "command line") -> Registry:
    return Registry(*opened(settings), actor=actor)


def registry_desk(process: str, by: str | None = None) -> Registry:
    """The registry for a command, `by` a person where one is asked for; raises GatewayError."""
    if by is None:
        return _registry(settle(process))
    return _registry(settle(process), need_name("name of who decides", by, RegistryError))


QUEUES_TODO = ("What the broker holds for the workers is thrown away before a recovery begins, and"
               " none was begun: set it as the workers have it, or say --keep-queue where the"
               " broker holds nothing or none is used.")


def begin_recovery(receipts_ahead: int, workers: Sequence[str], keep_queue: bool,
                   tell: Callable[[str], None]) -> "RecoveryFacts":
    """Empty the queues of these workers (none named: the one of the settings), but not with
    `keep_queue`, and begin; `tell` gets a line for each queue. Raises GatewayError."""
    settings = settle("recovery begin")
    if keep_queue:
        return _registry(settings).begin_recovery(receipts_ahead)
    mqtt = need_mqtt(settings, QUEUES_TODO)
    client_ids = tuple(dict.fromkeys(workers)) or (mqtt.client_id,)
    return _registry(settings).begin_recovery(
        receipts_ahead, lambda: queues.empty(mqtt, client_ids, tell))


def run_audit(rebuild: bool, quiet: bool, roots_file: str | None = None) -> "Report":
    """Check the evidence, and exported roots; a bar on standard error unless `quiet`. Raises
    GatewayError."""
    from gateway.audit import run_audit as audited
    from gateway.audit.showing import bar

    settings = settle("audit")
    # not `opened`: which keys fit is the audit's own question
    engine = startup.open_database(settings.database_url)
    with bar(quiet) as progress:
        return audited(engine, keyring_of(settings), rebuild, progress, roots_file=roots_file)
