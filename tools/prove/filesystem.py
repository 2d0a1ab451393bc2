"""The disk of the proof as a file system of SQLite's: thin, and without a law of its own.

What a write or a sync means is decided in tools/prove/disk.py; here SQLite's calls are only
carried there. A file knows under which power it was opened and fails when that is gone.
"""

from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from tools.prove.disk import Content, Disk

SECTOR_SIZE = 512


def io_error(text: str, code: int = apsw.SQLITE_IOERR_WRITE) -> apsw.IOError:
    """A disk error as SQLite knows it, for `fail_after`."""
    fault = apsw.IOError(text)
    fault.extendedresult = code  # type: ignore[attr-defined]
    return fault


class FileSystem(apsw.VFS):
    def __init__(self, disk: "Disk") -> None:
        super().__init__(disk.name, "")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        if name is None:
            raise apsw.CantOpenError("no temporary files on this disk")
        plain = name if isinstance(name, str) else name.filename()
        create = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        return _File(self._disk, plain, self._disk.opened(plain, create=create))

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.delete(filename, sync=syncdir)

    def xAccess(self, pathname: str, flags: int) -> bool:
        return self._disk.has(pathname)

    def xFullPathname(self, name: str) -> str:
        return name

    def xRandomness(self, numbytes: int) -> bytes:
        return bytes(numbytes)

    def xSleep(self, microseconds: int) -> int:
        return microseconds

    def xCurrentTime(self) -> float:
        return 2440587.5

    def xGetLastError(self) -> tuple[int, str]:
        return 0, ""


class _File:
    """An open file, while the power lasts that it was opened under. SQLite locks it in vain:
    there is one connection."""

    def __init__(self, disk: "Disk", name: str, content: "Content") -> None:
        self._disk = disk
        self._name = name
        self._content = content
        self._power = disk.power

    def _live(self) -> "Content":
        disk = self._disk
        if (disk.dead or self._power != disk.power) and not disk.quiet:
            raise io_error("power was gone")
        return self._content

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._live().seen[offset:offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        content = self._live()
        if self._disk.quiet:
            return
        self._disk.grow(content, offset + len(data))
        try:
            self._disk.operate("write", self._name)
        except apsw.IOError:
            if self._disk.dead:  # what the cut interrupts may have happened, in part
                content.write(offset, bytes(data))
            raise
        content.write(offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        content = self._live()
        if not self._disk.quiet:
            self._disk.operate("truncate", self._name)
            content.truncate(size)

    def xSync(self, flags: int) -> None:
        content = self._live()
        if not self._disk.quiet:
            self._disk.operate("sync", self._name)
            self._disk.syncs += 1
            content.sync()

    def xFileSize(self) -> int:
        return len(self._live().seen)

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR_SIZE

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:
        pass
