"""A handset on an ESP32 or ESP32-S3: the drivers wired to the board table of board/__init__.py.

Law: what identifies the handset stands on two partitions that fail apart: files (settings, font,
CA, hashes of PINs) on `vfs`, taps on `outbox`; boot count and the gateway's last day are in NVS,
which is neither.
The outbox partition is handed on and never touched here. Nothing waits for a part: a driver's task
is named and supervised (`tasks`), what it tells comes out of `event`, oldest first.
"""

import asyncio

from cryptolib import aes
from micropython import const

from firmware import VERSION, faults, font
from firmware.board import dates, kept_file, options, upkeep
from firmware.board.battery import Battery
from firmware.board.buzzer import Buzzer
from firmware.board.card_taps import TapReader
from firmware.board.crash_log import CrashLog, trace
from firmware.board.esp32_parts import (
    heap_free, modem_of, outbox_of, pin_mark, ports_of, reader_chip_of,
)
from firmware.board.keypad import SCAN_MS
from firmware.board.signs import each
from firmware.board.wifi import Wifi
from firmware.errors import SettingsError
from firmware.settings import write
from firmware.ticks import Uptime

SETTINGS_PATH = "/settings"
FONT_PATH = "/font"
CRASH_PATH = "/crash"
ADDRESS_MS = const(3600000)  # how long the broker's address is believed
TICKS_MASK = const((1 << 30) - 1)
WATCHDOG_MS = const(60000)
EVENTS_MAX = const(32)
UPKEEP_MS = const(15000)
_WATCHDOG = const(3)
_MODE_ECB = const(1)
_NVS_SPACE = "pointwire"


