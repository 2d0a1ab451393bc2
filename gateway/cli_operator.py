"""Commands of head office on operators: who may log in at a merchant's tills (K10, T7)."""

import secrets
import sys

import click

from gateway.cli_words import IDENTITY, Number
from gateway.plainly import plainly

MERCHANT = click.argument("merchant_id", metavar="MERCHANT", type=IDENTITY)
NUMBER = click.argument("number", metavar="NUMBER", type=Number(1, 65535))
BY = click.option("--by", required=True, help="Who does it; kept with the change.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")


@click.group(short_help="Who may log in at a merchant's tills, and their PINs.")
def operator() -> None:
    """Operators of merchants: a number and a name, and a PIN to log in with."""


@operator.command("add", short_help="Add an operator to a merchant.")
@MERCHANT
@NUMBER
@click.argument("name")
@BY
@JSON
def operator_add(merchant_id: int, number: int, name: str, by: str, as_json: bool) -> None:
    """Add an operator to a merchant, for all its shops. It logs in once it has a PIN (operator
    pin)."""
    with plainly("operator add"):
        from gateway import operator_showing, processes
        desk = processes.registry_desk("operator add", by)
        desk.create_operator(merchant_id, number, name)
        facts = desk.operator(merchant_id, number)
        click.echo(operator_showing.as_json(facts) if as_json else operator_showing.line(facts))


@operator.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def operator_list(as_json: bool) -> None:
    """List the operators of every merchant; whether they have a PIN, and who is locked out."""
    with plainly("operator list"):
        from gateway import operator_showing, processes
        found = processes.registry_desk("operator list").operators()
        if as_json:
            click.echo(operator_showing.as_json(found))
        else:
            operator_showing.show(found)
        if not found:
            click.echo("there are no operators", err=True)


@operator.command("pin", short_help="Give an operator a PIN, or another one.")
@MERCHANT
@NUMBER
@click.option("--generate", is_flag=True, help="Make one at random and show it, this once.")
@BY
@JSON
def operator_pin(merchant_id: int, number: int, generate: bool, by: str, as_json: bool) -> None:
    """Give an operator a PIN of 4 to 8 digits in place of the one it had, and end a lock after
    wrong ones. It is asked for twice and not shown; from a pipe it is the first line. Nobody can
    look it up afterwards."""
    with plainly("operator pin"):
        from gateway import operator_showing, pins, processes
        desk = processes.registry_desk("operator pin", by)
        pin = _made(pins.GENERATED_DIGITS) if generate else pins.need_pin(_asked())
        facts = desk.set_operator_pin(merchant_id, number, pin)
        if as_json:
            click.echo(operator_showing.as_json(facts, **{"pin": pin} if generate else {}))
            return
        click.echo(operator_showing.line(facts))
        if generate:
            click.echo(f"its PIN is {pin}: it is not shown again")


def _made(digits: int) -> str:
    return f"{secrets.randbelow(10 ** digits):0{digits}d}"


def _typed() -> bool:
    return sys.stdin.isatty()


def _asked() -> str:
    """Typed unseen and twice at a terminal, else the next line of standard input; raises
    click.Abort."""
    if _typed():
        return click.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    line = sys.stdin.readline().strip()
    if not line:
        raise click.Abort
    return line


@operator.command("suspend", short_help="Bar an operator from every till.")
@MERCHANT
@NUMBER
@BY
@JSON
def operator_suspend(merchant_id: int, number: int, by: str, as_json: bool) -> None:
    """Bar an operator: no login, and what is done online in its name is refused (52). A sale in
    its name is held for head office."""
    _set("suspend", merchant_id, number, by, as_json)


@operator.command("reinstate", short_help="Let a suspended operator in again.")
@MERCHANT
@NUMBER
@BY
@JSON
def operator_reinstate(merchant_id: int, number: int, by: str, as_json: bool) -> None:
    """Let a suspended operator in again. What was held meanwhile waits in held list."""
    _set("reinstate", merchant_id, number, by, as_json)


def _set(name: str, merchant_id: int, number: int, by: str, as_json: bool) -> None:
    with plainly(f"operator {name}"):
        from gateway import operator_showing, processes
        desk = processes.registry_desk(f"operator {name}", by)
        change = desk.suspend_operator if name == "suspend" else desk.reinstate_operator
        facts = change(merchant_id, number)
        click.echo(operator_showing.as_json(facts) if as_json else operator_showing.line(facts))
