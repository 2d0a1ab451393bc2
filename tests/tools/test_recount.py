"""A statement worked out again from frames: equal where nothing was touched, and what was touched
is named."""

import json
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import days, held, statement_showing
from gateway.clock import business_day, from_day, to_ms
from gateway.database import writing
from gateway.held import HeldKey
from gateway.rules import Redeeming
from gateway.statement import statement
from gateway.tables import metadata
from tests.gateway.test_proposals import done
from tests.gateway.test_year import Shop
from tests.support.backups import back_up
from tests.support.street import JOURNAL, KEYS, RULES, Street
from tests.support.till import Till, restored
from tools import cli
from tools.recount.boxes import Opener
from tools.recount.errors import RecountError
from tools.recount.reading import Archive, snapshot
from tools.recount.recount import recount
from tools.recount.result import Result, Statement

LONG_AGO = datetime(2024, 1, 15, 4, 0, tzinfo=UTC)
RICHER = RULES._replace(rate_points=3, rate_minor=200, redeeming=Redeeming(
    100, 97, 100, 100, 10000))


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def stated(street: Street, first: int = -30, last: int = 0) -> str:
    """The statement of these days, counted from today."""
    today = from_day(business_day(to_ms(street.now), "Asia/Shanghai", 240))
    return statement_showing.as_json(statement(
        street.engine, street.keyring, street.merchant, today + timedelta(days=first),
        today + timedelta(days=last), to_ms(street.now)))


def compared(street: Street, text: str | None = None) -> Result:
    with snapshot(url_of(street.engine)) as connection:
        return recount(Archive(connection, Opener(KEYS[2])),
                       Statement.read(text or stated(street)), to_ms(street.now))


def trace_of(street: Street, frame: bytes) -> int:
    return street.message(frame).request.trace


def told(street: Street, frame: bytes, code: int = 0) -> int:
    """The trace of a frame that was answered so."""
    assert street.take(frame).code == code
    return trace_of(street, frame)


def busy(engine: Engine, opening: datetime = LONG_AGO) -> Street:
    """Four days of everything: bills and parts of them, what was held, late, by HQ; rates and
    rules that change in between."""
    street = Street(engine, terminals=2, members=2, opening=opening)
    noon = street.seconds()
    whole = told(street, street.sale(30_000))
    gone = told(street, street.sale(12_345, card=1, terminal=1))
    told(street, street.walk_in(777))
    mixed = told(street, street.redemption(200, 4_133))
    street.later(hours=1)
    street.registry.set_rates(street.merchant, 9_000, 9_500)
    told(street, street.sale(7_777, card=1))
    street.later(days=1)
    told(street, street.sale(5_550, at=noon, card=1))
    told(street, street.refund(mixed, amount_minor=1_333))
    last = told(street, street.refund(mixed, amount_minor=501))
    told(street, street.void(last))
    told(street, street.void(gone, terminal=1))
    told(street, street.void(trace_of(street, street.sale(999, card=1)), trace=70))
    waiting = told(street, street.sale(4_321, operator=9), 41)
    street.later(days=1)
    street.registry.add_rule_set(street.programme, RICHER, to_ms(street.now))
    street.later(minutes=1)
    told(street, street.sale(4_321))
    told(street, street.redemption(100, 96))
    held.post(street.intake, HeldKey(street.terminals[0], JOURNAL, waiting), "Lin")
    told(street, street.refund(whole, amount_minor=11_111))
    done(street, "grant", 55, bearer_id=street.merchant, category="goodwill")
    street.later(days=1)
    told(street, street.void(mixed))
    done(street, "refund", 0, receipt=1, amount_minor=5_005, bearer_id=street.merchant)
    told(street, street.refund(receipt=1, amount_minor=1_234, terminal=1))
    told(street, street.sale(1))
    done(street, "correction", 0, receipt=15, bearer_id=street.merchant)
    return street


def test_a_statement_comes_out_the_same_from_frames(engine):
    street = busy(engine)
    for closed in (False, True):
        if closed:
            days.close(engine, street.keyring, to_ms(street.now))
        found = compared(street)
        assert (found.differences, found.unverifiable) == ([], []) and found.equal
        assert [each.receipt for each in found.not_from_frames] == [
            row[0] for row in sorted(street.rows("entries", "id", "origin < 0"))]
        assert found.worked_out == street.rows("entries", "count(*)", "origin >= 0")[0][0] == 17


