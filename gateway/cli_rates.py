"""Commands on merchants' rates (K9, M2)."""

from datetime import date

import click

from gateway.cli_words import DAY, IDENTITY, Number
from gateway.plainly import plainly


@click.group(short_help="At what merchants settle: set rates, list them.")
def rates() -> None:
    """At what merchants settle, in basis points: 10000 is the whole worth, 9500 are 95 %."""


RATE = Number(0, 100_000)


@rates.command("set", short_help="Set a merchant's rates.")
@click.argument("merchant_id", metavar="MERCHANT", type=IDENTITY)
@click.option("--cost-bp", type=RATE, required=True,
              help="What it pays of the worth of the points that its sales give.")
@click.option("--credit-bp", type=RATE, required=True,
              help="What it gets of the money that points take off its bills.")
@click.option("--from", "begins", type=DAY,
              help="The business day with which they begin; without it from now on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def rates_set(merchant_id: int, cost_bp: int, credit_bp: int, begins: date | None,
              as_json: bool) -> None:
    """Set a merchant's rates, from now on or from the beginning of a later business day of its
    programme, until the next ones begin. What was set for that same day before never counts then.
    What happened before keeps its own, also what arrives later."""
    with plainly("rates set"):
        from gateway import processes, rates_showing
        facts = processes.registry_desk("rates set").set_rates(
            merchant_id, cost_bp, credit_bp, begins)
        click.echo(rates_showing.as_json(facts) if as_json else rates_showing.line(facts, begins))


@rates.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def rates_list(as_json: bool) -> None:
    """List the rates of every merchant: those in force, earlier and later ones."""
    with plainly("rates list"):
        from gateway import processes, rates_showing
        listed = processes.registry_desk("rates list").rates()
        if as_json:
            click.echo(rates_showing.as_json(listed))
        else:
            rates_showing.show(listed)
        if not listed:
            click.echo("there are no merchants", err=True)
