"""The book of a batch: effects join only when asked to."""

from gateway.book import Book
from gateway.effects import Decision, Posted
from gateway.ledger import Books, accrue
from gateway.member import Member
from gateway.message import Message
from gateway.parties import Card, Catalogue, Terminal
from protocol.messages import request

BOOKS = Books(901, 801, 700, 10, 30)
MEMBER = Member(7, 1, "basic", "active", 0, "A**", 70, 0, 0, 0, 0, bytes(32), bytes(16))
CARD = Card(3, "6200001234567892", 1, 7, "stock", 0, None, None)


def book() -> Book:
    return Book(Catalogue(1, {}, {}, {}, {}), 1000,
                terminals={5: Terminal(5, 1, "active", 0, 1, b"")},
                cards={CARD.identity: CARD}, members={7: MEMBER}, journals={})


def message(trace: int, journal: int = 9) -> Message:
    return Message(5, 1, b"frame", b"h" * 32, 0, request(1, journal, trace))


def test_a_decision_joins_with_its_member_and_its_card():
    state = book()
    draft = accrue(MEMBER, BOOKS, 1, 15, 10, 20)
    active = CARD._replace(state="active")
    state.join(Decision(0, posted=Posted(draft, 1, 1, 3, 1250, 10, 10, 0, "{}"),
                        activated=active))
    assert state.members[7].available == 15
    assert state.cards[CARD.identity].state == "active" and len(state.activated) == 1


def test_a_refusal_changes_nothing():
    state = book()
    state.join(Decision(10))
    assert state.members == {7: MEMBER} and state.activated == []


def test_a_journal_remembers_its_highest_trace_and_counts_outcomes():
    state = book()
    for trace, outcomes in ((4, 1), (9, 0), (2, 1)):
        state.saw(message(trace), outcomes=outcomes)
    assert state.journals[5, 9] == (5, 9, 9, 2)


def test_only_a_higher_epoch_raises_the_record():
    state = book()
    for epoch in (1, 3, 2):
        state.raise_epoch(5, epoch)
    assert state.terminals[5].epoch == 3 and state.raised == {5: 3}
