"""What runs after boot.py: the program on the board it finds itself on.

Staged as main.py at the root. On the unix port: `micropython main.py DIR`.
"""

import sys

from firmware.board.unix import main

main(*sys.argv[1:2])
