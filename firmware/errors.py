"""What can go wrong on the handset.

Law: every error of this room is a FirmwareError with a stable `code` for logs and counters;
the message says what happened, what is safe, and what to do. Single inheritance only:
MicroPython's exceptions have one parent.
"""


class FirmwareError(Exception):
    """Root of the room."""

    code = "firmware"


class SettingsError(FirmwareError):
    """The settings file is missing, damaged or says something impossible."""

    code = "settings"


class FontError(FirmwareError):
    """The font file is missing or damaged: Chinese letters are boxes until it is put there again.

    No tap depends on it.
    """

    code = "font"


class MqttError(FirmwareError):
    """The connection cannot go on: drop it and connect again. Nothing unsettled is lost.

    Raised with what to tell and its number in faults.py.
    """

    code = "mqtt"


class ReplyRefused(FirmwareError):
    """A frame from the gateway side that settles nothing; `code` says why."""

    def __init__(self, code):
        super().__init__("reply set aside: " + code)
        self.code = code


class CardReaderError(FirmwareError):
    """A card reader, scanner or its wire does not work; cards can still be keyed.

    `reason`: "absent", "stuck", "garbled", "reset", "self_test", "closed".
    """

    code = "card_reader"

    def __init__(self, reason, what):
        super().__init__(what)
        self.reason = reason


def told(error):
    """What happened as "kind: message": our own errors by their code, because a program that was
    linked has shorter names of its classes; the interpreter's by their class."""
    kind = error.code if isinstance(error, FirmwareError) else type(error).__name__
    return "%s: %s" % (kind, error)