def test_a_part_of_the_days_needs_only_what_it_leads_to(engine):
    street = busy(engine)
    for first, last in ((-3, -3), (-2, -1), (0, 0)):
        assert compared(street, stated(street, first, last)).differences == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_customers_do_comes_out_the_same(engine, seed):
    street = Street(engine, members=5, opening=LONG_AGO)
    random = Random(seed)
    shop = Shop(street, random)
    for number in range(20):
        if number % 6 == 5:
            rates = random.randrange(5_000, 12_000), random.randrange(5_000, 12_000)
            street.registry.set_rates(street.merchant, *rates)
            street.registry.add_rule_set(street.programme, RICHER._replace(
                rate_points=random.randrange(1, 9)), to_ms(street.now))
            street.later(minutes=1)
        shop.day(number)
        street.later(days=1)
    found = compared(street)
    assert found.equal and not found.unverifiable and not found.differences
    assert found.worked_out > 20


def forged(street: Street, *statements: str) -> Result:
    """The comparison behind these changes of the database, by a statement made from it."""
    before = stated(street)
    with writing(street.engine) as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    assert not compared(street, before).equal  # also where the merchant has the true one
    return compared(street)


def test_parts_that_hq_let_through_and_taps_without_a_clock(engine):
    street = Street(engine, terminals=2, opening=LONG_AGO)
    told(street, street.sale(30_000, at=None))
    told(street, street.sale(9_999, at=None, uptime_s=50, boot_count=3))
    bill = told(street, street.redemption(100, 2_222))
    street.registry.set_terminal_state(street.terminals[0], "lost")
    parts = [told(street, frame, 41) for frame in (
        street.refund(bill, amount_minor=777), street.redemption(100, 3_333),
        street.sale(1_111), street.void(1))]
    street.later(days=1)
    street.registry.add_rule_set(street.programme, RICHER, to_ms(street.now))
    street.registry.set_rates(street.merchant, 8_000, 7_000)
    street.later(days=1)
    for trace in parts:
        held.post(street.intake, HeldKey(street.terminals[0], JOURNAL, trace), "Lin", "found")
    told(street, street.refund(street.terminals[0], JOURNAL, bill, amount_minor=1, terminal=1))
    told(street, street.void(street.terminals[0], JOURNAL, parts[1], terminal=1))
    found = compared(street)
    assert (found.differences, found.unverifiable) == ([], []) and found.worked_out == 9


def test_what_was_taken_over_after_a_restore_goes_by_the_rules_of_its_time(engine):
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RICHER,
                                 to_ms(street.now + timedelta(minutes=30)))
    till = Till(street)
    till.beat()
    name = back_up(engine)
    street.later(minutes=1)
    till.tap(30_000)
    till.refund(till.redeem(300, 5_000), amount_minor=700)
    street.later(hours=1)
    restored(street, name)
    till.beat()
    found = compared(street)
    assert found.equal and found.worked_out == 3 and not found.unverifiable


def test_rules_that_nobody_knew_yet_do_not_count(engine):
    street = Street(engine, opening=LONG_AGO)
    told(street, street.sale(30_000))
    street.later(days=1)
    street.registry.add_rule_set(street.programme, RICHER, to_ms(LONG_AGO) - 1)
    told(street, street.sale(30_000))
    assert compared(street).differences == []


def by_receipt(found: Result) -> dict[int | None, set[str]]:
    """What differs of each entry, without the days' sums."""
    named: dict[int | None, set[str]] = {}
    for each in found.differences:
        if each.receipt or each.trace:
            named.setdefault(each.receipt, set()).add(each.figure)
    return named


