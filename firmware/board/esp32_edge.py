"""The edge of the hardware: what an ESP32 gives, and nothing decided. Imported by boards' mains.

A board is handed these, so that whoever hands it others has the same board without the chip.
"""

import asyncio
import os
import socket
import time

import esp32
import machine
import network
import tls

from micropython import const

from firmware.board.esp32_parts import Edge

_EPOCH_2000 = const(946684800)


def _streams(uart):
    return asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {})


def _lookup(host, port):
    return socket.getaddrinfo(host, port)[0][-1][0]


def _secure(ca):
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue]
    context.load_verify_locations(ca)
    return context


# ESP32 counts from 2000, other ports from 1970
def _epoch():
    return _EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0


def _clock():
    return int(time.time()) + _epoch()


def _set_clock(unix_s):
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - _epoch())[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def edge():
    """That of this chip."""
    return Edge(machine, network, esp32.Partition, esp32.NVS, time.ticks_ms, os.urandom, _streams,
                _lookup, asyncio.open_connection, _secure, _clock, _set_clock, "")
