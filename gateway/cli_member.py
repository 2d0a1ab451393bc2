"""Commands of head office on a member: look, freeze the account, open it again."""

import click

from gateway.cli_words import Number
from gateway.plainly import plainly


@click.group(short_help="Members: balance, lots, entries.")
def member() -> None:
    """Members as head office looks at them."""


@member.command("show", short_help="Show balance, lots and entries of a member.")
@click.argument("who")
@click.option("--entries", "entries_max", type=Number(0, 1000), default=20,
              show_default=True, help="How many of the newest entries.")
@click.option("--lots", "lots_max", type=Number(1, 10_000), default=100, show_default=True,
              help="How many lots; those that end last come first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def member_show(who: str, entries_max: int, lots_max: int, as_json: bool) -> None:
    """Show a member: WHO is its number, or the last four of one of its cards. Lots with their
    dates; the newest entries with their receipts, and why head office made those that it did. In
    a pipe columns are parted by tabs and have no names; --json names everything."""
    with plainly("member show"):
        from gateway import adjust_showing, member_view, processes
        seen = member_view.view(processes.held_desk("member show"), who,
                                entries_max=entries_max, lots_max=lots_max)
        if as_json:
            click.echo(adjust_showing.as_json(seen))
        else:
            adjust_showing.show_member(seen)
        if seen.lots_left_out:
            click.echo(f"{seen.lots_left_out} more lots, which end sooner, are not shown: --lots"
                       f" {len(seen.lots) + seen.lots_left_out} shows all", err=True)


@member.command("frozen", short_help="List lots whose points wait for head office.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def member_frozen(as_json: bool) -> None:
    """List lots that have ended and whose points are frozen: `adjust propose release` gives them
    back, `forfeit` lets them expire. Points are frozen where the programme's rules say so, once
    the jobs process has been there."""
    with plainly("member frozen"):
        from gateway import adjust_showing, frozen_list, processes
        found = list(frozen_list.listed(processes.held_desk("member frozen")))
        if as_json:
            click.echo(adjust_showing.as_json(found))
        else:
            adjust_showing.show_frozen(found)
        if not found:
            click.echo("nothing is frozen", err=True)


@member.command("suspend", short_help="Freeze an account: no tap of it posts.")
@click.argument("who")
@click.option("--by", required=True, help="Who suspends; kept with the change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def member_suspend(who: str, by: str, as_json: bool) -> None:
    """Freeze the account of a member: WHO is its number, or the last four of one of its cards.
    Online taps are refused from now on; one that was made before, and one made offline after, is
    held for head office. Points stay as they are and expire in their time: what was got by abuse
    is taken with adjust propose penalty."""
    _set("suspend", who, by, as_json)


@member.command("reinstate", short_help="Open a suspended account again.")
@click.argument("who")
@click.option("--by", required=True, help="Who reinstates; kept with the change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def member_reinstate(who: str, by: str, as_json: bool) -> None:
    """Open a suspended account again. What was held meanwhile waits in held list for a
    verdict."""
    _set("reinstate", who, by, as_json)


def _set(name: str, who: str, by: str, as_json: bool) -> None:
    with plainly(f"member {name}"):
        from gateway import listing, member_view, processes
        desk = processes.registry_desk(f"member {name}", by)
        change = desk.suspend_member if name == "suspend" else desk.reinstate_member
        changed = change(member_view.number_of(desk.engine, who))
        click.echo(listing.as_json(changed) if as_json else
                   f"member {changed.member_id} {changed.name} is {changed.state}")
