"""How rates look to a person, in a pipe and to a program."""

import io
import json

from gateway import rates_showing
from tests.support.commands import Screen
from tests.support.street import Street


def test_a_table_shows_the_rates_of_every_merchant(sqlite_engine):
    street = Street(sqlite_engine)
    street.registry.set_rates(street.merchant, 9000, 9500)
    street.registry.create_merchant(street.programme, "Leaf\tand\nlemon")
    listed = street.registry.rates()
    screen, pipe = Screen(), io.StringIO()
    rates_showing.show(listed, screen)
    rates_showing.show(listed, pipe)
    assert "credit bp" in screen.getvalue() and "9500" in screen.getvalue()
    assert pipe.getvalue() == (
        f"{street.merchant}\tBean\t1\t9000\t9500\t2026-11-21 04:00:00\t\tyes\n"
        f"{street.merchant + 1}\tLeaf and lemon\t0\t10000\t10000\t\t\tyes\n")


def test_json_has_times_in_utc_and_none_where_nobody_set_rates(sqlite_engine):
    street = Street(sqlite_engine)
    assert json.loads(rates_showing.as_json(street.registry.rates())) == [
        {"merchant_id": street.merchant, "merchant": "Bean", "version": 0, "begins_at": None,
         "cost_bp": 10000, "credit_bp": 10000, "in_force": True, "ends_at": None,
         "replaces": None}]
    facts = street.registry.set_rates(street.merchant, 1, 2)
    assert json.loads(rates_showing.as_json([facts]))[0]["begins_at"] == "2026-11-21T04:00:00Z"
