"""What can go wrong in the `pointwire` command, each with its exit code.

0 is success. 1: the run was carried out and its result is bad (a tap not posted exactly once).
2: the command line is wrong (click). From 3 on nothing was carried out, and the message says why;
130: stopped by a person before the end.
"""

EXIT_BAD_RESULT = 1
EXIT_PORT_TAKEN = 3
EXIT_NOT_READY = 4
EXIT_REFUSED = 5
EXIT_BUSY = 6
EXIT_UNWRITABLE = 7
EXIT_STOPPED = 130


class ToolError(Exception):
    """Root of this room: `code` is stable, `exit_code` is what the process ends with."""

    code = "tool"
    exit_code = EXIT_NOT_READY


class PortTaken(ToolError):
    """An address cannot be listened on."""

    code = "port_taken"
    exit_code = EXIT_PORT_TAKEN


class NotReady(ToolError):
    """A part did not come up, or what is needed is not there."""

    code = "not_ready"
    exit_code = EXIT_NOT_READY


class Refused(ToolError):
    """Not allowed here, for instance printing keys in production."""

    code = "refused"
    exit_code = EXIT_REFUSED


class Busy(ToolError):
    """Another demo runs in the same folder."""

    code = "busy"
    exit_code = EXIT_BUSY


class Unwritable(ToolError):
    """A folder or file cannot be written."""

    code = "unwritable"
    exit_code = EXIT_UNWRITABLE
