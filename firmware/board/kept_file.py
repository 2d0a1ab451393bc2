"""What a board keeps under a name through a power cut, as a small file written whole.

Law: written beside the old one, read back, and only then renamed over it, behind a CRC-32: whoever
reads finds what was kept before or what is kept now. What is damaged counts as not there.
"""

import os
from binascii import crc32


def keep(path, data):
    """Durable on return; OSError: what was kept before still is."""
    whole = _crc(data) + data
    with open(path + ".new", "wb") as file:
        file.write(whole)
        file.flush()
        if hasattr(os, "fsync"):  # MicroPython's flush is one
            os.fsync(file.fileno())
    with open(path + ".new", "rb") as file:
        if file.read() != whole:
            raise OSError(5, "reads back differently")
    os.rename(path + ".new", path)


def kept(path):
    """The bytes kept last, or None."""
    try:
        with open(path, "rb") as file:
            whole = file.read()
    except OSError:
        return None
    return whole[4:] if len(whole) > 3 and whole[:4] == _crc(whole[4:]) else None


def _crc(data):
    return (crc32(data) & 0xFFFFFFFF).to_bytes(4, "big")