DUE = "(SELECT id FROM accounts WHERE kind = 'merchant_due')"
ISSUED = "(SELECT id FROM accounts WHERE kind = 'merchant_issued')"
REDEEMED = "(SELECT id FROM accounts WHERE kind = 'merchant_redeemed')"
FORGED = {
    "what points cost": ({5: {"cost_minor"}}, (
        f"UPDATE postings SET amount = amount + 7 WHERE entry_id = 5 AND account_id = {DUE}",)),
    "points of the merchant": ({5: {"points_issued"}}, (
        f"UPDATE postings SET amount = amount + 1 WHERE entry_id = 5 AND account_id = {ISSUED}",)),
    "points that paid": ({4: {"points_redeemed"}}, (
        "UPDATE postings SET amount = amount - 9 WHERE entry_id = 4"
        f" AND account_id = {REDEEMED}",)),
    "a line that is gone": ({5: {"cost_minor"}}, (
        f"DELETE FROM postings WHERE entry_id = 5 AND account_id = {DUE}",)),
    "the amount of a sale": ({5: {"sales_minor"}}, (
        "UPDATE entries SET amount_minor = 1 WHERE id = 5",)),
    "the amount of a refund": ({7: {"refunds_minor"}}, (
        "UPDATE entries SET amount_minor = -1334 WHERE id = 7",)),
    "the context of a sale, which nothing is taken from": ({}, (
        "UPDATE entries SET context = replace(context, '12000', '15000') WHERE id = 5",)),
    "the date of a sale": ({5: {"dated_at", "cost_minor"}}, (
        "UPDATE entries SET dated_at = dated_at - 60000 WHERE id = 5",)),
    "the settlement day": ({5: {"booked_on"}}, (
        "UPDATE entries SET booked_on = booked_on + 1 WHERE id = 5",)),
    "a day of another period": ({5: {"booked"}}, (
        "UPDATE entries SET booked_on = booked_on - 100 WHERE id = 5",)),
    "the merchant": ({5: {"booked", "entry", "points_issued", "cost_minor"}}, (
        "UPDATE entries SET merchant_id = 0 WHERE id = 5",)),
    "the card": ({5: {"card"}}, (
        "UPDATE entries SET card_id = (SELECT min(id) FROM cards) WHERE id = 5",)),
    "the kind": ({5: {"entry", "redemptions", "redemptions_minor", "points_issued",
                      "cost_minor"}}, (
        "UPDATE entries SET kind = 3 WHERE id = 5",)),
    "an entry that is gone": ({None: {"entry"}}, (
        "DELETE FROM entries WHERE id = 5", "DELETE FROM postings WHERE entry_id = 5")),
    "an entry that leads nowhere": ({5: {"entry", "sales", "sales_minor", "points_issued",
                                         "cost_minor"}}, (
        "UPDATE outcomes SET code = 31, entry_id = NULL WHERE entry_id = 5",)),
    "a second entry of one message": ({99: {"entry", "sales", "sales_minor"}}, (
        "INSERT INTO entries SELECT 99, kind, member_id, chain_seq + 100, merchant_id, shop_id,"
        " terminal_id, card_id, origin, operation_key, frame_hash, code, amount_minor,"
        " business_date, booked_on, at_claimed, dated_at, received_at, context, marks, link, head"
        " FROM entries WHERE id = 5",)),
    "what a sale was taken back for": ({8: {"points_taken_back", "points_given_back", "cost_minor",
                                            "credit_minor"}}, (
        "UPDATE postings SET amount = amount * 2 WHERE entry_id = 8",)),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_is_named(engine, name: str):
    named, statements = FORGED[name]
    street = busy(engine)
    found = forged(street, *statements) if named else compared(street)
    assert by_receipt(found) == named


def test_rates_and_rules_that_were_changed_behind_name_each_entry_they_made(engine):
    street = busy(engine)
    by_rates = forged(street, "UPDATE merchant_rates SET credit_bp = 5000")
    # the bill of receipt 4 is older than the rates, that of receipt 12 is not
    assert by_receipt(by_rates) == {12: {"credit_minor"}}
    by_rules = forged(street, "UPDATE rule_sets SET body = replace(body, '\"rate_minor\":100',"
                              " '\"rate_minor\":90')")
    assert {1, 2, 5, 6, 14} <= by_receipt(by_rules).keys()


def test_what_cannot_be_read_counts_as_booked_and_is_told(engine):
    street = busy(engine)
    text = stated(street)
    with writing(engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM frames WHERE origin = {street.terminals[0]} AND"
                                   " operation_key IN (SELECT operation_key FROM entries WHERE"
                                   " id IN (1, 5))")
    found = compared(street, text)
    # and of what is left of the bill of receipt 1 nobody knows
    assert [each.receipt for each in found.unverifiable] == [1, 5, 14, 18]
    assert "its frame is not kept" in found.unverifiable[0].why
    assert found.differences == [] and not found.equal
    street.later(days=460)
    assert compared(street, text).equal, "nobody keeps them any longer"


def test_a_frame_that_was_changed_or_exchanged_is_told(engine):
    street = busy(engine)
    text = stated(street)
    first, second = sorted(street.rows("frames", "operation_key, box",
                                       f"origin = {street.terminals[0]}"))[:2]
    frames = metadata.tables["frames"]
    for changed in (first[1][:-1] + b"\0", second[1]):
        with writing(engine) as connection:
            connection.execute(frames.update().values(box=changed).where(
                frames.c.origin == street.terminals[0], frames.c.operation_key == first[0]))
        found = compared(street, text)
        assert [each.receipt for each in found.unverifiable] == [1, 14, 18] and not found.equal
        assert all("does not open under the frame key" in each.why for each in found.unverifiable)


def test_a_day_that_was_left_out_or_made_up_is_told(engine):
    street = busy(engine)
    said = json.loads(stated(street))
    left_out = said | {"days": said["days"][1:]}
    assert {each.day for each in compared(street, json.dumps(left_out)).differences} == {
        "2024-01-15"}
    said["days"][0]["due_minor"] += 1
    only, = compared(street, json.dumps(said)).differences
    assert (only.day, only.figure, only.receipt) == ("2024-01-15", "due_minor", None)
    assert int(only.booked) == int(only.recounted) + 1


def run(street: Street, *arguments: str, **given):
    names = ("MASTER", "AUDIT", "FRAME")
    env = {f"POINTWIRE_{name}_KEY": key.hex() for name, key in zip(names, KEYS, strict=True)}
    env |= {"POINTWIRE_DATABASE_URL": url_of(street.engine)} | given.pop("env", {})
    return CliRunner().invoke(cli.pointwire, arguments, env=env, **given)


PERIOD = ("--from", "2024-01-15", "--to", "2024-01-18")


def test_the_command_says_equal_or_what_differs_and_how_it_ended(engine):
    street = busy(engine)
    asked = ("gateway", "statement", str(street.merchant), *PERIOD)
    equal = run(street, *asked, "--verify")
    assert equal.exit_code == 0, equal.output
    assert "equal: 17 entries worked out from frames, 0 differences" in equal.stdout
    assert "not from frames" in equal.stdout and "closing" in equal.stdout
    whole = json.loads(run(street, *asked, "--verify", "--json").stdout)
    assert whole["verification"]["equal"] and whole["merchant"] == "Bean"
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE entries SET amount_minor = 7 WHERE id = 5")
    differs = run(street, *asked, "--verify")
    assert differs.exit_code == 1 and "sales_minor: 7, recounted 7777" in differs.stdout
    assert f"{street.terminals[0]}/{JOURNAL}/" in differs.stdout
    kept = run(street, *asked, "--json").stdout
    assert run(street, "recount", "-", input=kept).exit_code == 1


def test_what_cannot_run_says_why_and_ends_with_two(engine):
    street = busy(engine)
    asked = ("gateway", "statement", str(street.merchant), *PERIOD)
    kept = run(street, *asked, "--json").stdout
    for text, env in (("{}", {}), ("[1]", {}), ("x", {}), ("[" * 100_000, {}),
                      (kept.replace('"merchant_id": 1', '"merchant_id": 1e999'), {}),
                      (kept, {"POINTWIRE_FRAME_KEY": "00"}),
                      (kept, {"POINTWIRE_DATABASE_URL": "sqlite:////nowhere/there.sqlite3"}),
                      (kept, {"POINTWIRE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}),
                      (kept.replace('"merchant_id": 1', '"merchant_id": 9'), {})):
        ended = run(street, "recount", "-", input=text, env=env)
        assert (ended.exit_code, ended.stdout) == (2, ""), ended.output
        assert "Nothing was compared" in ended.stderr and ended.stderr.count("\n") == 1
    assert run(street, "gateway", "statement", "9", *PERIOD, "--verify").exit_code == 2


@pytest.mark.parametrize("body", ["x", "{}", "[]", '[1]', "[" * 100_000, '{"tiers":[7]}'],
                         ids=lambda body: body[:9])
def test_rules_that_do_not_read_end_the_recount_in_one_line(sqlite_engine, body):
    street = Street(sqlite_engine)
    kept = stated(street)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("UPDATE rule_sets SET body = ?", (body,))
    with pytest.raises(RecountError, match="Rule set 1 does not read. Nothing was compared"):
        compared(street, kept)


def test_the_recount_only_reads(engine):
    street = busy(engine)
    before = {table: sorted(map(repr, street.rows(table))) for table in metadata.tables}
    with snapshot(url_of(engine)) as connection, pytest.raises(SQLAlchemyError):
        connection.exec_driver_sql("DELETE FROM entries")
    assert compared(street).equal
    assert {table: sorted(map(repr, street.rows(table))) for table in metadata.tables} == before


def test_a_database_of_another_kind_is_called_what_it_is():
    with pytest.raises(RecountError, match="of kind 'mysql'. Nothing"), snapshot("mysql://x/y"):
        pass
