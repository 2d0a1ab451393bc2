"""The partition of files (`vfs`): settings, font, CA. Mounted at a start, never formatted by it.

Law: what cannot be mounted is left as it is and named (`fault`); the outbox is another partition
and never touched here, so a handset whose files are broken still holds every tap. Only a
technician who calls `make` formats, and it refuses while the files can be read.
"""

LABEL = "vfs"
_faults = []


def fault():
    """Why the files cannot be read, for screen and technician; "" when they can."""
    return _faults[0] if _faults else ""


def mount(vfs, partition):
    """Mount the files at "/"; the fault, "" for none. `vfs`, `partition`: the modules' own."""
    _faults.clear()
    found = partition.find(partition.TYPE_DATA, label=LABEL)
    if not found:
        _faults.append("the flash has no partition vfs; write the partition table of "
                       "firmware/board/image")
        return fault()
    try:
        vfs.mount(vfs.VfsLfs2(found[0]), "/")
    except OSError as error:
        _faults.append(
            "the files on partition vfs cannot be read (%s); nothing was changed, and the taps on "
            "partition outbox are safe. Copy the partition if its files are needed, then: "
            "import vfs, esp32; from firmware.board import files; "
            "files.make(vfs, esp32.Partition), and provision the handset again" % error)
    return fault()


def make(vfs, partition):
    """Format the files' partition, by a technician's hand; OSError while it can be read."""
    device = partition.find(partition.TYPE_DATA, label=LABEL)[0]
    try:
        vfs.VfsLfs2(device)
    except OSError:
        vfs.VfsLfs2.mkfs(device)
        mount(vfs, partition)
        return
    raise OSError(17, "the files can be read: delete what is not wanted instead")
