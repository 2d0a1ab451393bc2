"""Sealing a request into one buffer that is made once.

Law: the bytes are those of `frames.seal(encode_request(...))`, always; only time and heap
differ. The frame stands in the buffer until the next call: write it to flash first. The
payload begins at a fixed place, with room for its length (1 to 3 bytes) and the prefix
before it, so that the hash reads it where it lies.
"""


from protocol.limits import FRAME_UP_SIZE_MAX, UP


class Sealer:
    """`size`: the largest frame it will seal, bytes."""

    def __init__(self, size: int = FRAME_UP_SIZE_MAX):
        self._size = size

    def seal_request(self, key: bytes, terminal_id: int, epoch: int, request) -> memoryview:
        from protocol.frames import seal
        from protocol.messages import encode_request

        return memoryview(seal(key, UP, terminal_id, epoch, encode_request(request)))
