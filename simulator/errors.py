"""What can go wrong in a simulation, as opposed to inside the firmware it runs."""


class SimulatorError(Exception):
    """Root of this room. `code` is stable; the message says what happened and what to do."""

    code = "simulator"


class Stalled(SimulatorError):
    """Nothing is scheduled any more, yet what was waited for has not come."""

    code = "stalled"


class Spinning(SimulatorError):
    """Something runs for ever at one instant: on hardware the watchdog would bite."""

    code = "spinning"


class TaskDied(SimulatorError):
    """A task of the simulation, not of the firmware, ended with an exception."""

    code = "task_died"


class Unavailable(SimulatorError):
    """The gateway committed nothing: the frames stay unacknowledged and are offered again."""

    code = "unavailable"


class KeysUnreadable(SimulatorError):
    """The file of terminal keys cannot be used."""

    code = "keys_unreadable"


class AddressUnreadable(SimulatorError):
    """The gateway's address is not one of mqtt, mqtts, http, https."""

    code = "address_unreadable"


class Killed(BaseException):
    """The gateway's process is gone in the middle of what it did. Not an Exception: nothing in
    the gateway may catch it, as nothing catches `kill -9`."""
