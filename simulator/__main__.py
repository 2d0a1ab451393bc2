"""`python -m simulator`: post taps to a gateway with the real firmware, and say how it went.

For the CI of whoever runs a gateway. Exit codes: 0 every tap posted; 1 a tap was refused or got no
answer in time; 2 the command line is wrong; 3 the gateway cannot be reached or does not let the
terminal in; 4 the key file cannot be used. In 2, 3 and 4 nothing was tapped.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from protocol import codes
from simulator import keys, live
from simulator.errors import AddressUnreadable, KeysUnreadable

EXIT_NOT_POSTED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_KEYS = 4
TAPS_MAX = 1_000_000


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= TAPS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {TAPS_MAX}")
    return number


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m simulator", description="Post taps with the real firmware.",
        epilog="Exit codes: 0 all posted, 1 refused or unanswered, 2 usage, 3 gateway not "
               "reachable, 4 key file not usable.")
    made.add_argument("--gateway", required=True, metavar="URL",
                      help="mqtt://host:port, mqtts://..., or http(s)://host/v1/frames")
    made.add_argument("--keys", required=True, metavar="FILE",
                      help="JSON lines from `pointwire terminal keys ID --json`; - is stdin")
    made.add_argument("--taps", type=_positive, default=1, metavar="N",
                      help="sales in all, spread over the terminals (default 1)")
    made.add_argument("--wait", type=_positive, default=60, metavar="SECONDS",
                      help="how long to wait for a connection, and then for all answers")
    made.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return made


def _text(path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadable(f"{path} cannot be read ({error}). Nothing was sent.") from None


def _shown(result: live.Result) -> str:
    lines = [f"{result.posted} of {result.taps} taps posted in {result.seconds} s, "
             f"{result.points} points"]
    lines += [f"refused {codes.name(code)}: {count}" for code, count in result.refused.items()]
    if result.unanswered:
        lines.append(f"unanswered: {result.unanswered}")
    lines += [f"HTTP status {status}: {count}" for status, count in result.statuses.items()]
    lines += [f"balance of {card}: {points}" for card, points in result.balances.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the whole command."""
    asked = parser().parse_args(arguments)
    try:
        address = keys.read_address(asked.gateway)
        terminals = keys.read_keys(_text(asked.keys))
        result = asyncio.run(live.run(address, terminals, asked.taps, asked.wait))
    except AddressUnreadable as error:
        return _fail(str(error), EXIT_USAGE)
    except KeysUnreadable as error:
        return _fail(str(error), EXIT_KEYS)
    except live.Unreachable as error:
        return _fail(str(error), EXIT_UNREACHABLE)
    except KeyboardInterrupt:
        return _fail("stopped; taps that were answered are posted", EXIT_NOT_POSTED)
    if asked.json:
        refused = {codes.name(code): count for code, count in result.refused.items()}
        statuses = {str(status): count for status, count in result.statuses.items()}
        print(json.dumps({"gateway": address.url, "terminals": len(terminals),
                          **result._asdict(), "refused": refused, "statuses": statuses}))
    else:
        print(_shown(result))
    return 0 if result.good else EXIT_NOT_POSTED


def _fail(text: str, code: int) -> int:
    print(f"simulator: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
