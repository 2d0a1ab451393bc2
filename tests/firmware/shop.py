"""A gateway that knows one member, for tests of the handset alone; not portable."""

from firmware.settings import Settings, settings
from protocol import keys, messages
from simulator.broker import Credential
from tests.firmware.replies import AT, CARD, KEY, TERMINAL_ID, Asked, reply_frame

USER = keys.mqtt_user(TERMINAL_ID, 1)
PASSWORD = keys.mqtt_password(KEY)
CREDENTIALS = {USER: Credential(TERMINAL_ID, PASSWORD.encode())}


class Shop:
    """Posts each (journal, trace) once, at one point a yuan; `balance` is the member's."""

    def __init__(self) -> None:
        self.posted: dict[tuple[int, int], bytes] = {}
        self.balance = 1000
        self.silent: set[int] = set()

    def answer(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type in self.silent:
            return None
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame, at=AT, highest_trace=0)
        if asked.type == messages.INQUIRY:
            return reply_frame(frame, balance=self.balance, member="王*", tier="银卡")
        key = (asked.journal, asked.trace)
        if key not in self.posted:
            points = asked.content[7] // 100
            self.balance += points
            self.posted[key] = reply_frame(
                frame, points=points, balance=self.balance, tier="银卡", member="王*",
                receipt=1000 + len(self.posted), head=bytes(16), expiring=(500, 20500))
        return self.posted[key]


def settings_for(port: int, **changed: object) -> Settings:
    values = {"language": "en", "outbox_blocks": 16, **changed}
    return settings(TERMINAL_ID, 1, KEY, "127.0.0.1", port, USER, PASSWORD,
                    **values)  # type: ignore[arg-type]


__all__ = ["CARD", "CREDENTIALS", "KEY", "PASSWORD", "Shop", "TERMINAL_ID", "USER", "settings_for"]
