"""What can go wrong in the wire contract.

Law: every error of this package is a ProtocolError, which is a ValueError, and carries a
short `code` for logs and counters. Bytes from outside may raise nothing else. Single
inheritance only: MicroPython's exceptions have one parent.
"""


class ProtocolError(ValueError):
    """Root of the room. `code` is stable; the message is for people."""

    code = "protocol"


class CborError(ProtocolError):
    """The bytes are not one item of our strict profile, or a value has no encoding in it."""

    code = "cbor"


class FrameError(ProtocolError):
    """No reply is possible: not a frame of ours, or keys 0, 1, 2 do not fit.

    `reason` is one of the words in `protocol.frames` (`too_large`, `outer`, `kid`, ...).
    """

    code = "frame"

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class MessageError(ProtocolError):
    """A message of our own making does not fit the CDDL; nothing was sealed."""

    code = "message"


class PinError(ProtocolError):
    """A PIN block that does not open: wrong key, nonce or tag, or not 4 to 8 digits."""

    code = "pin_block"


class WrapError(ProtocolError):
    """A wrapped terminal key that does not open: keep the present key."""

    code = "rekey"
