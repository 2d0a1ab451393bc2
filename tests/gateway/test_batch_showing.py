"""How closed batches look to a person and to a program; `pointwire gateway day batches`."""

import io
import json

from gateway import batch_list, batch_showing
from tests.gateway.test_batch_list import differing
from tests.support.commands import Screen, command
from tests.support.street import Street


def test_a_person_sees_which_totals_differ_and_a_program_reads_them(sqlite_engine):
    street = differing(sqlite_engine)
    found, screen, pipe = list(batch_list.listed(street.intake)), Screen(), io.StringIO()
    batch_showing.show(found, screen)
    batch_showing.show(found, pipe)
    assert "Old town" in screen.getvalue()
    first, second = pipe.getvalue().splitlines()
    assert first.endswith("\t3-3\tsale: terminal 2x 2500 +30p, here 1x 1250 +15p\t3=approved")
    assert second.endswith("\t1-1\t\t1=try_later")
    told, _ = json.loads(batch_showing.as_json(found))
    assert (told["closed_at"], told["ours"]) == ("2026-11-21T04:00:00Z", {"1": [1, 1250, 15]})


def test_the_command_lists_what_differs_or_all(engine):
    street = differing(engine)
    assert command(street, "day", "batches").stdout.count("\n") == 2
    shown = command(street, "day", "batches", "--all", "--json")
    assert shown.exit_code == 0 and len(json.loads(shown.stdout)) == 3


def test_without_any_it_says_so(sqlite_engine):
    street = Street(sqlite_engine)
    street.answers(street.sale(), street.batch_close(1, 1, totals={1: (1, 1250, 15)}))
    agrees = command(street, "day", "batches")
    assert (agrees.exit_code, agrees.stdout, agrees.stderr) == (0, "", "every batch agrees\n")
