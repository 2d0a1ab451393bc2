"""The desk: what waits is shown without a card number; a wrong order changes nothing."""

import pytest
from sqlalchemy import Engine

from gateway import desk
from gateway.aside import NotQuarantined
from protocol import codes
from tests.support.street import JOURNAL, Street


@pytest.fixture
def street(sqlite_engine: Engine) -> Street:
    return Street(sqlite_engine)


@pytest.fixture
def broken(street: Street, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A sale that no decision was found for."""
    def fail(*_: object) -> None:
        raise ZeroDivisionError(street.cards[0])

    sale = street.sale(1250)
    with monkeypatch.context() as seeded:
        seeded.setattr("gateway.judging._decide", fail)
        assert street.take(sale).code == codes.TRY_LATER
    return sale


def test_a_frame_set_aside_is_shown_by_what_finds_it(street: Street, broken: bytes):
    waiting, = desk.waiting(street.engine)
    assert (waiting.terminal_id, waiting.journal, waiting.trace) == (
        street.terminals[0], JOURNAL, 1)
    assert (waiting.state, waiting.fault, waiting.first_at) == (
        "quarantined", "ZeroDivisionError", street.now)
    assert waiting.digest in str(waiting) and street.cards[0] not in str(waiting)


def test_a_requeued_frame_is_decided_when_it_comes_again(street: Street, broken: bytes):
    assert street.take(broken).code == codes.TRY_LATER
    digest = desk.waiting(street.engine)[0].digest
    assert desk.requeue(street.registry, [digest[:16]]) == 1
    assert street.take(broken).code == codes.APPROVED


def test_of_several_it_is_said_how_many_were_requeued(street: Street, broken: bytes):
    digest = desk.waiting(street.engine)[0].digest
    with pytest.raises(NotQuarantined, match="1 of the 2 that were named are requeued."):
        desk.requeue(street.registry, [digest, "00" * 32])
    assert desk.waiting(street.engine)[0].state == "requeued"


@pytest.mark.parametrize(("digest", "error"), [
    ("00" * 32, NotQuarantined), ("", NotQuarantined), ("nonsense", desk.DeskError)])
def test_an_order_that_fits_nothing_changes_nothing(street: Street, broken: bytes, digest, error):
    with pytest.raises(error, match="Nothing was changed"):
        desk.requeue(street.registry, [digest])
    assert desk.waiting(street.engine)[0].state == "quarantined"
