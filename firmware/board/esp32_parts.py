"""The parts of a handset on an ESP32: each driver on the pins of its row of pins.py.

Wiring and nothing else; what a part does is in its driver, what is decided in esp32_common.py.
"""

import gc
from binascii import crc32
from collections import namedtuple

from micropython import const

from firmware import slip
from firmware.board import modem_models
from firmware.board.expander import Expander
from firmware.board.keypad import Keypad
from firmware.board.mfrc522 import Mfrc522
from firmware.board.modem import Modem, Pins
from firmware.board.modem_steps import PIN_TRIES, Access
from firmware.board.printer import Printer
from firmware.board.scanner import Scanner
from firmware.board.ssd1306 import OverI2c, Ssd1306, free_bus
from firmware.board.stripe import StripeReader
from firmware.errors import SettingsError
from firmware.outbox_format import OutboxUnreadable

# What a chip gives (esp32_edge.py): modules `machine`, `network`, classes `Partition`, `NVS`.
# `streams(uart)`: (reader, writer). `lookup(host, port)`: an address; it blocks. `secure(ca)`: a
# TLS context that believes this CA. `clock()`: Unix seconds by the chip's clock. `root`: what
# stands before the path of a file.
Edge = namedtuple("Edge", ("machine", "network", "partition", "nvs", "ticks_ms", "random",
                           "streams", "lookup", "open_connection", "secure", "clock",
                           "set_clock", "root"))

OUTBOX = "outbox"
_I2C_HZ = const(400000)
# a bus that is held stalls all tasks for so long; the driver's default is five times as much
_I2C_TIMEOUT_US = const(10000)
_SPI_HZ = const(4000000)
_MODEM_BAUD = const(115200)
_MODEM_BUFFER = const(2048)
_PORT_BAUD = const(9600)
_PORT_BUFFER = const(256)


def heap_free():
    """Bytes of MicroPython's heap behind a collection; None on CPython."""
    gc.collect()
    return gc.mem_free() or None


class _NoOutbox:
    """Stands for a partition that is not there: the recovery screen says so, and nothing else."""

    def ioctl(self, operation, argument):
        raise OutboxUnreadable("blank", "the flash has no partition of the name outbox; write the "
                               "partition table of firmware/board/image")


def outbox_of(edge):
    """The block device of the outbox partition. Nothing is read or written here."""
    found = edge.partition.find(edge.partition.TYPE_DATA, label=OUTBOX)
    return found[0] if found else _NoOutbox()


def _i2c(pins, machine):
    return machine.I2C(pins.i2c.bus, scl=machine.Pin(pins.i2c.scl), sda=machine.Pin(pins.i2c.sda),
                       freq=_I2C_HZ, timeout=_I2C_TIMEOUT_US)


def display_of(pins, edge):
    """The display; whoever holds the bus is clocked out before each new attempt."""
    machine = edge.machine
    i2c = _i2c(pins, machine)

    def recover():
        drain = machine.Pin.OPEN_DRAIN
        free_bus(machine.Pin(pins.i2c.scl, drain, value=1),
                 machine.Pin(pins.i2c.sda, drain, value=1))
        _i2c(pins, machine)  # the pins belong to the bus again

    return Ssd1306(OverI2c(i2c), recover)


def keypad_of(pins, edge, now):
    """The keypad, on pins or on the expander."""
    machine = edge.machine
    if pins.rows is None:
        expander = Expander(_i2c(pins, machine), now)
        return Keypad(expander.rows, expander.columns, now, expander.any_down)
    rows = [machine.Pin(pin, machine.Pin.OPEN_DRAIN, value=1) for pin in pins.rows]
    columns = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in pins.columns]
    return Keypad(rows, columns, now)


def reader_chip_of(pins, edge, ticks_ms):
    """The chip of the contactless reader."""
    machine, spi = edge.machine, pins.spi
    bus = machine.SPI(spi.bus, baudrate=_SPI_HZ, polarity=0, phase=0, sck=machine.Pin(spi.sck),
                      mosi=machine.Pin(spi.mosi), miso=machine.Pin(spi.miso))
    return Mfrc522(bus, machine.Pin(spi.select, machine.Pin.OUT, value=1), ticks_ms,
                   machine.Pin(spi.power, machine.Pin.OUT, value=1))


def pin_mark(pin):
    """A number of a PIN, to tell whether it is still the same; 0 is none's."""
    return crc32(pin.encode()) & 0x7FFFFFFF | 1


def modem_of(pins, edge, model, made, now, progress, open_connection, refused, tell):
    """The modem, `model` where the settings name no other. `refused`: the mark of the PIN that
    was refused last. It is not entered again; another one is, while two tries are left: one that
    was mistyped in the settings could not be mended else."""
    machine, wires = edge.machine, pins.modem
    for each in modem_models.MODELS:
        if each.name == made.modem:
            model = each
    uart = machine.UART(wires.uart, baudrate=_MODEM_BAUD, tx=wires.tx, rx=wires.rx,
                        rxbuf=_MODEM_BUFFER, timeout=0)
    reader, writer = edge.streams(uart)
    output = machine.Pin.OUT
    # on from the first moment: a modem in a call of an earlier life is taken out of it
    power = machine.Pin(wires.power, output, value=1)
    pressed = [machine.Pin(pin, output, value=0) for pin in (wires.pwrkey, wires.reset)]
    access = Access(made.apn, made.apn_user, made.apn_key, made.sim_pin,
                    PIN_TRIES if refused == pin_mark(made.sim_pin) else PIN_TRIES - 1)
    return Modem(reader, writer, edge.network.PPP(uart), Pins(pressed[0], pressed[1], power),
                 model, access, now, progress, tell, open_connection)


def ports_of(pins, edge, parts, font, settings, progress):
    """(Printer or None, [(name, reader)]): the parts that are attached, on the ports there are."""
    if len(parts) > len(pins.ports) or len(set(parts)) < len(parts):
        raise SettingsError("settings: parts names %d, this board has room for %d, each once"
                            % (len(parts), len(pins.ports)))
    printer, readers = None, []
    for name, port in zip(parts, pins.ports):
        uart = edge.machine.UART(port.uart, baudrate=_PORT_BAUD, tx=port.tx, rx=port.rx,
                                 rxbuf=_PORT_BUFFER, timeout=0)
        reader, writer = edge.streams(uart)
        if name == "printer":
            printer = Printer(reader, writer, _lines(settings), font, progress)
        elif name == "stripe":
            readers.append((name, StripeReader(reader, edge.ticks_ms)))
        else:
            readers.append((name, Scanner(reader, edge.ticks_ms)))
    return printer, readers


def _lines(settings):
    return lambda each, copy: slip.layout(each, settings.currency_digits, copy)
