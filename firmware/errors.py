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


class MqttError(FirmwareError):
    """The connection cannot go on: drop it and connect again. Nothing unsettled is lost."""

    code = "mqtt"


class MqttRefused(MqttError):
    """The broker said no (`reason`: CONNACK return code). Trying again soon is pointless."""

    code = "mqtt_refused"

    def __init__(self, reason):
        super().__init__("the broker refuses this terminal (return code %d)" % reason)
        self.reason = reason


class ReplyRefused(FirmwareError):
    """A frame from the gateway side that settles nothing; `code` says why."""

    def __init__(self, code):
        super().__init__("reply set aside: " + code)
        self.code = code


class RotationRefused(FirmwareError):
    """A next key was offered that is not taken; `code` says why. The present keys stay."""

    def __init__(self, code):
        super().__init__("next key not taken: " + code)
        self.code = code
