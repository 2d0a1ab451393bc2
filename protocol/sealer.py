"""Sealing a request into one buffer that is made once.

Law: the bytes are those of `frames.seal(encode_request(...))`, always (a test); only time
and heap differ. The frame stands in the buffer until the next call: put it on flash first.

Where things lie: the payload begins at a fixed place with room before it for its length
(1 to 3 bytes) and the outer prefix (14), so nothing is ever moved, and length and payload
are hashed where they lie because the MAC structure has them in the same form as the frame.
Of the key only its HMAC pads are kept, the inner one with the start of the MAC structure
behind it: SHA-256 on MicroPython cannot be copied half-way.
"""

from hashlib import sha256
from struct import pack_into

from protocol.cbor import put
from protocol.errors import FrameError
from protocol.frames import PREFIX, TAG_HEAD, TOO_LARGE, mac_prefix
from protocol.limits import FRAME_UP_SIZE_MAX, UP
from protocol.mac import kid, pads

_PAYLOAD_AT = 17
_TAIL_SIZE = 34
# Integers are written without asking for room: 24 keys of at most 10 bytes, and the tail.
_SLACK = 24 * 10 + _TAIL_SIZE
# Card numbers that take eight bytes.
_LOW = 4294967295
_HIGH = 18446744073709551616


class Sealer:
    """`size`: the largest frame it will seal, bytes. One buffer, one frame at a time."""

    def __init__(self, size: int = FRAME_UP_SIZE_MAX):
        self._size = size
        self._buffer = bytearray(_PAYLOAD_AT + size + _SLACK)
        self._view = memoryview(self._buffer)
        self._key = b""
        self._own = (0, 0)
        self._prefix = b""
        self._inner = b""
        self._outer = b""

    def seal_request(self, key: bytes, terminal_id: int, epoch: int, request) -> memoryview:
        """The sealed frame, valid until the next call; FrameError where it is too large."""
        if key != self._key or (terminal_id, epoch) != self._own:
            self._bind(key, terminal_id, epoch)
        end = self._fill(request)
        view = self._view
        start = self._wrap(end - _PAYLOAD_AT)
        inner = sha256(self._inner)
        inner.update(view[start + 14:end])
        outer = sha256(self._outer)
        outer.update(inner.digest())
        view[end:end + 2] = TAG_HEAD
        view[end + 2:end + _TAIL_SIZE] = outer.digest()
        return view[start:end + _TAIL_SIZE]

    def _bind(self, key, terminal_id, epoch):
        self._key = b""  # what breaks off here is done again
        self._prefix = PREFIX + kid(terminal_id, epoch)
        inner, self._outer = pads(key)
        self._inner = inner + mac_prefix(UP, terminal_id)
        self._own = (terminal_id, epoch)
        self._key = key

    def _wrap(self, size):
        # Prefix and length before the payload -> where the frame begins.
        buffer = self._buffer
        if size > 255:
            start = 0
            pack_into(">BH", buffer, _PAYLOAD_AT - 3, 0x59, size)
        elif size > 23:
            start = 1
            buffer[_PAYLOAD_AT - 2] = 0x58
            buffer[_PAYLOAD_AT - 1] = size
        else:
            start = 2
            buffer[_PAYLOAD_AT - 1] = 0x40 | size
        if _PAYLOAD_AT - start + size + _TAIL_SIZE > self._size:
            raise FrameError(TOO_LARGE)
        self._view[start:start + 14] = self._prefix
        return start

    def _fill(self, request):
        # Map head and every key that is there -> position behind the payload. Integers, the
        # bulk of a tap, are written at once with their key, where its head has one byte.
        buffer = self._buffer
        at = _PAYLOAD_AT + 1
        count = 0
        key = 0
        for value in request:
            if value is not None:
                count += 1
                if type(value) is int and 0 <= value < 4294967296 and key < 24:
                    if value > 65535:
                        pack_into(">BBI", buffer, at, key, 0x1A, value)
                        at += 6
                    elif value < 24:
                        buffer[at] = key
                        buffer[at + 1] = value
                        at += 2
                    elif value < 256:
                        pack_into(">BBB", buffer, at, key, 0x18, value)
                        at += 3
                    else:
                        pack_into(">BBH", buffer, at, key, 0x19, value)
                        at += 4
                else:
                    if key > 23:
                        buffer[at] = 0x18
                        at += 1
                    buffer[at] = key
                    at = self._card(at + 1, value) if key == 6 else self._other(at + 1, value)
            key += 1
        if count > 23:  # no message has so many, and the head has no room for it
            raise FrameError(TOO_LARGE)
        buffer[_PAYLOAD_AT] = 0xA0 | count
        return at

    def _card(self, at, value):
        # A card known by its number, [entry, number]: the shape of nearly every tap.
        if type(value) is tuple and len(value) == 2:
            entry, number = value
            if type(entry) is type(number) is int and 0 <= entry < 24 and _LOW < number < _HIGH:
                pack_into(">BBBQ", self._buffer, at, 0x82, entry, 0x1B, number)
                return at + 11
        return self._other(at, value)

    def _other(self, at, value):
        # Everything else by the general encoder, copied in.
        encoded = bytearray()
        put(encoded, value, 2)
        end = at + len(encoded)
        if end > _PAYLOAD_AT + self._size:
            raise FrameError(TOO_LARGE)
        self._view[at:end] = encoded
        return end
