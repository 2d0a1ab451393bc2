"""An ESP32 with its parts and a network behind its modem, in virtual time. Portable.

`World(pins)` makes the edge (firmware/board/esp32_edge.py) of fake peripherals that hand the peers
of `simulator/` to the drivers, by the pin or bus they are wired to. Law: what the chip refuses, it
refuses: a pin that is not there, an output on one that only reads, a name NVS does not have. What
stands in `outbox`, `nvs` and the files outlives a `World`: hand them to the next one.
"""

import asyncio
import os
import random

from firmware import mqtt_codec as codec
from firmware.board.esp32_parts import Edge
from firmware.outbox import format_outbox
from firmware.settings import settings, write
from protocol import messages
from simulator.battery_cell import BatteryCell
from simulator.expander_chip import ExpanderChip
from simulator.keypad_matrix import KeypadMatrix
from simulator.mfrc522_chip import Mfrc522Chip
from simulator.modem_peer import Peer
from simulator.modem_ppp import FakePpp, Network
from simulator.printer_peer import PrinterPeer
from simulator.pwm_pin import PwmPin
from simulator.serial_line import SerialLine
from simulator.ssd1306_chip import Ssd1306Chip
from simulator.wlan_peer import Wlan
from tests.firmware.modem_world import Stream, Uart
from tests.firmware.portable import RamFlash
from tests.firmware.replies import AT, KEY, TERMINAL_ID, Asked, reply_frame
from tests.firmware.virtual_time import now_ms

OUTPUT, INPUT, DRAIN = 3, 1, 7
NOT_FOUND = -4354  # ESP_ERR_NVS_NOT_FOUND
NO_NAME = -202     # lwIP's getaddrinfo without a network
ADDRESS = "192.0.2.7"
DISPLAY = 0x3C
MODEM_OPTIONS = (("apn", "cmnet"), ("tls", "0"))
WIFI_OPTIONS = (("way", "wifi"), ("wifi_name", "Shop"), ("wifi_key", "tea4two!"), ("tls", "0"))


class _Kind:
    """A class of `machine`, with its constants."""

    def __init__(self, make, **constants):
        self._make = make
        for name in constants:
            setattr(self, name, constants[name])

    def __call__(self, *arguments, **named):
        return self._make(*arguments, **named)


class _Line:
    """A pin that nothing is connected to."""

    def __init__(self):
        self.level = 1

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None


class _Pin:
    def __init__(self, world, number, mode=None, pull=None, value=None):
        if number not in world.there:
            raise ValueError("invalid pin")
        if mode in (OUTPUT, DRAIN) and number in world.reads:
            raise ValueError("pin can only be input")
        self.number = number
        self.mode = mode
        self._wire = world.wired.get(number) or _Line()
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return self._wire.value()
        assert self.mode in (OUTPUT, DRAIN), f"pin {self.number} is no output"
        return self._wire.value(level)


class _I2c:
    """Both chips on one bus."""

    def __init__(self, chips):
        self._chips = chips

    def _chip(self, address):
        for chip in self._chips:
            if chip.held or chip.address == address:
                return chip
        raise OSError(19, "no answer")

    def writeto(self, address, buffer):
        self._chip(address).writeto(address, buffer)

    def writevto(self, address, vector):
        self._chip(address).writevto(address, vector)

    def readfrom_into(self, address, buffer):
        self._chip(address).readfrom_into(address, buffer)


class _Timer:
    PERIODIC = 1

    def __init__(self, world, number):
        self._world = world
        self._task = None

    def init(self, mode, period, callback):
        assert mode == _Timer.PERIODIC
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._run(period, callback))

    async def _run(self, period, callback):
        while True:
            self._world.matrix.now_ms = now_ms()
            callback(self)
            await asyncio.sleep_ms(period)


class Watchdog:
    """`fed_ms`; `bitten()`: whether it would have started the chip anew."""

    def __init__(self, timeout):
        self.timeout = timeout
        self.fed_ms = now_ms()
        self.longest_ms = 0

    def feed(self):
        self.longest_ms = max(self.longest_ms, now_ms() - self.fed_ms)
        self.fed_ms = now_ms()

    def bitten(self):
        return max(self.longest_ms, now_ms() - self.fed_ms) > self.timeout


class _Nvs:
    def __init__(self, kept, broken):
        self._kept = kept
        self._broken = broken

    def get_i32(self, name):
        if self._broken or name not in self._kept:
            raise OSError(NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        return self._kept[name]

    def set_i32(self, name, value):
        assert len(name) <= 15 and -2 ** 31 <= value < 2 ** 31
        if self._broken:
            raise OSError(NOT_FOUND, "no storage")
        self._kept[name] = value

    def commit(self):
        pass


class _Partitions:
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, found):
        self._found = found

    def find(self, kind=0, subtype=0xFF, label=None):
        return [each for name, each in self._found if kind == 1 and label == name]


class _Modules:
    """`machine` or `network`."""


