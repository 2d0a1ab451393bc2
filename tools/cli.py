"""The `pointwire` command: one group, each part imported only when it is called.

Law: an error is one line on standard error that says what happened, what is safe and what to do,
and an exit code that is not 0 (tools/errors.py); a traceback is a bug. What a program reads goes
to standard output, progress and messages to standard error.
"""

import importlib
import sys

import click

from gateway.cli_words import Plain
from gateway.errors import GatewayError
from simulator.errors import SimulatorError
from tools.errors import EXIT_NOT_READY, EXIT_UNWRITABLE, NotReady, ToolError

# name -> (module, attribute, one line for `pointwire --help`)
COMMANDS = {
    "chaos": ("tools.chaos.command", "chaos", "Real processes under kill -9 and bad links."),
    "device": ("tools.device", "device", "A handset's flash: prepare it, copy it onto a board."),
    "demo": ("tools.demo", "demo", "Handsets, broker, gateway and ledger on this machine."),
    "gateway": ("gateway.cli", "gateway", "The gateway's processes, its migration and its audit."),
    "prove": ("tools.prove.command", "prove", "Every tap posts once: seeds full of faults."),
    "prove-every": ("tools.prove.command_every", "prove_every",
                    "Every single fault, or pair, at every step of one tap."),
    "recount": ("tools.recount.command", "command",
                "A merchant's statement worked out again from frames."),
    "simulate": ("tools.simulate", "simulate", "An hour of a merchant street in seconds."),
    "terminal": ("tools.terminal", "terminal", "List terminals; keys for the demo and tests."),
}
ROOMS = ("firmware", "gateway", "protocol", "simulator", "tools")  # what is missing there is a bug


class Lazy(Plain):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        try:
            return getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in ROOMS:
                raise
            raise NotReady(f"{cmd_name} needs {error.name}, which is not installed here. Nothing"
                           " was done; `make .venv/.dev` installs it.") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pointwire", message="pointwire %(version)s")
@click.pass_context
def pointwire(ctx: click.Context) -> None:
    """Pointwire: every tap the merchant saw accepted posts exactly once."""
    # the gateway knows nobody outside; who checks its statements is handed to it
    ctx.obj = _recount


def _recount(stated: str, as_json: bool) -> int:
    from tools.recount.command import verify
    return verify(stated, as_json)


def exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, ToolError) else EXIT_NOT_READY


def main() -> None:
    """Entry point of the `pointwire` script."""
    try:
        pointwire(prog_name="pointwire", standalone_mode=True)
    except (ToolError, GatewayError, SimulatorError) as error:
        click.echo(f"pointwire: {error}", err=True)
        sys.exit(exit_code(error))
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        click.echo(f"pointwire: {what}{error.strerror or error}. What was posted is safe; put "
                   "this right and start again.", err=True)
        sys.exit(EXIT_UNWRITABLE)


if __name__ == "__main__":
    main()
