"""`pointwire gateway held`: lines, JSON and codes, and never a card number."""

import json

from sqlalchemy import delete, update

from gateway import held_list, held_showing
from gateway.database import writing
from gateway.tables import frames
from tests.support import commands
from tests.support.street import JOURNAL, Street


def command(street: Street, *words: str):
    return commands.command(street, "held", *words)


def held_street(engine, taps: int = 1) -> tuple[Street, list[str]]:
    street = Street(engine)
    street.answers(*(street.sale(operator=9) for _ in range(taps)))
    return street, [f"{street.terminals[0]}/{JOURNAL}/{trace + 1}" for trace in range(taps)]


def test_a_held_tap_is_listed_posted_and_gone_from_the_list(engine):
    street, (key,) = held_street(engine)
    shown = command(street, "list")
    assert shown.exit_code == 0 and shown.stdout.startswith(f"{key}\topen\t")
    assert "operator_unknown" in shown.stdout and f"****{street.cards[0][-4:]}" in shown.stdout
    assert street.cards[0] not in shown.stdout
    done = command(street, "post", key, "--reason", "asked")
    assert (done.exit_code, done.stdout) == (
        0, f"{key} posted: +15 points, balance 15, receipt 1\n")
    again = command(street, "list")
    assert (again.exit_code, again.stdout) == (0, "") and "nothing is held" in again.stderr
    story, = json.loads(command(street, "list", "--all", "--json").stdout)
    assert (story["key"], story["state"], story["by"], story["reason"]) == (
        key, "posted", "command line", "asked")


def test_json_tells_each_verdict_and_stops_at_the_first_that_cannot_be_done(engine):
    street, keys = held_street(engine, 3)
    done = command(street, "refuse", keys[0], "--reason", "no", "--json")
    assert json.loads(done.stdout) == [{"key": keys[0], "state": "refused", "points": 0,
                                        "balance": None, "receipt": None}]
    mixed = command(street, "post", keys[1], keys[0], keys[2], "--json")
    assert mixed.exit_code == 1 and "was refused by HQ already" in mixed.stderr
    assert keys[0] in mixed.stderr and "Traceback" not in mixed.output
    assert [each["key"] for each in json.loads(mixed.stdout)] == [keys[1]]
    assert [each["key"] for each in json.loads(command(street, "list", "--json").stdout)
            ] == [keys[2]]


def test_wrong_words_end_with_2_and_wrong_keys_with_1(sqlite_engine):
    street, (key,) = held_street(sqlite_engine)
    assert command(street, "post").exit_code == 2
    assert command(street, "refuse", key).exit_code == 2
    wrong = command(street, "post", "10000001-7-1")
    assert wrong.exit_code == 1 and "terminal/journal/trace" in wrong.stderr
    nobody = command(street, "post", "5/5/5")
    assert nobody.exit_code == 1 and "5/5/5 is not held" in nobody.stderr
    assert "gateway held list. Of the 2" in command(street, "post", "5/5/5", key).stderr


def test_on_a_terminal_it_is_a_table(sqlite_engine):
    street, (key,) = held_street(sqlite_engine)
    out = commands.Screen()
    held_showing.show_taps(list(held_list.waiting(street.intake)), out)
    shown = out.getvalue()
    assert key in shown and "why" in shown and "reason" not in shown


def test_a_frame_that_does_not_open_is_not_one_that_is_no_longer_kept(engine):
    street, keys = held_street(engine, 3)
    key = (street.terminals[0], JOURNAL.to_bytes(4, "big") + (2).to_bytes(4, "big"))
    with writing(engine) as connection:
        mine = (frames.c.origin == key[0]) & (frames.c.operation_key == key[1])
        connection.execute(update(frames).where(mine).values(box=bytes(40)))
    shown = command(street, "list")
    assert [line.split("\t")[:3] for line in shown.stdout.splitlines()] == [
        [keys[0], "open", "sale"], [keys[1], "open", "frame does not open"],
        [keys[2], "open", "sale"]]
    assert shown.exit_code == 1 and "1 of these frames" in shown.stderr
    assert "POINTWIRE_FRAME_KEY" in shown.stderr and "decide nothing" in shown.stderr
    assert [each["frame"] for each in json.loads(command(street, "list", "--json").stdout)] == [
        "kept", "does not open", "kept"]
    with writing(engine) as connection:
        connection.execute(delete(frames).where(mine))
    shown = command(street, "list")
    assert shown.exit_code == 0 and f"{keys[1]}\topen\tframe no longer kept\t" in shown.stdout
