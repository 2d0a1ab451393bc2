"""Which pin of which chip carries what: the one place where a wire has a number.

Law (tests/firmware/test_board_pins.py has it for each row): no pin carries two things; none is
one of the flash, the PSRAM, the console, or a strapping pin, whose level at reset decides how the
chip starts; a pin that can only read drives nothing; the cell is on ADC1, for ADC2 belongs to the
radio.

ESP32 with PSRAM (WROVER): GPIO 6 to 11 are the flash, 16 and 17 the PSRAM, 0 2 5 12 15 strap, 1
and 3 are the console, 34 to 39 only read. 17 pins are left, so the keypad hangs on an I2C
expander, and one UART is left beside the modem's. ESP32-S3 (WROOM-1): 26 to 37 are flash and
PSRAM (octal), 0 3 45 46 strap, 19 and 20 are USB, which is its console; so UART 0 is free.
Sources: ESP32 datasheet 2.2 to 2.4, ESP32-WROVER-E datasheet 3.2; the same of ESP32-S3(-WROOM-1).
"""

from collections import namedtuple

# SPI of the card reader: its chip select and NRSTPD
SpiPins = namedtuple("SpiPins", ("bus", "sck", "mosi", "miso", "select", "power"))
I2cPins = namedtuple("I2cPins", ("bus", "scl", "sda"))
# reset and power: None where there is no such wire; a 1 presses PWRKEY and RESET through an NPN
# transistor, and closes the load switch
ModemPins = namedtuple("ModemPins", ("uart", "tx", "rx", "pwrkey", "reset", "power"))
# a UART for a printer or a reader
PortPins = namedtuple("PortPins", ("uart", "tx", "rx"))
# rows and columns: None where the keypad is on the expander
Pins = namedtuple("Pins", ("name", "spi", "i2c", "modem", "ports", "rows", "columns", "buzzer",
                           "battery", "charger"))

ESP32_SIM800 = Pins(
    name="esp32-sim800",
    spi=SpiPins(bus=1, sck=18, mosi=23, miso=19, select=4, power=13),
    i2c=I2cPins(bus=0, scl=22, sda=21),
    modem=ModemPins(uart=2, tx=27, rx=34, pwrkey=26, reset=25, power=33),
    ports=(PortPins(uart=1, tx=32, rx=35),),
    rows=None, columns=None,
    buzzer=14, battery=36, charger=39)

ESP32S3_A7670 = Pins(
    name="esp32s3-a7670",
    spi=SpiPins(bus=1, sck=12, mosi=11, miso=13, select=10, power=14),
    i2c=I2cPins(bus=0, scl=9, sda=8),
    modem=ModemPins(uart=1, tx=17, rx=18, pwrkey=21, reset=47, power=48),
    ports=(PortPins(uart=2, tx=15, rx=16), PortPins(uart=0, tx=43, rx=44)),
    rows=(4, 5, 6, 7), columns=(38, 39, 40, 41),
    buzzer=42, battery=1, charger=2)

BOARDS = (ESP32_SIM800, ESP32S3_A7670)


def wires(pins):
    """(what, number, direction) of each wire: "out", "in", "both" (open drain) or "adc"."""
    spi, modem = pins.spi, pins.modem
    found = [("spi sck", spi.sck, "out"), ("spi mosi", spi.mosi, "out"),
             ("spi miso", spi.miso, "in"), ("spi select", spi.select, "out"),
             ("reader power", spi.power, "out"),
             ("i2c scl", pins.i2c.scl, "both"), ("i2c sda", pins.i2c.sda, "both"),
             ("modem tx", modem.tx, "out"), ("modem rx", modem.rx, "in"),
             ("modem pwrkey", modem.pwrkey, "out"), ("modem reset", modem.reset, "out"),
             ("modem power", modem.power, "out"),
             ("buzzer", pins.buzzer, "out"), ("battery", pins.battery, "adc"),
             ("charger", pins.charger, "in")]
    for place, port in enumerate(pins.ports):
        found += [("port %d tx" % place, port.tx, "out"), ("port %d rx" % place, port.rx, "in")]
    found += [("row %d" % place, pin, "both") for place, pin in enumerate(pins.rows or ())]
    found += [("column %d" % place, pin, "in") for place, pin in enumerate(pins.columns or ())]
    return [wire for wire in found if wire[1] is not None]
