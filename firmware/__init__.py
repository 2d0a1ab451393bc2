"""The handset program: from a card on the reader to a tap that posts exactly once.

The same source runs on MicroPython (the device, the unix port) and on CPython (simulator,
tools, tests). It is written with MicroPython's names; elsewhere the shim adds them, and it is
loaded here so that no module can be imported before it.
"""

import sys

VERSION = "0.1.0"

if sys.implementation.name != "micropython":
    from firmware import shim  # noqa: F401
