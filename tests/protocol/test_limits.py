"""The numbers of the contract."""

import pytest

from protocol import frames, limits
from protocol.errors import FrameError


def test_sizes_depth_and_window_are_those_of_the_contract():
    assert (limits.FRAME_UP_SIZE_MAX, limits.FRAME_DOWN_SIZE_MAX) == (1024, 1400)
    assert (limits.DEPTH_MAX, limits.WINDOW) == (4, 8)
    assert (limits.UP, limits.DOWN) == (1, 2)


@pytest.mark.parametrize(("direction", "size"), [
    (limits.UP, limits.PAYLOAD_UP_SIZE_MAX), (limits.DOWN, limits.PAYLOAD_DOWN_SIZE_MAX)])
def test_the_largest_payload_just_fits_the_largest_frame(direction: int, size: int):
    assert len(frames.seal(bytes(32), direction, 1, 1, bytes(size))) == frames.size_max(direction)
    with pytest.raises(FrameError):
        frames.seal(bytes(32), direction, 1, 1, bytes(size + 1))


def test_waits_grow_in_the_order_in_which_they_are_used():
    assert limits.REPLY_WAIT_S < limits.REPLY_WAIT_S_MAX <= limits.TRANSIENT_WAIT_S
    assert limits.SALE_SAVED_AFTER_S < limits.VOID_AFTER_S
