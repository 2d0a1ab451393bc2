"""Errors: one root, a code each, and nothing else for bytes from outside."""

from protocol import cbor, errors, frames, keys, limits, messages
from tests.protocol import mutants, samples
from tests.protocol.test_keys import Aes

KINDS = [errors.CborError, errors.FrameError, errors.MessageError, errors.PinError,
         errors.WrapError]


def test_each_error_has_a_code_of_its_own_under_one_root():
    assert all(issubclass(kind, errors.ProtocolError) for kind in KINDS)
    assert issubclass(errors.ProtocolError, ValueError)
    assert len({kind.code for kind in (errors.ProtocolError, *KINDS)}) == len(KINDS) + 1


def test_a_frame_error_says_why():
    error = errors.FrameError("outer")
    assert (error.code, error.reason, str(error)) == ("frame", "outer", "outer")


def test_bytes_from_outside_raise_nothing_but_protocol_errors():
    """Whatever else escaped here would end in the gateway's log as an unexpected error."""
    key = bytes(32)
    seeds = [messages.encode_request(each) for each in samples.requests()]
    seeds += [messages.encode_reply(each) for each in samples.replies()]
    seeds += [frames.seal(key, limits.DOWN, 7, 1, each) for each in seeds[::9]]
    for data in mutants.encodings(4000, tuple(seeds)):
        for reader in (lambda d: frames.split(d, limits.FRAME_UP_SIZE_MAX), messages.read_reply,
                       lambda d: messages.read_request(cbor.decode(d)),
                       lambda d: keys.open_pin_block(Aes, key, 1, bytes(8), d[:16]),
                       lambda d: keys.rekey_unwrap(Aes, key, d[:40])):
            try:
                reader(data)
            except errors.ProtocolError:
                continue