class _Wlan(Wlan):
    def __call__(self, interface):
        assert interface == 0
        return self


class World:
    """`reads`: pins that only read. `options`: lines beside the settings. `cards`: on the reader.
    `posted`: {(journal, trace): reply}. `set_to`: what the chip's clock was set to."""

    def __init__(self, pins, folder, options=MODEM_OPTIONS, outbox=None, nvs=None, reads=(),
                 there=range(49), model="SIM800", seed=7):
        random.seed(seed)
        self.pins = pins
        self.folder = folder
        self.options = options
        self.there = there
        self.reads = reads
        self.nvs = {} if nvs is None else nvs
        self.nvs_broken = False
        self.resets = 0
        self.reset_cause = 1
        self.watchdog = None
        self.set_to = []
        self.chip_clock = 0
        self.trusted = []
        self.posted = {}
        self.lookups = 0
        self.asked_for = []
        if outbox is None:
            outbox = RamFlash(16)
            format_outbox(outbox, 7)
        self.outbox = outbox
        self.partitions = [("outbox", outbox)]
        self._parts(model)
        self.wired = self._wires()

    def _parts(self, model):
        self.matrix = KeypadMatrix()
        self.display = Ssd1306Chip(DISPLAY)
        self.expander = ExpanderChip(self.matrix)
        self.reader = Mfrc522Chip(lambda: now_ms() * 1000, random)
        self.buzzer = PwmPin(now_ms)
        self.cell = BatteryCell()
        self.modem = Peer(model, now_ms)
        self.network = Network(self.modem)
        self.modem_uart = Uart(self.modem, now_ms)
        self.ppp = FakePpp(Stream(self.modem_uart, self.modem), now_ms)
        self.wlan = _Wlan(now_ms, "Shop", "tea4two!")
        self.line = SerialLine()
        self.printer = PrinterPeer()
        self._i2c = _I2c((self.display, self.expander))

    def _wires(self):
        pins, modem = self.pins, self.pins.modem
        wired = {pins.spi.select: self.reader.select, pins.spi.power: self.reader.power,
                 pins.i2c.scl: self.display.scl, pins.i2c.sda: self.display.sda,
                 modem.pwrkey: self.modem.pwrkey, modem.reset: self.modem.reset,
                 modem.power: self.modem.power}
        for numbers, lines in ((pins.rows, self.matrix.rows), (pins.columns, self.matrix.columns)):
            for place, number in enumerate(numbers or ()):
                wired[number] = lines[place]
        return wired

    # -- the edge ------------------------------------------------------------------------------

    def edge(self):
        machine, network = _Modules(), _Modules()
        machine.Pin = _Kind(lambda *a, **named: _Pin(self, *a, **named), OUT=OUTPUT, IN=INPUT,
                            OPEN_DRAIN=DRAIN, PULL_UP=2)
        machine.SPI = lambda bus, **named: self._spi(bus, **named)
        machine.I2C = lambda bus, scl, sda, freq, timeout: self._bus(scl, sda, freq, timeout)
        machine.UART = lambda number, **named: self._uart(number, **named)
        machine.PWM = lambda pin, freq, duty_u16: self._pwm(pin)
        machine.ADC = _Kind(lambda pin, atten: self._adc(pin), ATTN_11DB=3)
        machine.Timer = _Kind(lambda number: _Timer(self, number), PERIODIC=_Timer.PERIODIC)
        machine.WDT = lambda timeout: self._dog(timeout)
        machine.reset_cause = lambda: self.reset_cause
        machine.reset = self._reset
        network.PPP = lambda uart: self.ppp
        network.WLAN = self.wlan
        network.STA_IF = 0
        return Edge(machine, network, _Partitions(self.partitions),
                    lambda space: _Nvs(self.nvs, self.nvs_broken), now_ms, os.urandom,
                    lambda uart: uart, self._lookup, self._open, self._trust,
                    lambda: self.chip_clock, self._set_clock, self.folder)

    def _spi(self, bus, baudrate, polarity, phase, sck, mosi, miso):
        spi = self.pins.spi
        assert (bus, sck.number, mosi.number, miso.number) == (spi.bus, spi.sck, spi.mosi,
                                                               spi.miso)
        assert baudrate <= 10000000 and polarity == phase == 0
        return self.reader

    def _bus(self, scl, sda, freq, timeout):
        assert (scl.number, sda.number) == (self.pins.i2c.scl, self.pins.i2c.sda)
        assert freq <= 400000 and timeout <= 10000
        return self._i2c

    # (reader, writer), as `streams` hands them on
    def _uart(self, number, baudrate, tx, rx, rxbuf, timeout):
        assert timeout == 0, "a read would keep all tasks waiting"
        if number == self.pins.modem.uart:
            assert (tx, rx) == (self.pins.modem.tx, self.pins.modem.rx) and rxbuf >= 2048
            return self.modem_uart, self.modem_uart
        ports = [(port.tx, port.rx) for port in self.pins.ports if port.uart == number]
        assert ports == [(tx, rx)]
        if ("parts", "printer") in self.options:
            return self.printer.reader, self.printer.writer
        return self.line, None

    def _pwm(self, pin):
        assert pin.number == self.pins.buzzer
        return self.buzzer

    def _adc(self, pin):
        assert pin.number == self.pins.battery
        return self.cell

    def _dog(self, timeout):
        self.watchdog = Watchdog(timeout)
        return self.watchdog

    def _reset(self):
        self.resets += 1

    def _set_clock(self, unix_s):
        self.set_to.append(unix_s)
        self.chip_clock = unix_s

    def _trust(self, ca):
        if not ca.startswith(b"\x30"):  # DER begins so; PEM is refused like this on MicroPython
            raise ValueError("invalid cert")
        self.trusted.append(ca)
        return "context"

    # -- the network ---------------------------------------------------------------------------

    def has_network(self):
        return (self.ppp.isconnected() and not self.network.silent and not self.modem.is_dead()
                or self.wlan.isconnected() and not self.wlan.dead_air)

    def _lookup(self, host, port):
        self.lookups += 1
        if not self.has_network():
            raise OSError(NO_NAME, "no such name")
        return ADDRESS

    async def _open(self, address, port, ssl=None, server_hostname=None):
        self.asked_for.append((address, port, ssl, server_hostname))
        if not self.has_network():
            await asyncio.sleep_ms(10 ** 7)
        broker = Broker(self)
        return broker, broker

    def answer(self, frame):
        """What the gateway says: one point a yuan, each (journal, trace) once."""
        asked = Asked(frame)
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame, at=AT, highest_trace=0)
        key = (asked.journal, asked.trace)
        if key not in self.posted:
            points = asked.content[7] // 100
            self.posted[key] = reply_frame(frame, points=points, balance=1000 + points,
                                           receipt=1000 + len(self.posted))
        return self.posted[key]

    # -- what a person does --------------------------------------------------------------------

    async def live(self, app, story):
        """Run the program beside `story()`, and give what that gives."""
        tasks = [asyncio.create_task(app.run()), asyncio.create_task(self._interrupts())]
        try:
            return await story()
        finally:
            for task in tasks:
                task.cancel()

    async def _interrupts(self):
        while True:
            self.ppp.poll()
            await asyncio.sleep_ms(20)

    async def keys(self, keys):
        for key in keys:
            self.matrix.press(key, 8)
            await asyncio.sleep_ms(80)
            self.matrix.release(key, 8)
            await asyncio.sleep_ms(80)

    async def until(self, there, within_ms):
        end_ms = now_ms() + within_ms
        while not there():
            assert now_ms() < end_ms, f"not within {within_ms} ms"
            await asyncio.sleep_ms(100)

    def provision(self, **changed):
        """Write a settings file for this terminal."""
        made = settings(TERMINAL_ID, 1, KEY, "broker.example", 8883, "u", "p", language="en",
                        outbox_blocks=16, others=tuple(self.options), **changed)
        write(self.folder + "/settings", made)


