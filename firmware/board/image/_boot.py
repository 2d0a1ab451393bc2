"""The first thing that runs on a product image, instead of MicroPython's own: mounts the files.

MicroPython's formats a partition it finds blank; ours formats nothing and touches no outbox.
"""

import gc
import sys

import esp32
import vfs

from firmware.board import files

if files.mount(vfs, esp32.Partition):
    sys.stdout.write("pointwire: %s\n" % files.fault())
gc.collect()
