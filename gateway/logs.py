"""Logs: one line an event, JSON or text, on standard error, and never a card number in it.

Law: every line of every library passes through `redacted` just before it is rendered, exceptions
and their parameters included. What goes: runs of 12 and more digits (also when grouped by blanks
or hyphens), the values of fields that name a card or a secret, and all raw bytes (a card number
hides in CBOR as an integer, a chip's UID as bytes). What stays is enough to find the frame:
terminal, journal, trace and the receipt number.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.words import CARD_DIGITS

# a chip's UID as tables name it (u and 4, 7 or 10 bytes in hex), and bytes as Python writes them
CARD_UID = re.compile(r"\bu(?:[0-9a-f]{20}|[0-9a-f]{14}|[0-9a-f]{8})\b")
BYTES = re.compile(r"""\bb(['"])(?:\\.|(?!\1).)*\1""")
HIDDEN = "[hidden]"
# words of a field name that mean: a card, its holder's secret, or a key of ours
PRIVATE = frozenset((
    "card", "cards", "pan", "uid", "uids", "number", "pin", "token", "password", "secret", "key",
    "authorization", "cookie", "payload", "frame", "reply", "phone"))
# the same words where they name no secret
PUBLIC = frozenset(("card_last4", "line_number", "key_id", "master_key_id", "card_state"))
INT_MIN = 10 ** 11


def _masked(found: re.Match[str]) -> str:
    digits = [letter for letter in found.group() if letter.isdigit()]
    return "****" + "".join(digits[-4:])


def redacted_text(text: str) -> str:
    """`text` with every digit run that could be a card number cut to its last four, and
    without UIDs and bytes, as they stand in the texts of exceptions."""
    return CARD_DIGITS.sub(_masked, BYTES.sub("<bytes>", CARD_UID.sub("<uid>", text)))


def _private(name: str) -> bool:
    return name not in PUBLIC and not PRIVATE.isdisjoint(name.lower().split("_"))


def redacted(value: Any, name: str = "") -> Any:
    """`value`, standing under the field `name`, as it may be shown."""
    if value is None or isinstance(value, bool):
        return value
    if _private(name):
        return HIDDEN
    if isinstance(value, int):
        return value if -INT_MIN < value < INT_MIN else redacted_text(str(value))
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {redacted_text(str(key)): redacted(inner, str(key))
                for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(inner) for inner in value]
    return redacted_text(str(value))


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The processor: the last one before the line is rendered."""
    return {redacted_text(str(key)): redacted(value, str(key)) for key, value in event.items()}


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback)


def configure(form: str, process: str, stream: TextIO | None = None) -> None:
    """Send the logs of this process, and of every library in it, to `stream` as `form`.

    Shared by all processes; called once at start. `process` stands in every line.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    redact, _renderer(form)]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.PositionalArgumentsFormatter(), *before,
                    structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False)


def _named(process: str) -> Processor:
    def name(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event
    return name


def catch_all() -> None:
    """Send what no one caught, on any thread, through the log: Python's own text is unredacted."""
    def uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
        if error is not None and not issubclass(kind, KeyboardInterrupt):
            logger(__name__).critical("uncaught", exc_info=(kind, error, trace))

    sys.excepthook = uncaught
    threading.excepthook = lambda hook: uncaught(hook.exc_type, hook.exc_value,
                                                 hook.exc_traceback)


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module: `log = logs.logger(__name__)`."""
    return structlog.stdlib.get_logger(room)