class Broker:
    """The broker's end of a connection that the handset made; a reader and a writer to it."""

    def __init__(self, world):
        self._world = world
        self._out = bytearray()
        self._in = b""
        self._came = asyncio.Event()

    async def read(self, most):
        while not self._out:
            self._came.clear()
            await self._came.wait()
        taken = bytes(self._out[:most])
        self._out = self._out[most:]
        return taken

    def write(self, data):
        self._in += bytes(data)

    async def drain(self):
        size = _packet_size(self._in)
        while size and size <= len(self._in):
            packet, self._in = self._in[:size], self._in[size:]
            self._hear(packet)
            size = _packet_size(self._in)

    def close(self):
        pass

    async def wait_closed(self):
        pass

    def _hear(self, packet):
        kind, body = packet[0] & 0xF0, packet[2 if packet[1] < 128 else 3:]
        if kind == 0x10:
            self._say(b"\x20\x02\x00\x00")
        elif kind == 0x80:
            self._say(b"\x90\x03" + body[:2] + b"\x01")
        elif kind == 0xC0:
            self._say(b"\xd0\x00")
        elif kind == 0x30 and packet[0] & 0x06:
            size = body[0] << 8 | body[1]
            self._say(b"\x40\x02" + body[2 + size:4 + size])
            self._answer(str(body[2:2 + size], "ascii"), bytes(body[4 + size:]))

    def _answer(self, topic, payload):
        if not topic.endswith("/up"):
            return
        out = bytearray()
        codec.put_publish(out, topic[:-2] + "down", 1, self._world.answer(payload))
        self._say(out)

    def _say(self, data):
        self._out = self._out + bytearray(data)
        self._came.set()


def _packet_size(data):
    if len(data) < 2:
        return 0
    if data[1] < 128:
        return 2 + data[1]
    return 3 + (data[1] & 127) + (data[2] << 7) if len(data) > 2 else 0
