"""An SSD1306 on a module of 128x64, at the level of bytes: command decoder, memory, panel.

Written from the datasheet, rev 1.5: commands table 9-1, control bytes 8.1.5.2, addressing modes
10.1.3, reset 8.5, charge pump in the appendix. The panel is wired as the usual modules are:
upright with segments remapped (A1) and COM scanned downwards (C8). Remapping applies to data
written afterwards (10.1.8). Its memory is random when power comes, and nothing is seen until
charge pump and display are on.

It fails like hardware: `power_off()`, `cut_after` (bytes until its power goes), `nack_after`
(bytes until one is not acknowledged), `hold_bus()` (SDA low until clocked out). What the real
chip would not understand is in `unknown`. Runs on both interpreters.
"""

WIDTH = 128
HEIGHT = 64
ENODEV = 19
EIO = 5
ETIMEDOUT = 116  # as ESP32's errno has it
HORIZONTAL, VERTICAL, PAGE = 0, 1, 2

# how many bytes follow these commands; the fundamental ones have none
_ARGUMENTS = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1,
              0xDA: 1, 0xDB: 1, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0xA3: 2}


class Ssd1306Chip:
    """Methods of machine.I2C on top; `spi`, `dc`, `cs` and `scl`, `sda` are its other pins."""

    def __init__(self, address=0x3C, seed=1):
        self.address = address
        self.powered = False
        self.cut_after: int | None = None
        self.nack_after: int | None = None
        self.held = False
        self.unknown = []
        self.flashes = 0  # how often it was switched on with memory nobody had written
        self.transfers = []  # sizes
        self._draw = seed
        self.spi = _Spi(self)
        self.dc = Line()
        self.cs = Line()
        self.sda = _Sda(self)
        self.scl = _Scl(self)
        self.power_on()

    # -- power -------------------------------------------------------------------------------

    def power_on(self):
        """Reset state of 8.5, memory as it happens to be."""
        self.powered = True
        self.cells = bytearray(self._random() for _ in range(WIDTH * HEIGHT // 8))
        self.written = bytearray(WIDTH * HEIGHT // 8)
        self.on = self.pump = self.inverse = self.all_on = False
        self.remapped = self.downwards = False
        self.mode = PAGE
        self.column = self.column_first = self.page = self.page_first = 0
        self.column_last, self.page_last = WIDTH - 1, 7
        self.contrast, self.start_line, self.offset, self.lines = 0x7F, 0, 0, HEIGHT
        self.com_pins = 0x12
        self._command = None
        self._arguments = []

    def power_off(self):
        self.powered = False

    def _random(self):
        self._draw = (self._draw * 1103515245 + 12345) & 0x7FFFFFFF
        return self._draw >> 16 & 0xFF

    # -- the bus -----------------------------------------------------------------------------

    def writeto(self, address, buffer):
        self.writevto(address, [buffer])

    def writevto(self, address, vector):
        if self.held:
            raise OSError(ETIMEDOUT, "the bus is held")
        if not self.powered or address != self.address:
            raise OSError(ENODEV, "no answer")
        self.transfers.append(sum(len(each) for each in vector))
        control = 0
        begins = True  # a control byte comes: first, and before each byte while Co is set
        for buffer in vector:
            for byte in buffer:
                self._clocked()
                if begins:
                    control, begins = byte, False
                    if control & 0x3F:
                        self.unknown.append(("control", control))
                else:
                    self._take(byte, control & 0x40)
                    begins = bool(control & 0x80)

    # one byte over the wires, which may be the last
    def _clocked(self):
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after < 0:
                self.cut_after = None
                self.power_off()
                raise OSError(EIO, "not acknowledged")
        if self.nack_after is not None:
            self.nack_after -= 1
            if self.nack_after < 0:
                self.nack_after = None
                raise OSError(EIO, "not acknowledged")

    def hold_bus(self):
        """It was interrupted while it pulled SDA low, and waits for clocks."""
        self.held = True

    def _take(self, byte, is_data):
        if is_data:
            self._write(byte)
        elif self._command is not None:
            self._arguments.append(byte)
            if len(self._arguments) == _ARGUMENTS[self._command]:
                command, self._command = self._command, None
                self._obey(command, self._arguments)
        elif byte in _ARGUMENTS:
            self._command, self._arguments = byte, []
        else:
            self._obey(byte, ())

    # -- commands ----------------------------------------------------------------------------

    def _obey(self, command, arguments):
        if command < 0x10:
            self.column = self.column & 0xF0 | command
        elif command < 0x20:
            self.column = self.column & 0x0F | (command & 7) << 4
        elif 0x40 <= command < 0x80:
            self.start_line = command & 0x3F
        elif 0xB0 <= command < 0xB8:
            self.page = command & 7
        elif command in (0xA0, 0xA1):
            self.remapped = command == 0xA1
        elif command in (0xC0, 0xC8):
            self.downwards = command == 0xC8
        elif command in (0xA4, 0xA5):
            self.all_on = command == 0xA5
        elif command in (0xA6, 0xA7):
            self.inverse = command == 0xA7
        elif command in (0xAE, 0xAF):
            self.on = command == 0xAF
            self._seen()
        elif command in (0x2E, 0xE3, 0xD5, 0xD9, 0xDB):
            pass  # no scrolling, nothing; timing that no pixel shows
        else:
            self._set(command, arguments)

    def _set(self, command, arguments):
        value = arguments[0] if arguments else -1
        if command == 0x20 and value in (HORIZONTAL, VERTICAL, PAGE):
            self.mode = value
        elif command == 0x21 and max(arguments) < WIDTH:
            self.column_first, self.column_last = arguments
            self.column = self.column_first
        elif command == 0x22 and max(arguments) < 8:
            self.page_first, self.page_last = arguments
            self.page = self.page_first
        elif command == 0x81:
            self.contrast = value
        elif command == 0x8D and value in (0x10, 0x14):
            self.pump = value == 0x14
            self._seen()
        elif command == 0xA8 and 15 <= value < HEIGHT:
            self.lines = value + 1
        elif command == 0xD3 and value < HEIGHT:
            self.offset = value
        elif command == 0xDA and value in (0x02, 0x12, 0x22, 0x32):
            self.com_pins = value
        else:
            self.unknown.append((command, tuple(arguments)))

    def _seen(self):
        if self.on and self.pump and not all(self.written):
            self.flashes += 1

    # -- memory ------------------------------------------------------------------------------

    def _write(self, byte):
        segment = WIDTH - 1 - self.column if self.remapped else self.column
        place = self.page * WIDTH + segment
        self.cells[place] = byte
        self.written[place] = 1
        if self.mode == PAGE:
            self.column = (self.column + 1) % WIDTH
        elif self.mode == HORIZONTAL:
            if self._column_wrapped():
                self._page_wrapped()
        elif self._page_wrapped():
            self._column_wrapped()

    def _column_wrapped(self):
        wraps = self.column == self.column_last
        self.column = self.column_first if wraps else (self.column + 1) % WIDTH
        return wraps

    def _page_wrapped(self):
        wraps = self.page == self.page_last
        self.page = self.page_first if wraps else (self.page + 1) % 8
        return wraps

    # -- the panel ---------------------------------------------------------------------------

    def visible(self):
        """What a person sees, as 1,024 bytes MONO_VLSB; None while it is dark."""
        if not (self.powered and self.on and self.pump):
            return None
        seen = bytearray(WIDTH * HEIGHT // 8)
        for y in range(HEIGHT):
            # without C8 the usual module stands on its head; other COM pins mix up its lines
            com = y if self.downwards else HEIGHT - 1 - y
            if self.com_pins != 0x12:
                com = com // 2 + (com & 1) * 32
            row = (com + self.start_line + self.offset) % HEIGHT
            for x in range(WIDTH):
                lit = self.cells[(row >> 3) * WIDTH + WIDTH - 1 - x] >> (row & 7) & 1
                if (lit or self.all_on) != self.inverse and com < self.lines:
                    seen[(y >> 3) * WIDTH + x] |= 1 << (y & 7)
        return bytes(seen)


class Line:
    """A pin that is set."""

    def __init__(self):
        self.level = 1

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level


class _Spi:
    def __init__(self, chip):
        self._chip = chip

    def write(self, buffer):
        chip = self._chip
        if chip.powered and not chip.cs.level:
            chip.transfers.append(len(buffer))
            for byte in buffer:
                chip._take(byte, chip.dc.level)


class _Sda(Line):
    def __init__(self, chip):
        Line.__init__(self)
        self._chip = chip

    def value(self, level=None):
        if level is None:
            return 0 if self._chip.held else self.level
        self.level = level


class _Scl(Line):
    """Nine clocks at most until the byte that held the bus is out."""

    def __init__(self, chip):
        Line.__init__(self)
        self._chip = chip
        self._clocks = 0

    def value(self, level=None):
        if level is None:
            return self.level
        if level and not self.level:
            self._clocks += 1
            if self._clocks % 8 == 0:
                self._chip.held = False
        self.level = level
