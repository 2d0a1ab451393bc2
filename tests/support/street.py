"""A small merchant street for tests of the gateway, built through the registry and the intake.

    street = Street(engine)
    tap = street.sale(1250)                    # a sealed frame of terminal 1, next trace
    reply = street.take(tap)                   # its opened reply
    assert (reply.code, reply.points) == (0, 15)

One programme (1 yuan = 1 point, silver x1.2, gold x1.5, lots of 9 months), one merchant, one shop;
terminal, member and card are made on demand. Time stands still unless a test moves it.
"""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import Engine

from gateway.intake import Answer, Arrival, Intake
from gateway.keyring import Keyring
from gateway.message import Message
from gateway.opening import open_arrival
from gateway.registry import NewCard, NewMember, Registry
from gateway.rules import Redeeming, RuleSet, Tier
from protocol import frames, keys, messages
from protocol.limits import DOWN, FRAME_DOWN_SIZE_MAX, UP
from protocol.messages import Reply, encode_request, read_reply, request

TIERS = (Tier("basic", "普卡", 10000), Tier("silver", "银卡", 12000), Tier("gold", "金卡", 15000))
# 100 points are 1 yuan, at least 100 at a time, for at most half a bill
RULES = RuleSet(1, 1, 100, 9, TIERS, Redeeming(100, 100, 100, 100, 5000))
KEYS = (b"M" * 32, b"A" * 32, b"F" * 32)
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # noon in Shanghai
JOURNAL = 0x5EED3CE8


class Aes:
    """One AES block at a time, as a handset has it."""

    def __init__(self, key: bytes) -> None:
        self.encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def card_number(number: int) -> str:
    """The reserved range 6200 00..., with its Luhn digit: a number no bank issues."""
    body = f"620000{number:09d}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10))
                for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


