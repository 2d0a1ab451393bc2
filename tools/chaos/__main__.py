"""`python -m tools.chaos`, the same as `pointwire chaos`."""

import sys

from tools import cli

if __name__ == "__main__":
    sys.argv.insert(1, "chaos")
    cli.main()
