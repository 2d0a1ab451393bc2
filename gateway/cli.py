"""The command line of the gateway: its processes, and what an operator does to it.

Law: every command works `plainly`. The rooms are imported by the command that needs them, so that
help and a wrong setting are quick.
"""

import sys

import click

from gateway.cli_adjust import adjust
from gateway.cli_days import day, statement
from gateway.cli_holds import holds
from gateway.cli_member import member
from gateway.cli_operator import operator
from gateway.cli_rates import rates
from gateway.cli_roots import root
from gateway.cli_terminal import terminal
from gateway.cli_words import Number, Plain
from gateway.plainly import EXIT_FAILED, EXIT_NO_AUDIT, in_turn, plainly
from gateway.settings import CLIENT_ID_RULE, is_client_id


@click.group(cls=Plain, help="The gateway's processes; settings: POINTWIRE_* variables,"
             " gateway/README.md.")
def gateway() -> None:
    """Frames in, points posted, replies out."""


@gateway.command()
def worker() -> None:
    """Take frames from the MQTT broker, post them, send replies."""
    with plainly("worker"):
        from gateway import processes
        processes.run_worker()


@gateway.command()
def web() -> None:
    """Take frames over HTTP; health, readiness, metrics."""
    with plainly("web"):
        from gateway import processes
        processes.run_web()


@gateway.command(short_help="Do what is due: expire lots, close days, export roots, tidy up.")
@click.option("--once", is_flag=True, help="Run each job once and end.")
def jobs(once: bool) -> None:
    """Do what is due: expire lots, release what returns held in vain, close settlement days,
    export the daily root, drop old frames, bound the dead letters."""
    with plainly("jobs"):
        from gateway import processes
        if not processes.run_jobs(once):
            sys.exit(EXIT_FAILED)


@gateway.command(short_help="Bring the database to the newest revision.")
def migrate() -> None:
    """Bring the database to the newest revision; makes a SQLite file's folder."""
    with plainly("migrate"):
        from gateway import processes
        click.echo(f"database at revision {processes.run_migrate()}")


