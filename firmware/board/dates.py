"""The date that the certificates of a server are judged by (DESIGN 5.6); for nothing else.

Law: the gateway's word counts most. Until it has spoken, the newest of what is known: the modem's
network, what the chip's clock still has, the day on which the gateway spoke last (stored), the day
this program was built. Nothing that anybody but the gateway said is ever stored, so a network
that lies about the year does so for as long as it is used, and no longer.
"""

from micropython import const

DAY_S = const(86400)
# set by hand with each release: no certificate in use is older than this
BUILD_DAY = const(20780)  # 2026-11-23
_LATEST = const(4102444800)  # 2100: a clock beyond was never set right


def newest(*times):
    """The latest of Unix seconds, None left out, and never before the build date."""
    best = BUILD_DAY * DAY_S
    for each in times:
        if each is not None and best < each < _LATEST:
            best = each
    return best

