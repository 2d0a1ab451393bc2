"""The books of a real gateway: entries with their members' points, voids, holds and verdicts."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from gateway.database import migrate
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from protocol import codes, frames, messages
from protocol.limits import UP
from protocol.messages import encode_request, request
from tools import coffee_shop
from tools.prove.books import Books, key_of, read_books, survived
from tools.prove.disk import Disk, open_engine
from tools.prove.story import Survived

OPENING = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
JOURNAL = 0x5EED


class Shop:
    """A till and its gateway on a disk in memory."""

    def __init__(self) -> None:
        self.engine = open_engine(Disk())
        self.keyring = Keyring(b"M" * 32, b"A" * 32, b"F" * 32)
        self.now = OPENING
        migrate(self.engine)
        self.registry = Registry(self.engine, self.keyring, clock=lambda: self.now)
        self.cards = coffee_shop.create(self.registry, 3)
        coffee_shop.add_terminals(self.registry, 1)
        self.terminal = coffee_shop.tills_of(self.registry.terminals())[0].terminal_id
        self.intake = Intake(self.engine, self.keyring, clock=lambda: self.now)

    def take(self, kind: int, trace: int, **fields) -> tuple[int | None, bytes]:
        """(code, hash of the frame)"""
        self.now += timedelta(minutes=1)
        made = request(kind, JOURNAL, trace, at=int(self.now.timestamp()), clock_age=5, **fields)
        frame = frames.seal(self.keyring.terminal_key(self.terminal, 1), UP, self.terminal, 1,
                            encode_request(made))
        answer = self.intake.take([Arrival(frame, self.now, self.terminal)])[0]
        return answer.code, sha256(frame).digest()

    def sale(self, trace: int, amount_minor: int, place: int = 0) -> tuple[int | None, bytes]:
        return self.take(messages.SALE, trace, card=(2, self.cards[place]),
                         amount_minor=amount_minor)

    def books(self) -> Books:
        return read_books(self.engine)


def test_an_entry_has_its_frame_its_members_points_and_sums_of_zero():
    shop = Shop()
    code, frame_hash = shop.sale(1, 1250)
    (entry,) = shop.books().entries
    assert code == codes.APPROVED
    assert (entry.key, entry.by_hq) == ((shop.terminal, JOURNAL, 1), False)
    assert (entry.frame_hash, entry.amount_minor) == (frame_hash, 1250)
    assert entry.sums and not any(entry.sums)
    assert entry.points == 18  # 12.50 yuan, gold
    assert entry.issuers == {entry.merchant_id}
    assert entry.dated_at_ms == int(shop.now.timestamp()) * 1000
    member = shop.registry.members()[0]
    assert entry.member_id == member.member_id
    assert shop.books().members[entry.member_id] == (18, 0, 0, 18, 0)


def test_a_void_is_an_entry_of_its_own_that_takes_the_points():
    shop = Shop()
    shop.sale(1, 1250)
    code, frame_hash = shop.take(messages.VOID, 2, original=(JOURNAL, 1))
    sale, void = shop.books().entries
    assert code == codes.APPROVED
    assert (void.key, void.frame_hash) == ((shop.terminal, JOURNAL, 2), frame_hash)
    assert (sale.points, void.points, void.member_id) == (18, -18, sale.member_id)
    assert (sale.kind, void.kind) == (1, 2)
    assert survived(shop.engine) == Survived(
        frozenset({sale.key, void.key}), frozenset({(sale.key, 0), (void.key, 0)}))


def test_a_held_tap_stands_on_the_list_and_posts_nothing():
    shop = Shop()
    shop.registry.set_terminal_state(shop.terminal, "suspended")
    assert shop.sale(1, 1250)[0] == codes.HELD
    books = shop.books()
    assert books.held == {(shop.terminal, JOURNAL, 1)}
    assert not books.entries
    assert survived(shop.engine) == Survived(frozenset(),
                                             frozenset({((shop.terminal, JOURNAL, 1), 41)}))


def test_the_key_of_a_verdict_leads_to_the_held_message():
    pair = JOURNAL.to_bytes(4, "big") + (5).to_bytes(4, "big")
    assert key_of(7, pair) == ((7, JOURNAL, 5), False)
    assert key_of(0, (7).to_bytes(4, "big") + pair) == ((7, JOURNAL, 5), True)
