"""What a person sees of the demo: a live table of taps, or lines where there is no terminal.

Everything goes to standard error, so that standard output holds the JSON object and nothing else.
A card is shown by its last 4 digits.
"""

import shlex
import shutil
import sys
from collections import deque
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from protocol import codes
from tools.demo_run import Shown
from tools.state import Home, Running

ROWS_MAX = 15
COLUMNS = (("terminal", "right"), ("tap", "right"), ("card", "left"), ("member", "left"),
           ("tier", "left"), ("amount", "right"), ("points", "right"), ("balance", "right"),
           ("", "left"))


def money(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def row(shown: Shown) -> tuple[str, ...]:
    """The cells of one tap."""
    settled = shown.settled
    start = (str(shown.terminal_id), str(shown.trace), f"****{shown.card % 10000:04}")
    if settled is None:
        return (*start, "", "", money(shown.amount_minor), "", "", "saved")
    state = "posted" if settled.code == codes.APPROVED else codes.name(settled.code)
    balance = "" if settled.balance is None else str(settled.balance)
    return (*start, settled.member or "", settled.tier or "", money(shown.amount_minor),
            f"{settled.points:+d}", balance, state)


class View:
    """`tell` a line, `show` a tap. Use it as a context; a live table only on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=ROWS_MAX)
        self._taps: dict[tuple[int, int, int], Shown] = {}

    def __enter__(self) -> "View":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, line: str) -> None:
        self._line(f"demo: {line}")

    def _line(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, shown: Shown) -> None:
        key = (shown.terminal_id, shown.journal, shown.trace)
        if key not in self._taps:
            self._recent.append(key)
        self._taps[key] = shown
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif shown.settled is not None:
            cells = " ".join(cell for cell in row(shown) if cell)
            self._line(f"tap: {cells}")

    def _table(self) -> Table:
        table = Table(title=f"{len(self._taps)} taps")
        for name, justify in COLUMNS:
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for key in self._recent:
            table.add_row(*row(self._taps[key]))
        return table


def pointwire() -> str:
    """The command as it can be typed here: `make demo` runs one that is not on the PATH."""
    return "pointwire" if shutil.which("pointwire") else shlex.quote(sys.argv[0])


def where_it_listens(running: Running, where: Home) -> Sequence[str]:
    """For whoever wants to talk to the demo while it stays up."""
    command = pointwire()
    mqtt = f"mqtt://{running.mqtt_host}:{running.mqtt_port}"
    return (
        f"MQTT broker   {mqtt} (3.1.1, users of the registry only)",
        f"frames        {running.http_url}/v1/frames",
        f"health        {running.http_url}/healthz  {running.http_url}/readyz  "
        f"{running.http_url}/metrics",
        f"ledger        {where.database}",
        f"logs          {where.logs}",
        f"audit         (set -a; . {shlex.quote(str(where.environment))}; "
        f"{command} gateway audit)",
        f"for a terminal of your own: {command} terminal keys {running.stranger} --json",
    )