@gateway.command()
@click.option("--rebuild", is_flag=True, help="Also recompute what is derived, and compare.")
@click.option("--roots", "roots_file", metavar="FILE",
              help="Also check every root in this file, or in the folder's roots.jsonl.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def audit(rebuild: bool, roots_file: str | None, as_json: bool) -> None:
    """Check chains, seals and sums; name what is wrong. Code 0 clean, 1 findings, 2 cannot run."""
    with plainly("audit", EXIT_NO_AUDIT):
        from gateway import processes
        from gateway.audit import showing
        report = processes.run_audit(rebuild, as_json, roots_file)
        if as_json:
            click.echo(showing.as_json(report))
        else:
            showing.show(report)
    if not report.ok:
        sys.exit(EXIT_FAILED)


@gateway.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of lines.")
def quarantine(as_json: bool) -> None:
    """List the frames that no decision could be found for."""
    with plainly("quarantine"):
        from gateway import listing, processes
        waiting = processes.list_quarantine()
        for each in [listing.as_json(waiting)] if as_json else waiting:
            click.echo(str(each))
        if not waiting:
            click.echo("nothing is quarantined", err=True)


@gateway.command(short_help="Have quarantined frames decided again.")
@click.argument("digests", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every quarantined frame.")
def requeue(digests: tuple[str, ...], everything: bool) -> None:
    """Have quarantined frames decided again when their terminals send them."""
    if bool(digests) == everything:
        raise click.UsageError("Name digests (pointwire gateway quarantine lists them) or --all.")
    with plainly("requeue"):
        from gateway import processes
        click.echo(f"{processes.run_requeue(digests, everything)} requeued")


@gateway.group(short_help="Held taps: list them, post or refuse them.")
def held() -> None:
    """Taps that wait for head office; what became of one is final."""


@held.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those with a verdict or a void.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
def held_list(everything: bool, as_json: bool) -> None:
    """List held taps; cards by their last four digits."""
    with plainly("held list"):
        from gateway import held_list, held_showing, processes
        taps = list(held_list.waiting(processes.held_desk("held list"), everything=everything))
        if as_json:
            click.echo(held_showing.taps_as_json(taps))
        else:
            held_showing.show_taps(taps)
        if not taps:
            click.echo("nothing is held", err=True)
        held_showing.need_readable(taps)


def _verdicts(name: str, taps: tuple[str, ...], by: str, reason: str, as_json: bool) -> None:
    """HQ's word on each tap named, in order, until one cannot be done."""
    with plainly(f"held {name}"):
        from gateway import held as desk
        from gateway import held_showing, processes
        keys = [desk.read_key(each) for each in taps]
        intake = processes.held_desk(f"held {name}")
        decide = {"post": desk.post, "refuse": desk.refuse}[name]
        in_turn(keys, lambda key: decide(intake, key, by, reason),
                held_showing.verdict_line, held_showing.verdicts_as_json, as_json)


@held.command("post", short_help="Post held taps.")
@click.argument("taps", nargs=-1, required=True)
@click.option("--by", default="command line", help="Who decides; kept with the verdict.")
@click.option("--reason", default="", help="Why; kept encrypted with the verdict, 400 days.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of lines.")
def held_post(taps: tuple[str, ...], by: str, reason: str, as_json: bool) -> None:
    """Post held taps (terminal/journal/trace, as the list shows them), dated to the tap."""
    _verdicts("post", taps, by, reason, as_json)


@held.command("refuse", short_help="Refuse held taps for good.")
@click.argument("taps", nargs=-1, required=True)
@click.option("--by", default="command line", help="Who decides; kept with the verdict.")
@click.option("--reason", required=True, help="Why; kept encrypted with the verdict, 400 days.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of lines.")
def held_refuse(taps: tuple[str, ...], by: str, reason: str, as_json: bool) -> None:
    """Refuse held taps (terminal/journal/trace, as the list shows them) for good."""
    _verdicts("refuse", taps, by, reason, as_json)


gateway.add_command(rates)
gateway.add_command(root)
gateway.add_command(day)
gateway.add_command(holds)
gateway.add_command(statement)
gateway.add_command(adjust)
gateway.add_command(member)
gateway.add_command(operator)
gateway.add_command(terminal)


def _client_ids(_: object, __: object, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_client_id(name):
            raise click.BadParameter(f"{name[:80]!r}. {CLIENT_ID_RULE}")
    return names


@gateway.group(short_help="After a restore from an older backup.")
def recovery() -> None:
    """After a restore from an older backup: begin it before the first process is started."""


@recovery.command("begin", short_help="Say that an older backup was restored.")
@click.option("--receipts-ahead", type=Number(1, 100_000_000), default=10_000_000,
              show_default=True,
              help="At least as many receipt numbers as were given since that backup.")
@click.option("--worker", "workers", multiple=True, metavar="CLIENT_ID", callback=_client_ids,
              help="Empty the broker's queue of this worker; once for each. [default: that of"
                   " POINTWIRE_MQTT_CLIENT_ID]")
@click.option("--keep-queue", is_flag=True,
              help="Leave the broker alone: its queues are empty, or it is not used.")
def recovery_begin(receipts_ahead: int, workers: tuple[str, ...], keep_queue: bool) -> None:
    """Say that the database was restored from an older backup; every gateway process is stopped.

    What the broker still holds for the workers is thrown away: the terminals have it and send it
    again. A worker that still runs is found out, and nothing is done. Receipt numbers jump ahead,
    what is only done online waits, what would be refused for its card is held. Taps come back by
    themselves."""
    if workers and keep_queue:
        raise click.UsageError("--worker empties a queue, --keep-queue leaves all: say one.")
    with plainly("recovery begin"):
        from gateway import processes, recovery_showing
        facts = processes.begin_recovery(receipts_ahead, workers, keep_queue, click.echo)
        click.echo(next(recovery_showing.lines(facts, ())))


@recovery.command("end", short_help="Decide everything as usual again.")
def recovery_end() -> None:
    """Decide everything as usual again; what is still missing is asked for all the same."""
    with plainly("recovery end"):
        from gateway import processes, recovery_showing
        facts = processes.registry_desk("recovery end").end_recovery()
        click.echo(next(recovery_showing.lines(facts, ())))


@recovery.command("status", short_help="Show which traces were asked for again, and came.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def recovery_status(as_json: bool) -> None:
    """Show which traces each terminal was asked for again, and which of them came."""
    with plainly("recovery status"):
        from gateway import processes, recovery_showing
        registry = processes.registry_desk("recovery status")
        facts = registry.recovery()
        terminals = registry.recovery_of_terminals(facts) if facts else []
        if as_json:
            click.echo(recovery_showing.as_json(facts, terminals))
        else:
            for line in recovery_showing.lines(facts, terminals):
                click.echo(line)


def main() -> None:
    """`python -m gateway.cli ...`, the same as `pointwire gateway ...`."""
    gateway(prog_name="pointwire gateway")


if __name__ == "__main__":
    main()
