"""The wire contract as questions and answers, the same file on CPython and MicroPython.

One line in, one line out, so that thousands of questions go through one process:
`answer` is called here and, through `on_micropython`, on the real interpreter, and a test
compares the two. A ProtocolError is an answer; anything else ends the run.
"""

import sys
from binascii import hexlify, unhexlify

from protocol import cbor, codes, frames, keys, messages, topics
from protocol.errors import FrameError, ProtocolError
from protocol.sealer import Sealer


def show(value):
    """A value as text that does not depend on the interpreter; maps in wire order."""
    if value is None or type(value) is int:
        return str(value)
    if type(value) is str:
        return "t" + hexlify(value.encode()).decode()
    if type(value) is bytes:
        return "h" + hexlify(value).decode()
    if type(value) is dict:
        pairs = sorted([(hexlify(cbor.encode(key)).decode(), key) for key in value])
        return "{" + ",".join([coded + ":" + show(value[key]) for coded, key in pairs]) + "}"
    return "[" + ",".join([show(item) for item in value]) + "]"


def _decode(data):
    value = cbor.decode(data)
    assert cbor.encode(value) == data
    return show(value)


def _request(payload):
    found = messages.read_request(cbor.decode(payload))
    if not isinstance(found, messages.Request):
        return "fault " + show(found)
    assert messages.encode_request(found) == payload or _ignores(payload)
    return show(found)


def _ignores(payload):
    # Keys from 64 on are read over, so they do not come back.
    return any([key > 63 for key in cbor.decode(payload)])


def _reply(payload):
    return show(messages.read_reply(payload))


def _split(frame):
    return show(frames.split(frame, 1400))


def _seal(payload):
    request = messages.read_request(cbor.decode(payload))
    assert isinstance(request, messages.Request)
    key = bytes(range(32))
    plain = frames.seal(key, 1, 10000042, 1, messages.encode_request(request))
    assert bytes(SEALER.seal_request(key, 10000042, 1, request)) == plain
    assert frames.authentic(key, 1, frames.split(plain, 1024))
    return hexlify(plain).decode()


def _keys(seed):
    key = keys.terminal_key(seed, 4294967295, 255)
    return hexlify(key + keys.pin_key(key)).decode() + keys.mqtt_password(key)


def _pin(seed):
    from cryptolib import aes as ecb  # type: ignore[import-not-found]

    nonce = seed[:8]
    block = keys.pin_block(lambda key: ecb(key, 1), seed[8:24], 77, nonce, "24681")
    assert keys.open_pin_block(lambda key: ecb(key, 1), seed[8:24], 77, nonce, block) == "24681"
    following = bytes(reversed(seed))
    wrapped = keys.rekey_wrap(lambda key: ecb(key, 1), seed, following)
    assert keys.rekey_unwrap(lambda key: ecb(key, 1), seed, wrapped) == following
    return hexlify(block + wrapped).decode()


def _topic(text):
    return show(topics.parse(text.decode()))


def _code(number):
    return "%s %s" % (codes.name(number[0]), codes.transient(number[0]))  # noqa: UP031


SEALER = Sealer(1024)
QUESTIONS = {
    "decode": _decode, "request": _request, "reply": _reply, "split": _split,
    "seal": _seal, "keys": _keys, "pin": _pin, "topic": _topic, "code": _code,
}


def answer(line):
    """`decode a0` -> `{}`; an error of ours -> `no cbor` or `no frame keys`."""
    question, _, data = line.partition(" ")
    try:
        return QUESTIONS[question](unhexlify(data))
    except FrameError as error:
        return "no frame " + error.reason
    except ProtocolError as error:
        return "no " + error.code


def on_micropython(lines):
    """The answers MicroPython gives, in one process."""
    from tests.support.micropython import run_file

    asked = "\n".join(lines) + "\n"
    told = run_file("tests/protocol/answers.py", stdin=asked.encode()).splitlines()
    assert len(told) == len(lines)
    return told


if __name__ == "__main__":
    for question_line in sys.stdin:
        sys.stdout.write(answer(question_line.strip()) + "\n")
