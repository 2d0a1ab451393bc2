"""The list of holds: what HQ needs to decide on a return."""

from gateway import holds_list
from tests.gateway.test_decisions_hold import holding, jobs, release
from tests.support.street import JOURNAL


def test_the_list_goes_on_over_pages_and_tells_who_ended_what(sqlite_engine, monkeypatch):
    monkeypatch.setattr(holds_list, "PAGE_ROWS", 2)
    street = holding(sqlite_engine)
    street.answers(street.sale(10_000), *(
        street.refund(1, amount_minor=1000) for _ in range(5)))
    assert [each.receipt for each in holds_list.listed(street.intake)] == [2, 3, 4, 5, 6]
    release(street, 3)
    street.take(street.void(6))
    street.later(days=15)
    jobs(street)
    assert list(holds_list.listed(street.intake)) == []
    found = list(holds_list.listed(street.intake, everything=True))
    assert [(each.state, each.by) for each in found] == [
        ("lapsed", "jobs"), ("released", "Lin"), ("lapsed", "jobs"), ("lapsed", "jobs"),
        ("voided", None)]
    assert found[0].of == f"{street.terminals[0]}/{JOURNAL}/1"
    assert [each.held for each in found] == [0] * 5
