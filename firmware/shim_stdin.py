"""The control channel's stdin on CPython, whose event loop waits for pipes, sockets and terminals
only. Never staged: MicroPython's reads whatever it is given.

Law: whatever stdin is (a pipe, a socket, a terminal, a file, /dev/null, nothing at all), its lines
are read, and then its end.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false

import asyncio
import selectors
import sys


async def reader():
    """A StreamReader of stdin."""
    found = asyncio.StreamReader()
    if _can_be_waited_for(sys.stdin):
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(found), sys.stdin)
    else:
        if sys.stdin:
            found.feed_data(sys.stdin.buffer.read())
        found.feed_eof()
    return found


# a file never makes anybody wait, so the loop's selector refuses it, and /dev/null with it
def _can_be_waited_for(file):
    if not file:
        return False
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(file, selectors.EVENT_READ)
        except PermissionError:
            return False
    return True
