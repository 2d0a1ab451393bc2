"""Replies as a gateway would seal them, made by the protocol's own writers. Portable."""

from protocol import cbor, frames, messages
from protocol.limits import DOWN, FRAME_UP_SIZE_MAX

KEY = bytes(range(32))
TERMINAL_ID = 10000042
CARD = 6200001234567892
AT = 1764500000


def sale_frame(journal=7, trace=1, amount_minor=1250, key=KEY, terminal_id=TERMINAL_ID):
    request = messages.request(messages.SALE, journal, trace, card=(2, CARD),
                               amount_minor=amount_minor)
    return frames.seal(key, 1, terminal_id, 1, messages.encode_request(request))


def void_frame(journal, trace, original, key=KEY):
    request = messages.request(messages.VOID, journal, trace, original=original)
    return frames.seal(key, 1, TERMINAL_ID, 1, messages.encode_request(request))


def inquiry_frame(journal=7, nonce=b"12345678", kind=messages.INQUIRY):
    request = messages.request(kind, journal, 0, card=(2, CARD), nonce=nonce)
    return frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request))


class Asked:
    """Type, journal and trace of a request frame."""

    def __init__(self, frame):
        content = cbor.decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)
        self.type, self.journal, self.trace = content[0], content[1], content[2]
        self.content = content


def reply(frame, code=0, **fields):
    """The Reply value to a request frame."""
    fields = dict(fields)
    at = fields.pop("at", AT)
    return messages.reply(Asked(frame), frames.digest(frame), code, at, **fields)


def reply_frame(frame, code=0, key=KEY, terminal_id=TERMINAL_ID, epoch=1, direction=DOWN,
                **fields):
    """The sealed reply to a request frame."""
    payload = messages.encode_reply(reply(frame, code, **fields))
    return frames.seal(key, direction, terminal_id, epoch, payload)
