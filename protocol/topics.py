"""MQTT topics.

Law: a terminal writes `up` and `state` of its own id and reads `down` of its own id, and
nothing else. An id is decimal without leading zeros, 1 to 4294967295; every other topic
is nobody's.
"""

from protocol.limits import TERMINAL_ID_MAX

UP_FILTER = "pw/1/+/up"
SHARED_UP_FILTER = "$share/gateway/pw/1/+/up"
STATE_FILTER = "pw/1/+/state"

ONLINE = b"\x01"
OFFLINE = b"\x00"

_PREFIX = "pw/1/"
_KINDS = ("up", "down", "state")


def up(terminal_id: int) -> str:
    return "pw/1/%d/up" % terminal_id


def down(terminal_id: int) -> str:
    return "pw/1/%d/down" % terminal_id


def state(terminal_id: int) -> str:
    return "pw/1/%d/state" % terminal_id


def parse(topic: str) -> tuple[int, str] | None:
    """(terminal_id, "up" | "down" | "state"), or None where the topic is not one of ours."""
    if not topic.startswith(_PREFIX):
        return None
    words = topic[len(_PREFIX):].split("/")
    if len(words) != 2 or words[1] not in _KINDS:
        return None
    digits = words[0]
    if not 1 <= len(digits) <= 10 or digits[0] == "0":
        return None
    for letter in digits:
        if not "0" <= letter <= "9":
            return None
    terminal_id = int(digits)
    return (terminal_id, words[1]) if terminal_id <= TERMINAL_ID_MAX else None


def terminal_of(topic: str) -> int | None:
    """The terminal whose `up`, `down` or `state` topic this is, or None."""
    parts = parse(topic)
    return parts[0] if parts else None
