"""`pointwire gateway terminal`: a terminal's keys, from head office's hand."""

import json
from pathlib import Path

import click

from gateway.cli_words import TERMINAL, Number
from gateway.plainly import in_turn, plainly
from protocol.limits import EPOCH_MAX


@click.group(short_help="Keys of terminals: hand them out, give new ones, end old ones.")
def terminal() -> None:
    """Keys; `pointwire terminal list` shows epochs and the older ones still accepted."""


@terminal.command(short_help="Write a terminal's key file, for its handset.")
@click.argument("terminal_id", type=TERMINAL)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="Where it goes; it must not be there yet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a line.")
def provision(terminal_id: int, out: Path, as_json: bool) -> None:
    """Write a terminal's newest key, and the older ones that are still trusted, into a file that
    only you can read. `pointwire device prepare --keys FILE` makes a handset of it; remove it
    then."""
    with plainly("terminal provision"):
        from gateway import key_file, processes
        registry = processes.registry_desk("terminal provision")
        epoch = key_file.write(registry, terminal_id, out)
    if as_json:
        click.echo(json.dumps({"file": str(out), "terminal_id": terminal_id, "epoch": epoch}))
    else:
        click.echo(f"{out}: terminal {terminal_id}, key epoch {epoch}; remove it when the handset"
                   " works")


@terminal.command(short_help="Give terminals their next key.")
@click.argument("terminals", nargs=-1, type=TERMINAL)
@click.option("--all", "everything", is_flag=True, help="Every terminal that is not retired.")
def rotate(terminals: tuple[int, ...], everything: bool) -> None:
    """Give terminals their next key: each gets it with its next heartbeat, and the older one ends
    when the terminal says that nothing of it is left. Where no older one is trusted any more the
    heartbeat is not believed either: such a terminal is provisioned anew."""
    if bool(terminals) == everything:
        raise click.UsageError("Name terminals (pointwire terminal list shows them) or --all.")
    with plainly("terminal rotate"):
        from gateway import processes
        from gateway.parties import LOST, RETIRED
        registry = processes.registry_desk("terminal rotate")
        if everything:
            terminals = tuple(each.terminal_id for each in registry.terminals()
                              if each.state not in (LOST, RETIRED))

        def rotated(terminal_id: int) -> str:
            registry.advance_epoch(terminal_id)
            facts, = registry.terminals(terminal_id)
            return f"{terminal_id} key epoch {facts.epoch}, {facts.key_way}"

        in_turn(terminals, rotated, str, str, as_json=False)


@terminal.command(short_help="Trust nothing more under a terminal's key.")
@click.argument("terminal_id", type=TERMINAL)
@click.argument("epoch", type=Number(1, EPOCH_MAX))
def revoke(terminal_id: int, epoch: int) -> None:
    """Trust nothing more under this key epoch: its journaled frames are held, the rest gets no
    answer. For a key that is in wrong hands; one that is merely old ends by itself."""
    with plainly("terminal revoke"):
        from gateway import processes
        processes.registry_desk("terminal revoke").revoke_epoch(terminal_id, epoch)
        click.echo(f"{terminal_id} key epoch {epoch} revoked")
