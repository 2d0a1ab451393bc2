"""The audit of closed days: sealed rows that entries do not come to, and days that are gone."""

import pytest

from gateway import chain, days
from gateway.audit import days as audit_days
from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.tables import day_totals, open_days
from tests.support.intruder import Intruder
from tests.support.street import Street


def three_days(engine) -> Street:
    street = Street(engine)
    for _ in range(3):
        street.answers(street.sale())
        street.later(days=1)
    days.close(engine, street.keyring, to_ms(street.now))
    return street


def said(street: Street, table: str) -> list[str]:
    report = run_audit(street.engine, street.keyring, clock=lambda: street.now)
    return [found.wrong for found in report.findings if found.table == table]


def test_days_with_many_entries_are_added_up_one_by_one(engine, monkeypatch):
    street, windows = three_days(engine), []
    sound = days.figures
    monkeypatch.setattr(days, "figures", lambda connection, first, last: windows.append(
        last - first + 1) or sound(connection, first, last))
    for entries_max, expected in ((3, [31]), (2, [2, 31]), (1, [1, 1, 31]), (0, [1, 1, 1])):
        monkeypatch.setattr(audit_days, "WINDOW_ENTRIES", entries_max)
        assert said(street, "day_totals") == []
        assert windows == expected
        windows.clear()


def test_a_first_closing_that_was_interrupted_is_no_finding(engine, monkeypatch):
    street = Street(engine)
    street.answers(street.sale())
    street.later(days=1)
    monkeypatch.setattr(days, "older_ended", lambda *_: False)
    with pytest.raises(days.StillBooked):
        days.close(engine, street.keyring, to_ms(street.now))
    report = run_audit(engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert report.findings == () and len(street.rows("open_days")) == 1


def test_an_entry_in_a_closed_day_is_found_by_its_sum(engine):
    street = three_days(engine)
    day = street.rows("open_days", "open_on")[0][0] - 1
    with Intruder(engine, open_days) as intruder:
        row = (street.programme, day)
        intruder.run(open_days.update().values(
            open_on=day, row_mac=chain.seal(street.keyring.audit_key, "open_days", row)))
        street.intake = street.new_intake()
        street.later(days=-1)
        street.answers(street.sale())
        street.later(days=1)
        assert said(street, "open_days") == [
            f"older than what is closed: it says day {day}, day {day} is closed."]
    assert len(said(street, "day_totals")) == 2  # of the merchant and of the programme


def test_days_and_merchants_that_are_gone_are_named(engine):
    street = three_days(engine)
    rows = street.rows("day_totals", "booked_on", "merchant_id = 0 ORDER BY booked_on")
    with Intruder(engine, day_totals) as intruder:
        intruder.run(day_totals.delete().where(day_totals.c.booked_on == rows[1][0]))
        assert said(street, "day_totals") == ["missing, its day is closed."] * 2
    with Intruder(engine, day_totals) as intruder:
        intruder.run(day_totals.delete().where(day_totals.c.booked_on == rows[2][0],
                                               day_totals.c.merchant_id > 0))
        assert said(street, "day_totals") == ["missing, its day is closed."]
    assert said(street, "day_totals") == []


def rebuilt(street: Street, table: str) -> list[str]:
    """What a rebuild says of a table beside what the audit says anyway."""
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert table in {each.table for each in report.rebuilt if each.rows}
    return [found.wrong for found in report.findings
            if found.table == table and "rebuilt" in found.wrong]


def test_a_rebuild_names_each_figure_of_a_closed_day_that_was_changed(engine):
    street = three_days(engine)
    assert rebuilt(street, "day_totals") == []
    figures = street.rows("day_totals", "figures", "merchant_id = 1")[0][0]
    for changed, named in (
            (figures.replace('"sales_minor":1250', '"sales_minor":1251'),
             ["sales_minor is 1251, rebuilt it is 1250."]),
            (figures.replace('"sales":1,', ''), ["sales is 0, rebuilt it is 1."])):
        assert changed != figures
        with Intruder(engine, day_totals) as intruder:
            intruder.run(day_totals.update().where(day_totals.c.figures == figures,
                         day_totals.c.booked_on == street.rows(
                             "day_totals", "min(booked_on)")[0][0]).values(figures=changed))
            assert rebuilt(street, "day_totals") == named
    for changed in ("x", "[" * 100_000):  # the second is too deep for a parser
        with Intruder(engine, day_totals) as intruder:
            intruder.run(day_totals.update().where(day_totals.c.merchant_id == 1)
                         .values(figures=changed))
            assert "sales is None, rebuilt it is 1." in rebuilt(street, "day_totals")


def test_a_rebuild_names_an_open_day_that_was_moved_either_way(engine):
    street = three_days(engine)
    day, = street.rows("open_days", "open_on")[0]
    assert rebuilt(street, "open_days") == []
    for wrong in (day - 1, day + 2, 0):
        with Intruder(engine, open_days) as intruder:
            intruder.run(open_days.update().values(open_on=wrong))
            assert rebuilt(street, "open_days") == [
                f"open_on is {wrong}, rebuilt it is {day}."]


def test_a_rebuild_says_nothing_of_a_mark_that_moved_on_and_whose_days_are_not_sealed_yet(
        engine, monkeypatch):
    street = three_days(engine)
    street.answers(street.sale())
    street.later(days=1)
    monkeypatch.setattr(days, "older_ended", lambda *_: False)
    with pytest.raises(days.StillBooked):
        days.close(engine, street.keyring, to_ms(street.now))
    assert rebuilt(street, "open_days") == [] == said(street, "open_days")
