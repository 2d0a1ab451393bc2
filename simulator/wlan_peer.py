"""What `network.WLAN` gives on an ESP32, and an access point with what goes wrong with it. Runs on
MicroPython too.

Law, as MicroPython's driver behaves: `connect` raises OSError while it is switched off or already
connecting; by itself it goes on trying, and the status says why the last try failed; `isconnected`
stays true for a while when the access point is gone.

Faults are attributes: `there` (an access point of this name), `password`, `crowded` (it lets
nobody in), `silent` (attempts have no outcome), `wedged` (every call raises until it was off),
`dead_air` (connected, and nothing comes through).
"""

IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
NO_AP = 201
WRONG_PASSWORD = 202
ASSOC_FAIL = 203
HANDSHAKE_TIMEOUT = 204
TAKES_MS = 1500


class Wlan:
    def __init__(self, now, name, password):
        self._now = now
        self._on = False
        self._state = IDLE
        self._due_ms = None
        self._keyed = ("", "")
        self.name = name
        self.password = password
        self.there = True
        self.crowded = self.silent = self.wedged = self.dead_air = False
        self.switched_off = 0

    def active(self, on):
        if not on:
            self.switched_off += self._on
            self.wedged = False
            self._state = IDLE
            self._due_ms = None
        self._on = on

    def connect(self, name, password):
        self._check()
        if self._due_ms is not None:
            raise OSError("Wifi Internal State Error")
        self._keyed = name, password
        self._state = CONNECTING
        self._due_ms = self._now() + TAKES_MS

    def disconnect(self):
        self._check()
        self._state = IDLE
        self._due_ms = None

    def isconnected(self):
        self._turn()
        return self._state == GOT_IP

    def status(self, what=None):
        self._turn()
        if what == "rssi":
            if self._state != GOT_IP:
                raise OSError("Wifi Not Connected")
            return -61
        return self._state

    def lose(self):
        """The access point is switched off and on."""
        if self._state == GOT_IP:
            self._state = NO_AP
            self._due_ms = self._now() + TAKES_MS

    def _check(self):
        if self.wedged or not self._on:
            raise OSError("Wifi Internal Error")

    def _turn(self):
        if self._due_ms is None or self._now() < self._due_ms or self.silent:
            return
        self._due_ms = self._now() + TAKES_MS
        name, password = self._keyed
        if not self.there or name != self.name:
            self._state = NO_AP
        elif self.crowded:
            self._state = ASSOC_FAIL
        elif password != self.password:
            self._state = HANDSHAKE_TIMEOUT
        else:
            self._state = GOT_IP
            self._due_ms = None
