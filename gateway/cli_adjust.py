"""Commands of head office on members' points: propose, approve, refuse."""

import sys
from datetime import date

import click

from gateway.cli_words import DAY, IDENTITY, LOT, RECEIPT, Number
from gateway.commands import CATEGORIES, KINDS
from gateway.plainly import plainly
from protocol.limits import AMOUNT_MINOR_MAX

WORDS = {kind.replace("_", "-"): kind for kind in KINDS}

EXAMPLES = """\b
  propose grant --member 12 --points 500 --category fault --reason "till was down" --by Lin
  propose penalty --member 12 --points 900 --category abuse --reason "..." --by Lin
  propose correction --member 12 --receipt 77 --category mistake --reason "..." --by Lin
  propose extension --member 12 --lot 31 --until 2027-03-31 --category goodwill ...
  propose release --member 12 --lot 31 --category goodwill --reason "..." --by Lin
  list
  approve 7 --by Wang
"""


@click.group(short_help="Points given, taken or put right by head office.", epilog=EXAMPLES)
def adjust() -> None:
    """Points given, taken or put right by head office: one person proposes, another approves.

    The member sees each of them with its category and who bears it."""


@adjust.command(short_help="Propose a command, for another person to approve.", epilog="""\b
grant, compensation  +points; the bearer pays what they are worth
penalty              points taken; what is not there becomes debt
correction           --points N or -N naming a --receipt of the member; naming an
                     adjustment without --points takes the whole of it back
write-off            debt that is old enough; without --points all of that
extension            a --lot, ended or not, is usable --until a day
release              what is frozen in a --lot is usable again
forfeit              what is frozen in a --lot expires
refund               of a sale or bill by its --receipt, elsewhere or too late for a
                     cashier; --amount in minor units, without it all that remains
""")
@click.argument("kind", metavar="KIND", type=click.Choice(list(WORDS)))
@click.option("--member", "member_id", type=IDENTITY, help="The member, by number.")
@click.option("--card", help="The member, by a card: its whole number, or - to be asked for it"
              " (in a pipe: the next line).")
@click.option("--points", type=Number(), help="How many; which kinds take them, see below.")
@click.option("--receipt", type=RECEIPT, help="The entry that is meant (`member show`).")
@click.option("--lot", "lot_id", type=LOT, help="The lot that is meant (`member show`).")
@click.option("--until", type=DAY, help="The lot's new last day.")
@click.option("--amount", "amount_minor", type=Number(1, AMOUNT_MINOR_MAX),
              help="What a refund takes back, minor units.")
@click.option("--bearer", "bearer_id", type=IDENTITY,
              help="The merchant that bears it, by number. [default: HQ]")
@click.option("--category", type=click.Choice(CATEGORIES), required=True)
@click.option("--reason", required=True, help="Why, in one line; kept encrypted.")
@click.option("--by", required=True, help="Who proposes; somebody else approves.")
@click.option("--again", is_flag=True, help="Also where an open proposal asks for the same.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def propose(kind: str, member_id: int | None, card: str | None, points: int | None,
            receipt: int | None, lot_id: int | None, until: date | None,
            amount_minor: int | None, bearer_id: int | None, category: str, reason: str, by: str,
            again: bool, as_json: bool) -> None:
    """Propose a command on one member's points. It is tried out at once, so that what cannot be
    done is said now; nothing is posted before another person approves it. What an open proposal
    asks for already is proposed only --again. A proposal that nobody ended within 30 days can
    only be refused."""
    if (member_id is None) == (card is None):
        raise click.UsageError("Say --member or --card, one of them.")
    if points == 0:  # left out it may mean all
        raise click.UsageError("--points 0 gives and takes nothing; leave it out, or say how"
                               " many.")
    with plainly("adjust propose"):
        from gateway import adjust_showing, member_view, processes, proposals
        from gateway.clock import to_day
        from gateway.commands import Proposal
        from gateway.database import reading
        if card == "-":
            card = _asked_card()
        intake = processes.held_desk("adjust propose")
        if card is not None:
            with reading(intake.engine) as connection:
                member_id = member_view.of_card(connection, card)
        made = proposals.propose(intake, Proposal(
            0, WORDS[kind], member_id or 0, points or 0, bearer_id or 0, category, receipt or 0,
            lot_id or 0, to_day(until) if until else 0, amount_minor or 0, 0, by, reason),
            again=again)
        click.echo(adjust_showing.proposed_as_json(made) if as_json
                   else adjust_showing.proposed_line(made))


def _asked_card() -> str:
    """Typed unseen at a terminal, else the next line of standard input; raises click.Abort."""
    if sys.stdin.isatty():
        return click.prompt("card number", hide_input=True, err=True)
    line = sys.stdin.readline()
    if not line.strip():
        raise click.Abort
    return line


@adjust.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def list_proposals(everything: bool, as_json: bool) -> None:
    """List proposals that wait for a second person, oldest first."""
    with plainly("adjust list"):
        from gateway import processes, proposal_list
        found = list(proposal_list.listed(processes.held_desk("adjust list"),
                                          everything=everything))
        _show(found, as_json)
        if not found:
            click.echo("nothing is proposed", err=True)


@adjust.command()
@click.argument("serial", metavar="PROPOSAL", type=IDENTITY)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of one instead of a table.")
def show(serial: int, as_json: bool) -> None:
    """Show one proposal and what became of it."""
    with plainly("adjust show"):
        from gateway import processes, proposal_list
        _show([proposal_list.one(processes.held_desk("adjust show"), serial)], as_json)


def _show(found: list, as_json: bool) -> None:
    from gateway import adjust_showing
    from gateway.commands import CommandError
    if as_json:
        click.echo(adjust_showing.as_json(found))
    else:
        adjust_showing.show(found)
    closed = adjust_showing.unreadable(found)
    if closed:
        raise CommandError(f"{closed} of these do not open under POINTWIRE_FRAME_KEY. Nothing was"
                           " changed; approve nothing by them: set the right key, or run"
                           " pointwire gateway audit.")


@adjust.command(short_help="Do what was proposed; another person than who proposed.")
@click.argument("serial", metavar="PROPOSAL", type=IDENTITY)
@click.option("--by", required=True, help="Who approves; not who proposed.")
@click.option("--reason", default="", help="A note, kept encrypted 400 days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def approve(serial: int, by: str, reason: str, as_json: bool) -> None:
    """Do what was proposed, as things stand now. It is posted once, however often it is
    approved."""
    _end("approve", serial, by, reason, as_json)


@adjust.command(short_help="End a proposal without doing it.")
@click.argument("serial", metavar="PROPOSAL", type=IDENTITY)
@click.option("--by", required=True, help="Who refuses; who proposed may, too.")
@click.option("--reason", required=True, help="Why; kept encrypted 400 days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def refuse(serial: int, by: str, reason: str, as_json: bool) -> None:
    """End a proposal without doing it, for good."""
    _end("refuse", serial, by, reason, as_json)


def _end(name: str, serial: int, by: str, reason: str, as_json: bool) -> None:
    with plainly(f"adjust {name}"):
        from gateway import adjust_showing, processes, proposals
        decide = {"approve": proposals.approve, "refuse": proposals.refuse}[name]
        ended = decide(processes.held_desk(f"adjust {name}"), serial, by, reason)
        click.echo(adjust_showing.as_json(ended) if as_json else adjust_showing.ended_line(ended))
