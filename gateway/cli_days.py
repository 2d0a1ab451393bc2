"""Commands on settlement days: close them, what terminals counted, what a merchant is due."""

import sys
from collections.abc import Callable
from datetime import date

import click

from gateway.cli_words import DAY, IDENTITY
from gateway.plainly import EXIT_FAILED, EXIT_NO_AUDIT, plainly

# a statement (JSON), whether JSON is wanted -> the exit code; it says itself what it found
Verifier = Callable[[str, bool], int]


@click.group(short_help="Settlement days: close those that are over; terminals' batches.")
def day() -> None:
    """Settlement days; the jobs process closes them by itself."""


@day.command("close", short_help="Close every day that is over, now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def day_close(as_json: bool) -> None:
    """Close every settlement day that is over in its programme, by its time zone and cut-over;
    what is closed never changes. Days on which nothing was booked have nothing to close. A
    programme whose days were tampered with is left alone and named (code 1)."""
    with plainly("day close"):
        from gateway import days, listing, processes
        from gateway.clock import from_day, to_ms, utc_now
        engine, keyring = processes.opened(processes.settle("day close"))
        fault = None
        try:
            done = days.close(engine, keyring, to_ms(utc_now()), by_hand=True)
        except days.DaysBroken as broken:
            done, fault = broken.done, broken
        if as_json:
            click.echo(listing.as_json({name: [
                {"programme_id": programme_id, "day": from_day(on)} for programme_id, on in which]
                for name, which in (("closed", done.sealed), ("open", sorted(done.open.items())))
            }))
        else:
            for programme_id, on in done.sealed:
                click.echo(f"programme {programme_id}: {from_day(on)} closed")
        if fault is not None:
            raise fault
        if not done.sealed:
            still = ", ".join(f"{from_day(on)} of programme {programme_id}"
                              for programme_id, on in sorted(done.open.items()))
            click.echo(f"no day is to be closed; open: {still or 'none'}", err=True)


@day.command("batches", short_help="Terminals' days that differ from what is posted.")
@click.option("--all", "everything", is_flag=True, help="Also those that agree.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def day_batches(everything: bool, as_json: bool) -> None:
    """List the batches that terminals closed with other totals than are posted here, or before all
    of their messages had come: count, money (minor units) and points on both sides, and what
    became of each trace in question (try_later: nothing had come)."""
    with plainly("day batches"):
        from gateway import batch_list, batch_showing, processes
        found = list(batch_list.listed(processes.held_desk("day batches"), everything=everything))
        if as_json:
            click.echo(batch_showing.as_json(found))
        else:
            batch_showing.show(found)
        if not found:
            click.echo("no batch was closed" if everything else "every batch agrees", err=True)


@click.command(short_help="What a merchant is due, day by day.")
@click.argument("merchant_id", metavar="MERCHANT", type=IDENTITY)
@click.option("--from", "first", type=DAY, required=True, help="The first settlement day.")
@click.option("--to", "last", type=DAY, required=True, help="The last settlement day.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--lines", "with_lines", is_flag=True, help="Also each entry, by receipt.")
@click.option("--verify", is_flag=True,
              help="Also work it out again from stored frames. Code 0 equal, 1 differs, 2 could"
              " not run.")
@click.pass_obj
def statement(verifier: Verifier | None, merchant_id: int, first: date, last: date,
              as_json: bool, with_lines: bool, verify: bool) -> None:
    """A merchant's statement: opening, issue cost and redemption credit of each day, closing; in
    minor units, negative where the merchant owes. Beside each day its programme, which sums to
    0."""
    if verify and verifier is None:
        raise click.UsageError("Only the `pointwire` command can --verify.")
    with plainly("statement", EXIT_NO_AUDIT if verify else EXIT_FAILED):
        from gateway import processes, statement_showing
        from gateway.clock import to_ms, utc_now
        from gateway.statement import statement as made
        from gateway.statement_lines import lines
        engine, keyring = processes.opened(processes.settle("statement"))
        found = made(engine, keyring, merchant_id, first, last, to_ms(utc_now()))
        told = lines(engine, merchant_id, found.first, found.last) if with_lines else None
        stated = statement_showing.as_json(found, told)
        if as_json and not verify:
            click.echo(stated)
        elif not as_json:
            statement_showing.show(found)
            if told is not None:
                statement_showing.show_lines(told)
    if verify and verifier is not None:
        sys.exit(verifier(stated, as_json))
