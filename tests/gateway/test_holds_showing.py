"""How holds look to a person and to a program."""

import io
import json

from gateway import holds_list, holds_showing
from tests.gateway.test_decisions_hold import holding, take
from tests.support.commands import Screen


def test_a_person_sees_a_table_and_a_program_reads_days_and_times(sqlite_engine):
    street = holding(sqlite_engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    found, screen, pipe = list(holds_list.listed(street.intake)), Screen(), io.StringIO()
    holds_showing.show(found, screen)
    holds_showing.show(found, pipe)
    assert "Bean" in screen.getvalue() and pipe.getvalue().count("\n") == 1
    told, = json.loads(holds_showing.as_json(found))
    assert (told["returned_at"], told["due_on"], told["lots"]) == (
        "2026-11-21T04:00:00Z", "2026-12-05", [1])
    assert holds_showing.line(take(street, 2)) == (
        "hold of receipt 2 taken: -30 points, balance 90, receipt 3")
