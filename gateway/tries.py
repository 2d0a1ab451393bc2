"""How an operator's logins went: wrong tries, the lock, what was answered. Pure.

Law: FAILED_MAX wrong PINs lock an operator for LOCK_MS, again as many for twice as long, up to
LOCK_MS_MAX; a right one forgets them all, and so does a new PIN. Whatever terminal asks, it is one
count. While locked nothing is tried, the right PIN neither. A frame that was answered gets that
answer again and counts no more: so neither a broker that delivers twice nor somebody who
overheard a login can lock an operator or lift a lock. The last ANSWERS_MAX are known.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import chain
from gateway.clock import DAY_MS, MS
from protocol import codes
from protocol.limits import DIGEST_SIZE

FAILED_MAX = 5
LOCK_MS = 15 * 60 * MS
LOCK_MS_MAX = DAY_MS
ANSWERS_MAX = 64
LOCKS_MAX = (LOCK_MS_MAX // LOCK_MS).bit_length()  # from here on no lock is longer

TABLE = "operator_tries"
COLUMNS = ("operator_id", "version", "failed", "locks", "locked_until", "answers", "row_mac")


class Tries(NamedTuple):
    """`version`: of the PIN they are of. `failed`: wrong ones since the last right one or lock;
    `locks`: since the last right one. `answers`: (digest of the frame, code), oldest first."""

    operator_id: int
    version: int
    failed: int = 0
    locks: int = 0
    locked_until: int = 0
    answers: tuple[tuple[bytes, int], ...] = ()

    def locked(self, now: int) -> bool:
        return now < self.locked_until

    def answered(self, digest: bytes) -> int | None:
        """The code this frame got before; None for a new one."""
        return next((code for known, code in self.answers if known == digest), None)

    def tried(self, digest: bytes, right: bool, now: int) -> "Tries":
        """After a PIN was tried."""
        code = codes.APPROVED if right else codes.OPERATOR_PIN_WRONG
        told = self._replace(answers=(*self.answers, (digest, code))[-ANSWERS_MAX:])
        if right:
            return told._replace(failed=0, locks=0, locked_until=0)
        if self.failed + 1 < FAILED_MAX:
            return told._replace(failed=self.failed + 1)
        span = min(LOCK_MS << self.locks, LOCK_MS_MAX)
        return told._replace(failed=0, locks=min(self.locks + 1, LOCKS_MAX),
                             locked_until=now + span)

    def renewed(self, version: int) -> "Tries":
        """With a new PIN. What was answered under the one before proves nothing any more."""
        wrong = tuple((digest, codes.OPERATOR_PIN_WRONG) for digest, _ in self.answers)
        return Tries(self.operator_id, version, answers=wrong)


def read(row: Sequence) -> Tries:
    """The Tries of a stored row, without its seal."""
    *figures, answers = row
    size = DIGEST_SIZE + 1
    return Tries(*figures, answers=tuple(
        (answers[at:at + DIGEST_SIZE], answers[at + DIGEST_SIZE])
        for at in range(0, len(answers), size)))


def sealed(audit_key: bytes, tries: Tries) -> tuple:
    """The row to store, in the order of COLUMNS."""
    answers = b"".join(digest + bytes((code,)) for digest, code in tries.answers)
    row = (*tries[:-1], answers)
    return (*row, chain.seal(audit_key, TABLE, row))