class Esp32Board:
    """`pins`: a row of pins.py; `model`: the modem that belongs to it; `edge`: esp32_edge.Edge.
    `display`, `keypad`: those parts, which stand before there are settings. SettingsError."""

    watchdog_ms = WATCHDOG_MS

    def __init__(self, pins, model, edge, settings, display, keypad):
        self.name = pins.name
        self._edge = edge
        made = options.options(settings.others)
        self.options = made
        machine = edge.machine
        self._nvs = edge.nvs(_NVS_SPACE)
        self.boot_count = self._counted("boots") + 1
        self._keep("boots", self.boot_count)
        self.reset_cause = machine.reset_cause()
        self.crashes = CrashLog(edge.root + CRASH_PATH, "boot=%d version=%s reset=%d" % (
            self.boot_count, VERSION, self.reset_cause))
        self.app = None  # set by who makes it
        self._touched_ms = 0
        self._lows = 0
        self.outbox_device = outbox_of(edge)
        self.font, self.font_fault = font.found(edge.root + FONT_PATH)
        self.now = Uptime(self.ticks_ms)
        self._progress = lambda name: None
        self.lost = 0
        self._events = []
        self._event = asyncio.Event()
        self._watchdog = None
        self._spoken = None  # (gateway's time, when it said so)
        self._addresses = {}
        self._secure = self._context(made)
        self.pixels = display
        self.keypad = keypad
        self.reader = TapReader(reader_chip_of(pins, edge, self.ticks_ms), self.ticks_ms)
        self.buzzer = Buzzer(machine.PWM(machine.Pin(pins.buzzer), freq=2000, duty_u16=0),
                             settings.volume, self._sign("buzzer"))
        display.brightness(settings.brightness)
        self.battery = self._battery_of(pins) if made.cell else None
        self.printer, self._readers = ports_of(pins, edge, options.parts(made), self.font,
                                               settings, self._sign("printer"))
        self.way = self._way_of(pins, model, made)
        self._scans = machine.Timer(0)

    def _sign(self, name):
        return lambda: self._progress(name)

    def _battery_of(self, pins):
        machine = self._edge.machine
        return Battery(machine.ADC(machine.Pin(pins.battery), atten=machine.ADC.ATTN_11DB),
                       charger=machine.Pin(pins.charger, machine.Pin.IN),
                       progress=self._sign("battery"))

    def _way_of(self, pins, model, made):
        if made.way == "modem":
            return modem_of(pins, self._edge, model, made, self.now, self._sign("modem"),
                            self._open, self._counted("pin"), self._way_failed)
        network = self._edge.network
        return Wifi(network.WLAN(network.STA_IF), made.wifi_name, made.wifi_key, self.now,
                    self._sign("wifi"), None, self._open)

    def _way_failed(self, fault, rung):
        if fault == faults.PIN_REFUSED:
            self._keep("pin", pin_mark(self.options.sim_pin))

    def _context(self, made):
        if not made.tls:
            return None
        try:
            with open(self._edge.root + made.ca_file, "rb") as file:
                return self._edge.secure(file.read())
        except (OSError, ValueError) as error:
            raise SettingsError("settings: no CA in %s (%s); put the broker's CA there, in DER"
                                % (made.ca_file, error))

    # -- what is counted over boots --------------------------------------------------------------

    def _counted(self, name):
        try:
            return self._nvs.get_i32(name)
        except OSError:  # never written, or the storage was erased
            return 0

    def _keep(self, name, value):
        try:
            self._nvs.set_i32(name, value)
            self._nvs.commit()
        except OSError:
            pass  # it is counted again next time; no tap depends on it

    # -- the board table -------------------------------------------------------------------------

    def ticks_ms(self):
        return self._edge.ticks_ms() & TICKS_MASK

    def random(self, size):
        return self._edge.random(size)

    def aes(self, key):
        return aes(key, _MODE_ECB)

    def save_settings(self, settings):
        write(self._edge.root + SETTINGS_PATH, settings)

    def keep(self, name, data):
        kept_file.keep(self._edge.root + "/" + name, data)

    def kept(self, name):
        return kept_file.kept(self._edge.root + "/" + name)

    def show(self, buffer):
        self.pixels.show(buffer)

    def beep(self, name):
        self.buzzer.play(name)

    def adjust(self, name, value):
        if name == "volume":
            self.buzzer.volume = value
        else:
            self.pixels.brightness(value)

    def tasks(self, progress):
        """(name, coroutine function) of each part; `progress(name)` is the supervisor's."""
        self._progress = progress
        self.pixels.progress = self._sign("display")
        # from now on: whatever hangs, a boot too, ends in a reset
        self._watchdog = self._edge.machine.WDT(timeout=WATCHDOG_MS)
        self._scans.init(mode=self._edge.machine.Timer.PERIODIC, period=SCAN_MS,
                         callback=self.keypad.scan)
        found = [("keys", self._told("keys", self.keypad.next)),
                 ("reader", self._told("reader", self.reader.next)),
                 ("display", self.pixels.run), ("buzzer", self.buzzer.run),
                 (self.options.way, self.way.run)]
        found.append(("upkeep", self._upkeep))
        found += [(name, self._told(name, part.next)) for name, part in self._readers]
        if self.battery:
            found.append(("battery", self.battery.run))
        if self.printer:
            found.append(("printer", self.printer.run))
        return found

    def _told(self, name, next_one):
        return lambda: each(next_one, self.put, self._sign(name))

    def put(self, event):
        """Something that a part told."""
        if event[0] in ("key", "card"):  # a reader that flaps is no person
            self._touched_ms = self.now()
        if len(self._events) >= EVENTS_MAX:
            self.lost += 1
            return
        self._events.append(event)
        self._event.set()

    async def event(self):
        while not self._events:
            self._event.clear()
            await self._event.wait()
        return self._events.pop(0)

    async def connect(self, host, port):
        return await self.way.connect(host, port)

    # Behind the modem or the Wi-Fi. The address is kept for a while: a lookup blocks all tasks.
    # Whoever answers there may not be ours any more, which shows only behind the opening.
    async def _open(self, host, port):
        edge = self._edge
        address, until_ms = self._addresses.get(host, (None, 0))
        try:
            if address is None or self.now() >= until_ms:
                address = edge.lookup(host, port)
                until_ms = self.now() + ADDRESS_MS
            if self._secure is None:
                streams = await edge.open_connection(address, port)
            else:
                self._set_date()
                streams = await edge.open_connection(address, port, ssl=self._secure,
                                                     server_hostname=host)
        except BaseException:  # the broker may have moved; also when nobody waits any more
            self._addresses.pop(host, None)
            raise
        self._addresses[host] = address, until_ms
        return streams

    def heap_free(self):
        return heap_free()

    def battery_percent(self):
        return self.battery.gauge.percent if self.battery else None

    def signal_dbm(self):
        return self.way.signal_dbm()

    def feed_watchdog(self):
        self._watchdog.feed()  # pyright: ignore[reportOptionalMemberAccess] - see tasks

    def reset(self):
        self._edge.machine.reset()

    # -- what keeps it running -------------------------------------------------------------------

    def died(self, task, error):
        """A task died; `error` None: it ended."""
        self._note(task, trace(error) if error else "ended")

    def _note(self, task, what):
        self.crashes.keep(self.now() // 1000, heap_free(), task, what)

    async def _upkeep(self):
        if self.reset_cause == _WATCHDOG:
            self._note("watchdog", "reset")
        said = []
        while True:
            self._progress("upkeep")
            stalled = self.app.supervisor.stalled() if self.app else []
            if stalled and stalled != said:
                self._note(stalled[0], "stalled")
            said = stalled
            why = self._wants_restart()
            if why:
                self._note("upkeep", why)
                self.reset()
            await asyncio.sleep_ms(UPKEEP_MS)

    def _wants_restart(self):
        app, now = self.app, self.now()
        quiet_ms = now - self._touched_ms
        # a collection of a large heap takes its time: only while nobody is there
        free = heap_free() if quiet_ms >= upkeep.QUIET_MS else None
        low = free is not None and free < upkeep.HEAP_LOW
        if low and not self._lows:
            self._note("upkeep", "heap low")
        self._lows = self._lows + 1 if low else 0
        outbox = app.outbox if app else None
        return upkeep.restart(self.options.reset_hour, app and app.clock.now(app.now()), now,
                              quiet_ms, outbox is None or outbox.unsettled > 0,
                              self._lows)

    # -- time, for certificates only -------------------------------------------------------------

    def clock_set(self, at):
        """The gateway told the time: stored once a day."""
        self._spoken = at, self.now()
        day = at // dates.DAY_S
        if day != self._counted("day"):
            self._keep("day", day)
        self._edge.set_clock(dates.newest(at))

    def _set_date(self):
        edge = self._edge
        if self._spoken:
            at = self._spoken[0] + (self.now() - self._spoken[1]) // 1000
        else:
            at = dates.newest(self.way.clock(), edge.clock(), self._counted("day") * dates.DAY_S)
        edge.set_clock(at)
