"""SIM800, SIM7600 and A7670 at byte level, with what goes wrong with them; on MicroPython too.

Written from the manuals that firmware/board/modem_models.py names, not from the driver. No IO and
no clock: `receive(data)` takes bytes of the host, `take()` gives those that are due, `due()` says
when the next ones are, pins are objects with `value(level)`.

Law: a modem answers in order. In data mode it knows one thing only, the escape: three plus signs
within a second, with a second of silence before and behind them. Whatever else comes goes to
`on_data`, an AT command as well as a frame of PPP, and `leaked` counts the former.

Faults are attributes, to be set at any time: `mute` (takes everything, says nothing), `late_ms`
(each answer that much later), `lost` (so many of the next answers are lost), `noise` (bytes before
each line), `hung` (until that was done: "cfun" connected but dead, "reset" or "power" mute as
well), `deaf` (does not know the escape any more), `urcs` (lines put into answers), `errors`
(command: how its next answer ends), `dead_air` (says CONNECT, and nothing comes through).
"""

from simulator.modem_answers import MODELS, Answers

GUARD_MS = 1000


class _Pin:
    def __init__(self, on_level):
        self._on_level = on_level
        self.level = 0

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        self._on_level(level)
        return None


class Peer(Answers):
    """`now()`: ms. `on_data(bytes)` hears what is sent in data mode. PWRKEY switches it on."""

    def __init__(self, model, now, on_data=None):
        (self.word, self.boot_ms, self.on_ms, self.off_ms, self.reset_ms, self.greeting,
         self.ccid, self.hung_up, self.signal) = MODELS[model]
        self.model = model
        self.now = now
        self.on_data = on_data or (lambda data: None)
        super().__init__()
        # faults
        self.mute = self.deaf = self.dead_air = False
        self.hung: str | None = None
        self.late_ms = 0
        self.lost = 0
        self.noise = b""
        self.urcs = []
        self.errors = {}
        # what happened
        self.commands = []  # the last ones
        self.leaked = 0
        self.escapes = 0
        self.boots = 0
        self.resets = 0
        self.power_cuts = 0
        self.powered = True
        self._out = []
        self._pressed_ms = None
        self.on = False
        self.pwrkey = _Pin(self._pwrkey)
        self.reset = _Pin(self._reset)
        self.power = _Pin(self._power)
        self.power.level = 1
        self._forget()

    def _forget(self):
        self._forget_settings()
        self.in_data = False
        self.ready_ms = None
        self._line = b""
        self._heard_ms = 0
        self._plus_ms = None
        self._plus = 0
        self._out.clear()

    # -- pins --------------------------------------------------------------------------------

    def start(self):
        """As if it had been on for long."""
        self._forget()
        self.on = True
        self.ready_ms = self.now()

    def brown_out(self):
        """The voltage falls for a moment: it starts anew by itself."""
        if self.on:
            self._boot()

    def _boot(self):
        self._forget()
        self.on = True
        self.boots += 1
        self.ready_ms = self.now() + self.boot_ms
        for line in self.greeting:
            if not line.startswith("+CPIN") or self.sim == "READY":
                self._say(line, self.ready_ms, True)

    def _pwrkey(self, level):
        now = self.now()
        if level:
            self._pressed_ms = now
        elif self._pressed_ms is not None and self.powered:
            held_ms = now - self._pressed_ms
            self._pressed_ms = None
            if not self.on and held_ms >= self.on_ms:
                self._boot()
            elif self.on and held_ms >= self.off_ms and self.hung != "power":
                self.on = False
                self._forget()

    def _reset(self, level):
        now = self.now()
        if level:
            self._reset_ms = now
        elif self.powered and self.on and now - self._reset_ms >= self.reset_ms:
            self.resets += 1
            if self.hung in ("cfun", "reset"):
                self.hung = None
            self._boot()

    def _power(self, level):
        if not level:
            self.power_cuts += 1
            self.powered = self.on = False
            self.hung = None
            self._forget()
        self.powered = bool(level)

    # -- bytes out ---------------------------------------------------------------------------

    def due(self):
        """When the next bytes come, in ms; None: none that it knows of."""
        times = [self._out[0][0]] if self._out else []
        if self._plus_ms is not None:
            times.append(self._plus_ms + GUARD_MS)
        return min(times) if times else None

    def take(self, most=None):
        """The bytes that are due, `most` at most."""
        self._escape()
        found = b""
        now = self.now()
        while self._out and self._out[0][0] <= now and (most is None or len(found) < most):
            when, data = self._out.pop(0)
            room = len(data) if most is None else most - len(found)
            found += data[:room]
            if data[room:]:
                self._out.insert(0, (when, data[room:]))
        return found

    def send(self, data):
        """What comes from the network, in data mode."""
        if self.in_data and self.on and not self.is_dead():
            self._put(data, self.now())

    def say(self, line):
        """A line that nobody asked for."""
        if self.on and not self.in_data:
            self._say(line, self.now(), True)

    def drop_call(self):
        """The network ends the call."""
        if self.in_data:
            self.in_data = False
            self._say("NO CARRIER", self.now(), True)

    def is_dead(self):
        """It says that it is connected, and nothing comes through."""
        return self.dead_air or self.hung is not None

    def _says_nothing(self):
        return self.mute or self.hung in ("reset", "power")

    def _put(self, data, when):
        if self._out:
            when = max(when, self._out[-1][0])
        self._out.append((when, data))

    def _say(self, line, when, unasked=False):
        if unasked and self._says_nothing():
            return
        self._put(self.noise + b"\r\n" + line.encode() + b"\r\n", when)

    # -- bytes in ----------------------------------------------------------------------------

    def receive(self, data):
        if not self.on or self.reset.level or self.now() < self.ready_ms:
            return
        self._escape()
        if self.in_data:
            self._carry(data)
            return
        for at in range(len(data)):
            byte = data[at:at + 1]
            if self.echo and not self._says_nothing() and not self.lost:
                self._put(byte, self.now())
            if byte == b"\r":
                line, self._line = self._line, b""
                self._command(line)
                if self.in_data:
                    self._carry(data[at + 1:])
                    return
            elif byte != b"\n":
                self._line = (self._line + byte)[-200:]

    def _carry(self, data):
        now = self.now()
        silence_ms = now - self._heard_ms
        self._heard_ms = now
        if data and b"+" * len(data) == data and (self._plus or silence_ms >= GUARD_MS):
            self._plus += len(data)
            self._plus_ms = now if self._plus == 3 else None
            if self._plus <= 3:
                return
        if self._plus:
            data = b"+" * self._plus + data if b"+" * len(data) != data else b"+" * self._plus
            self._plus = 0
            self._plus_ms = None
        if data:
            if b"AT" in data:
                self.leaked += 1
            if not self.is_dead():
                self.on_data(data)

    def _escape(self):
        if self._plus_ms is None or self.now() < self._plus_ms + GUARD_MS:
            return
        self._plus = 0
        self._plus_ms = None
        if not self.deaf and not self._says_nothing():
            self.in_data = False
            self.escapes += 1
            self._say("OK", self.now())

    def _dialled(self):
        self.in_data = True
        self._heard_ms = self.now()

    def _command(self, line):
        start = line.find(b"AT")
        if start < 0:
            return
        text = str(line, "ascii") if all([byte < 128 for byte in line]) else ""
        text = text[text.find("AT"):]
        if len(self.commands) > 200:
            del self.commands[:100]
        self.commands.append(text)
        if self.hung == "cfun" and text.startswith("AT+CFUN=0"):
            self.hung = None
        if self._says_nothing():
            return
        if self.lost:
            self.lost -= 1
            return
        lines = self._answer(text)
        for key in list(self.errors):
            if text.startswith(key):
                lines = [self.errors.pop(key)]
        now = self.now() + self.late_ms
        for at in range(len(lines)):
            if self.urcs and at == len(lines) - 1:
                self._say(self.urcs.pop(0), now)
            self._say(lines[at], now)
