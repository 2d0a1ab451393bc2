"""Commands on daily roots: export them, prove by them."""

from datetime import date

import click

from gateway.cli_words import DAY, IDENTITY
from gateway.plainly import plainly


@click.group(short_help="Daily roots of the chains: export them, prove by them.")
def root() -> None:
    """One line a day that says where every chain stood, in a file kept elsewhere."""


@root.command("export", short_help="Write the root of a day that has ended.")
@click.option("--day", type=DAY,
              help="The settlement day. [default: the last that has ended in every programme]")
@click.option("--to", "place", metavar="FILE|DIR",
              help="Where roots are kept; a folder gets a roots.jsonl. [default:"
                   " POINTWIRE_ROOT_FILE]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def root_export(day: date | None, place: str | None, as_json: bool) -> None:
    """Append the root of a settlement day to a file, once for each day."""
    with plainly("root export"):
        from gateway import clock, processes, roots_showing
        done = processes.export_root(None if day is None else clock.to_day(day), place)
        click.echo(roots_showing.as_json(done) if as_json else roots_showing.line(done))


@root.command("prove", short_help="The way from a member's chain to a root.")
@click.argument("member_id", metavar="MEMBER", type=IDENTITY)
@click.option("--from", "place", metavar="FILE|DIR",
              help="Where roots are kept. [default: POINTWIRE_ROOT_FILE]")
def root_prove(member_id: int, place: str | None) -> None:
    """Show, as JSON, the hashes that lead from a member's chain to the newest root that tells of
    it: whoever has the root can see that the chain is in it."""
    with plainly("root prove"):
        from gateway import processes
        from gateway.audit import roots
        click.echo(roots.as_json(processes.prove_root(member_id, place)))
