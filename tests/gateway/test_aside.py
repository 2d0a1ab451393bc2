"""Quarantine and dead letters: visible, encrypted, bounded."""

import pytest

from gateway import aside
from gateway.database import writing
from gateway.keyring import bound_to
from gateway.opening import Letter
from protocol.frames import frame_hash
from tests.support.street import Street


def letters(count: int, start: int = 0) -> list[Letter]:
    return [Letter("unreadable", "outer", b"rubbish %d" % place, 1000, None)
            for place in range(start, start + count)]


def keep(street: Street, wanted: list[Letter], letters_max: int = aside.LETTERS_MAX) -> None:
    with writing(street.engine) as connection:
        aside.keep_letters(connection, street.keyring, wanted, letters_max)


def test_the_oldest_dead_letters_go_first(engine):
    street = Street(engine)
    for start in range(0, 12, 4):
        keep(street, letters(4, start), letters_max=6)
    assert street.rows("dead_letters", "serial", "1=1 ORDER BY serial") == [
        (number,) for number in range(7, 13)]
    assert street.rows("counters", "value, low", "name = 'dead_letters'") == [(12, 6)]


def test_a_flood_of_rubbish_costs_one_batch_of_letters(engine):
    street = Street(engine)
    keep(street, letters(1000))
    assert street.rows("dead_letters", "count(*)") == [(aside.LETTERS_BATCH_MAX,)]


def test_a_dead_letter_is_readable_with_the_frame_key_only(engine):
    street = Street(engine)
    frame = street.sale()
    flipped = bytes((*frame[:-1], frame[-1] ^ 1))
    street.answers(flipped)
    box, digest, size = street.rows("dead_letters", "box, frame_hash, size")[0]
    assert flipped not in box and digest == frame_hash(flipped) and size == len(flipped)
    month = 202611
    opened, _ = street.keyring.unlock(month, bound_to("dead_letters", digest), box)
    assert opened == flipped


def test_a_digest_must_be_whole_and_known_to_be_requeued(engine):
    street = Street(engine)
    message = street.message(street.sale())
    with writing(engine) as connection:
        aside.set_aside(connection, street.keyring, message, "KeyError", 5)
    for digest in (b"", message.digest[:7], b"x" * 8, b"x" * 32):
        with pytest.raises(aside.NotQuarantined, match="Nothing was changed"):
            street.registry.requeue(digest)
    street.registry.requeue(message.frame_hash)
    assert street.rows("quarantine", "state, fault, first_at") == [("requeued", "KeyError", 5)]


def test_the_row_of_a_quarantined_frame_keeps_the_frame(engine):
    street = Street(engine)
    message = street.message(street.sale())
    now = int(street.now.timestamp() * 1000)
    for _ in range(2):
        with writing(engine) as connection:
            aside.set_aside(connection, street.keyring, message, "KeyError", now)
    box, = street.rows("quarantine", "box")[0]
    bound = bound_to("quarantine", message.frame_hash)
    assert street.keyring.unlock(202611, bound, box)[0] == message.frame
