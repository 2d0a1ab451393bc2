"""The list of held taps: what HQ needs to decide, and no card number."""

from sqlalchemy import event

from gateway import held_list
from tests.gateway.test_held import held_tap, post
from tests.support.street import Street, card_number


def test_the_list_tells_what_hq_needs_and_no_card_number(engine):
    street = Street(engine, terminals=2)
    street.registry.set_terminal_state(street.terminals[1], "suspended")
    first, second = held_tap(street), held_tap(street, 800, terminal=1)
    found = list(held_list.waiting(street.intake))
    assert [each.key for each in found] == [first, second]
    tap = found[0]
    assert (tap.merchant, tap.shop, tap.kind, tap.amount_minor) == (
        "Bean", "Old town", "sale", 1250)
    assert tap.card == f"****{street.cards[0][-4:]}" and tap.tapped_at == street.now
    assert [each.why for each in found] == ["operator_unknown", "terminal_suspended"]
    street.registry.create_operator(street.merchant, 9, "Li")
    assert [each.why for each in held_list.waiting(street.intake)] == ["", "terminal_suspended"]
    post(street, first)
    assert [each.key for each in held_list.waiting(street.intake)] == [second]
    everything = list(held_list.waiting(street.intake, everything=True))
    assert [(each.state, each.by, each.reason) for each in everything] == [
        ("posted", "Lin", "asked the shop"), ("open", None, None)]


def test_the_list_goes_on_over_pages(sqlite_engine, monkeypatch):
    monkeypatch.setattr(held_list, "PAGE_ROWS", 3)
    street = Street(sqlite_engine, terminals=2)
    keys = sorted(held_tap(street, terminal=place % 2) for place in range(8))
    assert [each.key for each in held_list.waiting(street.intake)] == keys


def test_the_list_looks_at_held_rows_only(sqlite_engine):
    street = Street(sqlite_engine)
    held_tap(street)
    plans: list[str] = []

    def explain(_connection, cursor, statement, parameters, _context, _many) -> None:
        if "FROM outcomes" in statement:
            found = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in found)

    event.listen(sqlite_engine, "before_cursor_execute", explain)
    assert len(list(held_list.waiting(street.intake))) == 1
    event.remove(sqlite_engine, "before_cursor_execute", explain)
    scans = [plan for plan in plans if plan.startswith("SCAN outcomes")]
    assert scans == ["SCAN outcomes USING INDEX ix_outcomes_held"]


def test_a_voided_tap_waits_no_more_and_is_shown_as_voided(engine):
    street = Street(engine)
    key = held_tap(street)
    street.take(street.void(1))
    assert list(held_list.waiting(street.intake)) == []
    story, = held_list.waiting(street.intake, everything=True)
    assert (story.key, story.state, story.by) == (key, "voided", None)


def test_a_card_is_known_by_its_last_four_only():
    assert held_list.masked_card((2, int(card_number(7)))) == f"****{card_number(7)[-4:]}"
    assert held_list.masked_card((2, bytes.fromhex("04a1b2c3"))) == "****b2c3"
    assert held_list.masked_card(None) is None
