"""The unix board with the way out of the ESP32 boards: their TLS, on MicroPython's own Mbed TLS.

`micropython -m tests.firmware.tls_handset DIR`; run by test_tls.py. What is real is
`board/esp32_edge.py`, the opening of a connection in `board/esp32_common.py`, and `board/way.py`.
Stands for a chip: its modules, a name lookup that knows one address, and a clock that nobody can
set, so that certificates are judged by the date of this machine.
"""

import sys
import time

from firmware.board import options, unix
from firmware.board.esp32_common import Esp32Board
from firmware.board.esp32_parts import Edge
from firmware.board.way import Way
from firmware.settings import read

ADDRESS = "127.0.0.1"


class _Modules:
    def __init__(self, **names):
        for name in names:
            setattr(self, name, names[name])


class _Rtc:
    set_to = []

    def datetime(self, parts):
        _Rtc.set_to.append(parts)


def _chip():
    sys.modules["machine"] = _Modules(RTC=_Rtc)  # type: ignore[assignment]
    sys.modules["network"] = _Modules()  # type: ignore[assignment]
    sys.modules["esp32"] = _Modules(Partition=None, NVS=None)  # type: ignore[assignment]
    from firmware.board import esp32_edge
    esp32_edge._lookup = lambda host, port: ADDRESS
    return esp32_edge.edge()


class _NoNvs:
    def get_i32(self, name):
        raise OSError(2, "never written")


class SecuredBoard(unix.UnixBoard):
    """`ca_file` lies in the handset's folder, as every file of a chip lies in its root."""

    _context = Esp32Board._context
    _open = Esp32Board._open
    _set_date = Esp32Board._set_date
    _counted = Esp32Board._counted

    def __init__(self, folder, outbox_blocks):
        super().__init__(folder, outbox_blocks)
        edge = list(_chip())
        edge[-1] = folder
        self._edge = Edge(*edge)
        self._nvs = _NoNvs()
        self._spoken = None
        self._addresses = {}
        self._secure = self._context(options.options(read(folder + "/settings").others))
        self.way = Way((3, 1), None, self._open)
        self.way.up = True
        self.now = lambda: time.ticks_ms()

    async def connect(self, host, port):
        return await self.way.connect(host, port)


unix.UnixBoard = SecuredBoard
unix.main(*sys.argv[1:2])
