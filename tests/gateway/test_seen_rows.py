"""What is known of the messages of a batch from before, in one statement."""

from gateway.database import counting_statements, writing
from gateway.loading import CatalogueCache, load
from protocol import codes
from tests.support.street import Street


def loaded(street: Street, *frames: bytes):
    messages: list = street.intake.open_arrivals([street.arrival(frame) for frame in frames])
    with writing(street.engine) as connection:
        return load(connection, CatalogueCache(), messages, 0, street.keyring)


def test_outcomes_of_repeated_traces_are_found_and_boxes_only_for_the_same_frame(engine):
    street = Street(engine)
    tap = street.sale(trace=1)
    street.take(tap)
    same, other = loaded(street, tap).seen, loaded(street, street.sale(99, trace=1)).seen
    assert len(same.outcomes) == len(other.outcomes) == 1
    assert (len(same.boxes), len(other.boxes)) == (1, 0)


def test_a_tombstone_is_met_and_whether_its_frame_came_before(engine):
    street = Street(engine)
    late = street.sale(trace=1)
    street.take(street.void(1, trace=2))
    seen = loaded(street, late).seen
    assert [each.code for each in seen.outcomes.values()] == [codes.VOIDED] and not seen.voided
    street.take(late)
    assert loaded(street, late).seen.voided == frozenset(seen.outcomes)


def test_whatever_a_batch_asks_it_is_one_statement(engine):
    street = Street(engine)
    street.take(street.sale())
    with counting_statements(engine) as statements:
        loaded(street, street.sale(), street.void(1), street.heartbeat())
    assert sum("FROM quarantine" in statement for statement in statements) == 1
    assert sum("FROM sightings" in statement for statement in statements) == 1
