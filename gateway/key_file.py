"""The key file: what makes a handset a terminal, from head office to who prepares it.

One JSON object: terminal_id, epoch, key_hex, and `older`, the keys of earlier epochs that are
still trusted, the newest first: taps that a handset holds may be sealed under them. Law: the file
is new and its owner's alone; no key is shown, logged or kept besides, for the gateway derives each
anew from its master key.
"""

import json
import os
from pathlib import Path

from gateway.errors import GatewayError
from gateway.parties import LOST, RETIRED
from gateway.registry import Registry, TerminalFacts
from gateway.registry.desk import unknown

# as many as a handset holds beside its newest
OLDER_MAX = 3


class KeyFileError(GatewayError):
    """No key file was written; the message says why, and what to do."""

    code = "key_file"


def content(registry: Registry, facts: TerminalFacts) -> str:
    """What stands in the file."""
    def key(epoch: int) -> dict[str, object]:
        return {"epoch": epoch,
                "key_hex": registry.keyring.terminal_key(facts.terminal_id, epoch).hex()}

    older = sorted(facts.older_epochs, reverse=True)[:OLDER_MAX]
    return json.dumps({"terminal_id": facts.terminal_id, **key(facts.epoch),
                       "older": [key(epoch) for epoch in older]}) + "\n"


def write(registry: Registry, terminal_id: int, path: Path) -> int:
    """Write a terminal's key file; its epoch."""
    found = registry.terminals(terminal_id)
    if not found:
        raise unknown("terminal")
    facts, = found
    if facts.state in (LOST, RETIRED):
        raise KeyFileError(f"terminal {terminal_id} is {facts.state}. No key was written: a"
                           " handset with it could not log in.")
    if facts.epoch in facts.revoked_epochs:
        raise KeyFileError(f"the newest key of terminal {terminal_id} is revoked. No key was"
                           f" written: pointwire gateway terminal rotate {terminal_id} gives it"
                           " another.")
    data = content(registry, facts).encode()
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} is there already. No key was written: name another file, or"
                           " remove that one.") from None
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return facts.epoch
