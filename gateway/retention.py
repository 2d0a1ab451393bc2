"""What may go after its time: stored frames and dead letters, in chunks of whole rows.

Law: a stored frame is kept at least FRAMES_KEPT_DAYS (I5; after that its terminal gets 63), and
goes with its whole month. Dead letters go oldest first, by age or when there are too many, and the
counter that bounds them is sealed in the same transaction, so that the audit misses none.
Each function removes one chunk in one transaction and says how many rows went; 0: nothing is due.
"""

from sqlalchemy import Engine, delete, func, select

from gateway import counting
from gateway.aside import LETTERS_MAX
from gateway.clock import DAY_MS, month_of
from gateway.database import writing
from gateway.keyring import Keyring
from gateway.tables import dead_letters

FRAMES_KEPT_DAYS = 400
LETTERS_KEPT_DAYS = 90


def drop_frames(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """Remove up to `rows_max` frames of months that ended over FRAMES_KEPT_DAYS before `now`."""
    month = month_of(now - FRAMES_KEPT_DAYS * DAY_MS)
    marker = "%s" if engine.dialect.name == "postgresql" else "?"
    text = ("DELETE FROM frames WHERE (month, origin, operation_key) IN"
            f" (SELECT month, origin, operation_key FROM frames WHERE month < {marker}"
            f" ORDER BY month, origin, operation_key LIMIT {marker})")
    with writing(engine) as connection:
        return connection.exec_driver_sql(text, (month, rows_max)).rowcount


def drop_letters(engine: Engine, keyring: Keyring, now: int, rows_max: int,
                 letters_max: int = LETTERS_MAX) -> int:
    """Remove up to `rows_max` dead letters: those beyond `letters_max`, and the over-aged."""
    aged = now - LETTERS_KEPT_DAYS * DAY_MS
    with writing(engine) as connection:
        counter = counting.lock(connection, keyring.audit_key, counting.DEAD_LETTERS)
        last_aged = connection.scalar(select(func.max(dead_letters.c.serial)).where(
            dead_letters.c.received_at < aged)) or 0
        low = max(last_aged, counter.value - letters_max)
        low = min(low, counter.low + rows_max)
        if low <= counter.low:
            return 0
        gone = connection.execute(delete(dead_letters).where(dead_letters.c.serial <= low))
        counting.write(connection, keyring.audit_key, counter._replace(low=low))
        return gone.rowcount
