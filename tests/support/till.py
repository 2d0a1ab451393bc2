"""A till of the smallest handset that keeps WIRE, and a restore of the gateway behind it.

It seals once, keeps its frames, settles by the digest of a reply, and sends again what a heartbeat
asks for: what is no sale with the answer that it holds, unless it is an `old` one.
"""

from protocol import codes
from protocol.messages import SALE, SETTLED, Reply, request
from tests.support.backups import restore
from tests.support.street import JOURNAL, Street


class Till:
    """Terminal `place` of a street with an outbox."""

    def __init__(self, street: Street, place: int = 0, *, old: bool = False) -> None:
        self.street, self.place, self.epoch, self.old = street, place, 1, old
        self.kept: dict[int, bytes] = {}
        self.settled: dict[int, Reply] = {}
        self.clock: int | None = None

    def tap(self, amount_minor: int = 1000, card: int = 0, *, send: bool = True) -> int:
        trace = len(self.kept) + 1
        times = {"at": None, "uptime_s": 60, "boot_count": 1} if self.clock is None else {
            "at": self.street.seconds(), "clock_age": self.street.seconds() - self.clock}
        self.kept[trace] = self.street.sale(amount_minor, terminal=self.place, card=card,
                                            trace=trace, epoch=self.epoch, **times)
        if send:
            self.send(trace)
        return trace

    def void(self, original: int) -> int:
        trace = len(self.kept) + 1
        self.kept[trace] = self.street.void(original, terminal=self.place, trace=trace,
                                            epoch=self.epoch)
        self.send(trace)
        return trace

    def redeem(self, points: int, bill_minor: int, card: int = 0) -> int:
        return self._take(self.street.redemption(
            points, bill_minor, terminal=self.place, card=card, trace=len(self.kept) + 1))

    def refund(self, *original: int, amount_minor: int) -> int:
        return self._take(self.street.refund(
            *original, terminal=self.place, trace=len(self.kept) + 1, amount_minor=amount_minor))

    def _take(self, frame: bytes) -> int:
        trace = len(self.kept) + 1
        self.kept[trace] = frame
        self.send(trace)
        return trace

    def again(self, trace: int) -> Reply:
        """A settled frame once more."""
        frame = self.kept[trace]
        if self.old or self.street.message(frame).request.type == SALE:
            return self.send(trace)
        return self.street.take(self.retold(trace))

    def retold(self, trace: int) -> bytes:
        """A settled frame with the answer held to it."""
        known = self.settled[trace]
        return self.telling(self.kept[trace], known.code, known.points, known.receipt)

    def telling(self, frame: bytes, code: int, points: int | None, receipt: int | None) -> bytes:
        """A frame with an answer that is said to have settled it."""
        held = (code, points or 0, receipt) if receipt else (code, points or 0)
        return self.street.seal(request(SETTLED, JOURNAL, 0, nonce=self.street.nonce(),
                                        frame=frame, held=held), self.place, self.epoch)

    def send(self, trace: int) -> Reply:
        reply = self.street.take(self.kept[trace])
        if trace not in self.settled and not codes.transient(reply.code):
            self.settled[trace] = reply
        return reply

    def beat(self) -> Reply:
        """A heartbeat and all it asks for: unsettled frames, then what is missing."""
        reply = self.street.take(self.street.heartbeat(
            terminal=self.place, epoch=self.epoch, uptime_s=60, boot_count=1, report={
                3: len(self.kept) - len(self.settled), 8: (JOURNAL, 1, len(self.kept)), 9: ()}))
        self.clock = reply.at
        if reply.next_key is not None:
            self.epoch = reply.next_key[0]
        for trace in sorted(set(self.kept) - set(self.settled)):
            self.send(trace)
        for journal, first, last in reply.send_again or ():
            assert journal == JOURNAL
            for trace in range(first, last + 1):
                (self.again if trace in self.settled else self.send)(trace)
        return reply


def restored(street: Street, name: str, *, begins: bool = True) -> None:
    restore(street.engine, name)
    street.intake = street.new_intake()  # the processes were stopped meanwhile
    if begins:
        street.registry.begin_recovery(1000)


def posted(street: Street) -> list[tuple]:
    """(terminal, journal || trace) of every entry, and whether any is there twice."""
    return sorted(street.rows("entries", "terminal_id, operation_key"))
