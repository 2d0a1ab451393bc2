"""Commands of head office on what returns hold: list, take, release."""

import click

from gateway.cli_words import RECEIPT
from gateway.plainly import in_turn, plainly


@click.group(short_help="Points that returns hold: list, take or release them.")
def holds() -> None:
    """Points that refunds and voids put aside for head office, where the rules say so; without a
    verdict they are released when their time is up."""


@holds.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def holds_list(everything: bool, as_json: bool) -> None:
    """List what is held, by the receipt number of the refund or void."""
    with plainly("holds list"):
        from gateway import holds_list, holds_showing, processes
        found = list(holds_list.listed(processes.held_desk("holds list"), everything=everything))
        if as_json:
            click.echo(holds_showing.as_json(found))
        else:
            holds_showing.show(found)
        if not found:
            click.echo("nothing is held", err=True)


def _verdicts(name: str, receipts: tuple[int, ...], by: str, reason: str, as_json: bool) -> None:
    """HQ's word on each hold named, in order, until one cannot be done."""
    with plainly(f"holds {name}"):
        from gateway import holds as desk
        from gateway import holds_showing, processes
        intake = processes.held_desk(f"holds {name}")
        decide = {"take": desk.take, "release": desk.release}[name]
        in_turn(receipts, lambda receipt: decide(intake, receipt, by, reason),
                holds_showing.line, holds_showing.as_json, as_json)


@holds.command("take", short_help="Take what returns hold.")
@click.argument("receipts", nargs=-1, required=True, type=RECEIPT)
@click.option("--by", default="command line", help="Who decides; kept with the verdict.")
@click.option("--reason", required=True, help="Why; kept encrypted with the verdict, 400 days.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of lines.")
def holds_take(receipts: tuple[int, ...], by: str, reason: str, as_json: bool) -> None:
    """Take what returns (receipt numbers, as the list shows them) claim, as if they had taken it
    at once: what is not there any more becomes debt."""
    _verdicts("take", receipts, by, reason, as_json)


@holds.command("release", short_help="Give back what returns hold.")
@click.argument("receipts", nargs=-1, required=True, type=RECEIPT)
@click.option("--by", default="command line", help="Who decides; kept with the verdict.")
@click.option("--reason", required=True, help="Why; kept encrypted with the verdict, 400 days.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of lines.")
def holds_release(receipts: tuple[int, ...], by: str, reason: str, as_json: bool) -> None:
    """Give the points that returns (receipt numbers, as the list shows them) hold back to their
    members; the bills stay taken back."""
    _verdicts("release", receipts, by, reason, as_json)
