"""Both ends of something like PPP, for boards without `network`: the object that a modem driver
is given, and the network behind the modem. Runs on MicroPython too.

Frames as in RFC 1662, between 7E bytes with 7D escapes, without checksum; their content is a
handshake of our own: request, grant, echo of data, terminate. Law: it fails like PPP does.
`FakePpp` takes the methods and states of lwIP's in MicroPython (extmod/network_ppp_lwip.c): 0
inactive, 3 connecting, 4 connected, an error as its negative number; it reads its stream only
between `connect` and its end, and ends only when the peer agreed or did not answer for 6 s.
"""

INACTIVE = 0
CONNECTING = 3
CONNECTED = 4
ERROR = 2
CONNECTION_LOST = 6
PEER_DEAD = 9
AUTH_FAILED = 7
ASK_MS = 3000
ASKS = 5
CLOSE_ASKS = 2


def frame(content):
    """One frame: 7E content 7E, with what must not stand in it escaped."""
    out = bytearray(b"~")
    for byte in content:
        if byte in (0x7D, 0x7E) or byte < 0x20:
            out.append(0x7D)
            byte ^= 0x20
        out.append(byte)
    out.append(0x7E)
    return bytes(out)


class Frames:
    """Bytes in any pieces to contents of frames; what stands outside of frames is `stray`."""

    def __init__(self):
        self._content = None
        self._escaped = False
        self.stray = b""

    def feed(self, data):
        found = []
        for byte in data:
            if byte == 0x7E:
                if self._content:
                    found.append(bytes(self._content))
                    self._content = None
                else:
                    self._content = bytearray()
            elif self._content is None:
                self.stray += bytes((byte,))
            elif byte == 0x7D:
                self._escaped = True
            else:
                self._content.append(byte ^ 0x20 if self._escaped else byte)
                self._escaped = False
        return found


def _asks(security, user, key):
    return " ".join(("ask", str(security), user or "", key or "")).encode()


class Network:
    """The other end, behind the modem: `hear` is its `on_data`. What came is in `heard`."""

    def __init__(self, peer):
        self._peer = peer
        self._frames = Frames()
        self.heard = []
        self.silent = False   # answers nothing: a dead network
        self.login: tuple | None = None  # (security, user, key) that it wants; None: any
        peer.on_data = self.hear

    def hang_up(self):
        """It ends PPP by itself; the call stands."""
        self._peer.send(frame(b"bye"))

    def hear(self, data):
        for content in self._frames.feed(data):
            self.heard.append(content)
            if not self.silent:
                self._answer(content)

    def _answer(self, content):
        if content.startswith(b"ask"):
            known = self.login is None or content == _asks(*self.login)
            self._peer.send(frame(b"grant 10.64.0.2" if known else b"refuse"))
        elif content == b"end":
            self._peer.send(frame(b"ended"))
            self._peer.drop_call()
        else:
            self._peer.send(frame(b"echo " + content))


class FakePpp:
    """`stream`: read(n) gives bytes or None at once, write(data). `poll()` wants to be called
    often: on hardware the UART's interrupt does it."""

    def __init__(self, stream, now):
        self._stream = stream
        self._now = now
        self._state = INACTIVE
        self._error = 0
        self._frames = Frames()
        self._asks = 0
        self._ask_ms = 0
        self._closing = False
        self.stuck = False  # does not end, whatever happens
        self.blind = False  # says it is connected for ever (micropython #5566)
        self.received = []
        self.strays = b""

    def connect(self, security=0, user=None, key=None):
        if self._state in (CONNECTING, CONNECTED):
            raise OSError(114)
        self._frames = Frames()
        self._state = CONNECTING
        self._closing = False
        self._asks = 0
        self._content = _asks(security, user, key)
        self._ask()

    def disconnect(self):
        if self._state in (CONNECTING, CONNECTED) and not self._closing:
            self._closing = True
            self._content = b"end"
            self._asks = 0
            self._ask()

    def isconnected(self):
        return self._state == CONNECTED

    def status(self):
        return -self._error if self._state == ERROR else self._state

    def ifconfig(self):
        address = "10.64.0.2" if self._state == CONNECTED else "0.0.0.0"
        return address, "255.255.255.255", "10.64.0.1", "10.64.0.1"

    def send(self, content):
        """A packet of the program's."""
        if self._state == CONNECTED and not self._closing:
            self._stream.write(frame(content))

    def poll(self):
        if self._state not in (CONNECTING, CONNECTED):
            return
        data = self._stream.read(256)
        while data:
            self._hear(data)
            if self._state not in (CONNECTING, CONNECTED):
                return
            data = self._stream.read(256)
        if (self._closing or self._state == CONNECTING) and self._now() >= self._ask_ms:
            if self._asks >= (CLOSE_ASKS if self._closing else ASKS):
                self._gave_up()
            else:
                self._ask()

    def _ask(self):
        self._asks += 1
        self._ask_ms = self._now() + ASK_MS
        self._stream.write(frame(self._content))

    def _gave_up(self):
        if self._closing:
            if not self.stuck:
                self._state = INACTIVE
        else:
            self._state = ERROR
            self._error = PEER_DEAD

    def _hear(self, data):
        for content in self._frames.feed(data):
            if self._closing:
                if content == b"ended" and not self.stuck:
                    self._state = INACTIVE
                    return
            elif content.startswith(b"grant"):
                self._state = CONNECTED
            elif content == b"bye":
                self._state = ERROR
                self._error = CONNECTION_LOST
            elif content == b"refuse":
                self._state = ERROR
                self._error = AUTH_FAILED
            else:
                self.received.append(content)
        self.strays += self._frames.stray
        self._frames.stray = b""