class Street:
    """See the module. `members[i]`, `cards[i]`: ids and card numbers in order of making."""

    def __init__(self, engine: Engine, *, terminals: int = 1, members: int = 1,
                 tier: str = "silver", first_tap_activates: bool = False,
                 opening: datetime = NOON) -> None:
        self.engine = engine
        self.now = opening
        self.keyring = Keyring(*KEYS)
        self.registry = Registry(engine, self.keyring, clock=lambda: self.now)
        self.intake = self.new_intake()
        self.programme = self.registry.create_programme(
            "coffee", "Coffee street", RULES, first_tap_activates=first_tap_activates)
        self.merchant = self.registry.create_merchant(self.programme, "Bean")
        self.shop = self.registry.create_shop(self.merchant, "Old town")
        self.terminals = [self.registry.create_terminal(self.shop) for _ in range(terminals)]
        self.members = self.registry.create_members(
            self.programme, [NewMember("王小明", tier)] * members)
        self.cards = [card_number(place) for place in range(members)]
        self.registry.create_cards(self.programme, [
            NewCard(card, member) for card, member in zip(self.cards, self.members, strict=True)])
        self._traces: dict[tuple[int, int], int] = {}
        self._nonce = 0

    def new_intake(self, **options) -> Intake:
        """Another gateway on the same database."""
        return Intake(self.engine, self.keyring, clock=lambda: self.now,
                      pause=lambda seconds: None, **options)

    def later(self, **span) -> datetime:
        self.now += timedelta(**span)
        return self.now

    def seconds(self, at: datetime | None = None) -> int:
        return int((at or self.now).timestamp())

    def trace(self, terminal: int = 0, journal: int = JOURNAL) -> int:
        self._traces[terminal, journal] = self._traces.get((terminal, journal), 0) + 1
        return self._traces[terminal, journal]

    def seal(self, message, terminal: int = 0, epoch: int = 1) -> bytes:
        return self.seal_payload(encode_request(message), terminal, epoch)

    def seal_payload(self, payload: bytes, terminal: int = 0, epoch: int = 1) -> bytes:
        terminal_id = self.terminals[terminal]
        key = self.keyring.terminal_key(terminal_id, epoch)
        return frames.seal(key, UP, terminal_id, epoch, payload)

    def sale(self, amount_minor: int = 1250, *, terminal: int = 0, card: int | str | bytes = 0,
             trace: int | None = None, journal: int = JOURNAL, epoch: int = 1, **fields) -> bytes:
        """A sealed sale; `card` is a place in `cards`, a number as text, or a UID."""
        if trace is None:
            trace = self.trace(terminal, journal)
        fields.setdefault("at", self.seconds())
        message = request(messages.SALE, journal, trace, card=self._card(card),
                          amount_minor=amount_minor, **fields)
        return self.seal(message, terminal, epoch)

    def walk_in(self, amount_minor: int = 1250, *, terminal: int = 0, trace: int | None = None,
                journal: int = JOURNAL, **fields) -> bytes:
        """A sealed sale to nobody."""
        if trace is None:
            trace = self.trace(terminal, journal)
        fields.setdefault("at", self.seconds())
        return self.seal(request(messages.SALE, journal, trace, amount_minor=amount_minor,
                                 **fields), terminal)

    def redemption(self, points: int, bill_minor: int, *, terminal: int = 0,
                   card: int | str | bytes = 0, trace: int | None = None, journal: int = JOURNAL,
                   epoch: int = 1, **fields) -> bytes:
        """A sealed redemption: points off a bill of so much money."""
        if trace is None:
            trace = self.trace(terminal, journal)
        fields.setdefault("at", self.seconds())
        message = request(messages.REDEMPTION, journal, trace, card=self._card(card),
                          amount_minor=bill_minor, points=points, **fields)
        return self.seal(message, terminal, epoch)

    def void(self, *original: int, terminal: int = 0, trace: int | None = None,
             journal: int = JOURNAL, epoch: int = 1, **fields) -> bytes:
        """A sealed void; `original`: a trace of the void's own journal, (journal, trace),
        (terminal id, journal, trace), or nothing and `receipt`."""
        return self._reversal(messages.VOID, original, terminal, trace, journal, epoch, fields)

    def refund(self, *original: int, terminal: int = 0, trace: int | None = None,
               journal: int = JOURNAL, epoch: int = 1, **fields) -> bytes:
        """A sealed refund; `original` as for a void, and one of amount_minor, basket, points."""
        return self._reversal(messages.REFUND, original, terminal, trace, journal, epoch, fields)

    def batch_close(self, first: int, last: int, *, terminal: int = 0, trace: int | None = None,
                    journal: int = JOURNAL, epoch: int = 1, totals: dict | None = None,
                    **fields) -> bytes:
        """A sealed close of these traces; `totals` by type: (count, amount_minor, points)."""
        if trace is None:
            trace = self.trace(terminal, journal)
        fields.setdefault("at", self.seconds())
        message = request(messages.BATCH_CLOSE, journal, trace,
                          totals={0: (first, last), **(totals or {})}, **fields)
        return self.seal(message, terminal, epoch)

    def _reversal(self, kind: int, original: tuple[int, ...], terminal: int, trace: int | None,
                  journal: int, epoch: int, fields: dict) -> bytes:
        receipt = fields.pop("receipt", None)
        if trace is None:
            trace = self.trace(terminal, journal)
        fields.setdefault("at", self.seconds())
        named = original if len(original) > 1 else (journal, *original)
        message = request(kind, journal, trace, original=receipt or named, **fields)
        return self.seal(message, terminal, epoch)

    def inquiry(self, *, terminal: int = 0, card: int | str | bytes = 0, epoch: int = 1,
                **fields) -> bytes:
        message = request(messages.INQUIRY, JOURNAL, 0, nonce=self.nonce(),
                          card=self._card(card), **fields)
        return self.seal(message, terminal, epoch)

    def login(self, operator: int, pin: str, *, terminal: int = 0, epoch: int = 1,
              nonce: bytes | None = None, block: bytes | None = None, **fields) -> bytes:
        """A sealed login; `block` in place of the PIN's own."""
        nonce = self.nonce() if nonce is None else nonce
        key = keys.pin_key(self.keyring.terminal_key(self.terminals[terminal], epoch))
        message = request(messages.LOGIN, JOURNAL, 0, nonce=nonce, operator=operator,
                          pin_block=block or keys.pin_block(Aes, key, JOURNAL, nonce, pin),
                          **fields)
        return self.seal(message, terminal, epoch)

    def heartbeat(self, *, terminal: int = 0, journal: int = JOURNAL, epoch: int = 1,
                  report: dict | None = None, **fields) -> bytes:
        """A sealed heartbeat; `report`: keys beside the firmware's version."""
        message = request(messages.HEARTBEAT, journal, 0, nonce=self.nonce(),
                          report={0: "test", **(report or {})}, **fields)
        return self.seal(message, terminal, epoch)

    def kept(self, last: int, first: int = 1, **options) -> bytes:
        """A heartbeat of a terminal that keeps these traces of its journal."""
        journal = options.get("journal", JOURNAL)
        return self.heartbeat(report={8: (journal, first, last)}, **options)

    def nonce(self) -> bytes:
        self._nonce += 1
        return self._nonce.to_bytes(8, "big")

    def _card(self, card: int | str | bytes) -> tuple:
        if isinstance(card, bytes):
            return (2, card)
        return (2, int(self.cards[card] if isinstance(card, int) else card))

    def arrival(self, frame: bytes) -> Arrival:
        return Arrival(frame, self.now)

    def answers(self, *sealed: bytes, intake: Intake | None = None) -> list[Answer]:
        """The answers to frames that arrive together."""
        return (intake or self.intake).take([self.arrival(frame) for frame in sealed])

    def message(self, sealed: bytes) -> Message:
        """What the intake makes of one of our own frames."""
        opened = open_arrival(self.keyring, self.arrival(sealed))
        assert isinstance(opened, Message)
        return opened

    def take(self, sealed: bytes) -> Reply:
        """The opened reply to one frame."""
        return self.read(self.answers(sealed)[0].reply)

    def read(self, reply: bytes | None) -> Reply:
        """A reply as its terminal reads it: authentic, or this raises."""
        assert reply is not None, "no reply"
        parts = frames.split(reply, FRAME_DOWN_SIZE_MAX)
        key = self.keyring.terminal_key(parts.terminal_id, parts.epoch)
        assert frames.authentic(key, DOWN, parts), "the reply's MAC is wrong"
        return read_reply(parts.payload)

    def rows(self, table: str, columns: str = "*", where: str = "1=1") -> list[tuple]:
        """Rows as the database has them."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT {columns} FROM {table} WHERE {where}")
            return [tuple(row) for row in found]
