"""What MicroPython has and CPython lacks. Loaded first by `firmware/__init__.py`, never staged.

Law: it only adds names under which the firmware is written; it changes no meaning of a name
that CPython has. Screens drawn here are byte for byte those of MicroPython's framebuf.
"""
# pyright: reportAttributeAccessIssue=false

import asyncio
import gc
import os
import sys
import time
import types

TICKS_MASK = (1 << 30) - 1


def _ticks_ms():
    return (time.monotonic_ns() // 1000000) & TICKS_MASK


def _ticks_us():
    return (time.monotonic_ns() // 1000) & TICKS_MASK


def _ticks_add(ticks, delta):
    return (ticks + delta) & TICKS_MASK


def _ticks_diff(end, start):
    half = (TICKS_MASK + 1) // 2
    return ((end - start + half) & TICKS_MASK) - half


def _sleep_ms(ms):
    return asyncio.sleep(max(ms, 0) / 1000)


# asyncio.wait_for makes a task for each wait on Python 3.11; a handset waits all day long.
async def _wait_for_ms(awaitable, ms):
    task = asyncio.current_task()
    asked = task.cancelling()  # pyright: ignore[reportOptionalMemberAccess]
    overdue = []
    timer = asyncio.get_running_loop().call_later(max(ms, 0) / 1000, _overdue, task, overdue)
    try:
        return await awaitable
    except asyncio.CancelledError:
        if overdue and task.uncancel() <= asked:  # pyright: ignore[reportOptionalMemberAccess]
            raise asyncio.TimeoutError from None
        raise
    finally:
        timer.cancel()


def _overdue(task, overdue):
    overdue.append(True)
    task.cancel()


def _ilistdir(path="."):
    with os.scandir(path) as entries:
        for entry in entries:
            kind = 0x4000 if entry.is_dir() else 0x8000
            yield entry.name, kind, 0, entry.stat().st_size


def _print_exception(error, file=None):
    import traceback

    traceback.print_exception(error, file=file or sys.stdout)


class Aes:
    """cryptolib.aes in ECB, the only mode the handset uses; `cryptography` does the work."""

    def __init__(self, key, mode):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if mode != 1:
            raise ValueError("mode")
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def encrypt(self, block):
        return self._cipher.encryptor().update(block)

    def decrypt(self, block):
        return self._cipher.decryptor().update(block)


def _unchanged(value):
    return value


def _add(module, names):
    for name, value in names:
        if not hasattr(module, name):
            setattr(module, name, value)


def install():
    """Add the names; doing it twice changes nothing."""
    _add(time, (("ticks_ms", _ticks_ms), ("ticks_us", _ticks_us), ("ticks_add", _ticks_add),
                ("ticks_diff", _ticks_diff)))
    _add(asyncio, (("sleep_ms", _sleep_ms), ("wait_for_ms", _wait_for_ms)))
    _add(os, (("ilistdir", _ilistdir),))
    _add(sys, (("print_exception", _print_exception),))
    _add(gc, (("mem_alloc", lambda: 0), ("mem_free", lambda: 0)))
    if "micropython" not in sys.modules:
        micropython = types.ModuleType("micropython")
        _add(micropython, (("const", _unchanged), ("native", _unchanged),
                           ("viper", _unchanged), ("opt_level", lambda level=0: 0)))
        sys.modules["micropython"] = micropython
    if "cryptolib" not in sys.modules:
        cryptolib = types.ModuleType("cryptolib")
        _add(cryptolib, (("aes", Aes),))
        sys.modules["cryptolib"] = cryptolib
    if "framebuf" not in sys.modules:
        from firmware import shim_framebuf

        sys.modules["framebuf"] = shim_framebuf


install()
