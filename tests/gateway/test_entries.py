"""Numbers, links and heads of what a batch decided."""

from gateway import chain
from gateway.book import Book
from gateway.effects import Decision, Facts, Posted
from gateway.entries import Numbers, needed, number
from gateway.judging import OUTCOME, TRANSIENT, Case
from gateway.ledger import Books, accrue
from gateway.member import Member
from gateway.message import Message
from gateway.parties import Catalogue
from protocol.messages import request

BOOKS = Books(901, 801, 700, 10, 30)
MEMBER = Member(7, 1, "basic", "active", 0, "A**", 70, 0, 0, 0, 4, b"L" * 32, b"H" * 16)


def head_of(link: bytes) -> bytes:
    return chain.head(b"A" * 32, link)


def batch(*points: int) -> tuple[list[Case], Book]:
    """Sales of one member, one after the other, and an inquiry behind them."""
    book = Book(Catalogue(1, {}, {}, {}, {}), 0, terminals={}, cards={}, members={7: MEMBER},
                journals={})
    cases = []
    for place, given in enumerate(points):
        draft = accrue(book.members[7], BOOKS, 1, given, 10, 20)
        decision = Decision(0, Facts(head_of=7), Posted(draft, 1, 1, 3, 100, 10, 10, 0, "{}"))
        said = Message(5, 1, b"f", bytes((place,)) * 32, 0, request(1, 9, place + 1))
        cases.append(Case(said, OUTCOME, decision))
        book.join(decision)
    asked = Message(5, 1, b"g", b"g" * 32, 0, request(5, 9, 0))
    cases.append(Case(asked, TRANSIENT, Decision(0, Facts(head_of=7))))
    return cases, book


def test_each_entry_links_to_the_one_before_and_the_inquiry_shows_the_last_head():
    cases, book = batch(10, 5)
    assert needed(cases) == (2, 1)
    done = number(cases, book, Numbers([100, 101], [55]), head_of)
    first, second = done.entries[0], done.entries[1]
    assert first.link == chain.link(b"L" * 32, chain.entry_content(
        first.row, first.postings, list(map(chain.movement_part, first.movements)),
        [done.lots[55][:7]]))
    assert second.link == chain.link(first.link, chain.entry_content(
        second.row, second.postings, list(map(chain.movement_part, second.movements)), []))
    assert [done.heads[place] for place in range(3)] == [first.head, second.head, second.head]
    assert done.members[7].chain_link == second.link and done.members[7].chain_seq == 6


def test_a_lot_opened_by_the_batch_gets_one_real_id_everywhere():
    cases, book = batch(10, 5)
    done = number(cases, book, Numbers([100, 101], [55]), head_of)
    assert [entry.movements[0][0] for entry in done.entries.values()] == [55, 55]
    assert list(done.lots) == [55]
    assert (done.lots[55].remaining, done.lots[55].opened_by) == (15, 100)


def test_a_lot_that_was_there_keeps_its_id_and_its_opener():
    old = accrue(MEMBER, BOOKS, 1, 3, 10, 20).changed[0]._replace(id=33, opened_by=12)
    cases, book = batch()
    book.members[7] = MEMBER._replace(available=3, lots=(old,))
    draft = accrue(book.members[7], BOOKS, 1, 4, 10, 20)
    decision = Decision(0, Facts(), Posted(draft, 1, 1, 3, 100, 10, 10, 0, "{}"))
    said = Message(5, 1, b"f", b"f" * 32, 0, request(1, 9, 1))
    done = number([Case(said, OUTCOME, decision)], book, Numbers([100], []), head_of)
    assert (done.lots[33].remaining, done.lots[33].opened_by) == (7, 12)


def test_an_inquiry_alone_shows_the_stored_head():
    cases, book = batch()
    assert needed(cases) == (0, 0)
    assert number(cases, book, Numbers((), ()), head_of).heads == {0: b"H" * 16}
