"""How this program was called, so that a command it prints works where it was called."""

import shlex
import shutil
import sys
from pathlib import Path

NAME = "pointwire"


def program() -> str:
    """`pointwire` where the shell finds just this one by that name, else the path as called.

    Anything but the script itself (a test, `python -m`) is called by its name.
    """
    path = Path(sys.argv[0])
    if path.name != NAME or not path.is_file():
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found).absolute() == path.absolute():
        return NAME
    return shlex.quote(sys.argv[0])
