"""Key rotation: durable before use, harmless when wrong, whatever is cut off. Runs on both."""

from firmware import settings as files  # isort: skip - on CPython it brings the shim
from cryptolib import aes

from firmware.errors import SettingsError
from firmware.keys_held import (
    OLD_KEYS_MAX,
    KeysHeld,
    epoch_of,
    forget,
    in_use,
    key_of,
    login,
    rotate,
)
from firmware.outbox import Outbox, format_outbox
from protocol import frames, keys, messages
from tests.firmware.portable import RamFlash
from tests.firmware.replies import CARD, KEY, TERMINAL_ID

NEXT = bytes(range(100, 132))
THIRD = bytes(range(50, 82))


class Board:
    """Keeps what it was given, or fails with `fault`."""

    def __init__(self):
        self.kept = None
        self.fault = None
        self.saves = 0

    def aes(self, key):
        return aes(key, 1)

    def save_settings(self, settings):
        if self.fault:
            raise self.fault
        self.saves += 1
        self.kept = files.encode(settings)


def make(board=None):
    board = board or Board()
    return KeysHeld(files.settings(TERMINAL_ID, 1, KEY, "h", 1, "42-1", "p"), board), board


def wrapped(under, key):
    return keys.rekey_wrap(lambda secret: aes(secret, 1), under, key)


def after_a_cut(board):
    """What the next boot holds."""
    return KeysHeld(files.decode(board.kept), board)


def shelf(*epochs):
    """An outbox with one unsettled sale under each of these (epoch, journal)."""
    flash = RamFlash(16)
    format_outbox(flash, 7)
    outbox = Outbox(flash)
    outbox.mount()
    for epoch, journal in epochs:
        outbox.new_journal(journal)
        trace = outbox.next_trace
        request = messages.request(messages.SALE, journal, trace, card=(2, CARD), amount_minor=1)
        outbox.append(trace, frames.seal(KEY, 1, TERMINAL_ID, epoch,
                                         messages.encode_request(request)))
    return outbox


def test_the_next_key_seals_and_the_old_one_still_opens_replies():
    held, board = make()
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    for each in (held, after_a_cut(board)):
        assert (each.epoch, each.key) == (2, NEXT)
        assert key_of(each, 1) == KEY and key_of(each, 2) == NEXT and key_of(each, 3) is None
        assert login(each, 0) == (f"{TERMINAL_ID}-2", keys.mqtt_password(NEXT))


def test_the_vector_of_the_contract_opens():
    key = bytes.fromhex("4b9299be959d3b1a9e0d90f61ffd63b8a86ad1dc1ee04358e2aff2d460d5d210")
    board = Board()
    held = KeysHeld(files.settings(TERMINAL_ID, 1, key, "h", 1, "u", "p"), board)
    offer = "47291bc9acc9afd9d7a247588d7f3b287fe10c8baa6e47ae279970a2244626ee7382ffe53fafe2ae"
    assert rotate(held, (2, bytes.fromhex(offer)), 1) is None
    assert held.key.hex() == "a950ea1a29589f3c699a74859e22b008721063ae9da809e507ae35466f693b1d"


def test_nothing_is_used_before_it_is_durable():
    held, board = make()
    for fault in (OSError(28), SettingsError("bad storage")):
        board.fault = fault
        assert rotate(held, (2, wrapped(KEY, NEXT)), 1) == "not_kept"
        assert (held.epoch, held.key, key_of(held, 2)) == (1, KEY, None)
    board.fault = None
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    assert held.epoch == 2


def test_a_wrong_offer_is_named_and_changes_nothing():
    held, board = make()
    good = wrapped(KEY, NEXT)
    for place in range(len(good)):
        broken = bytearray(good)
        broken[place] ^= 1
        assert rotate(held, (2, bytes(broken)), 1) == "tampered"
    assert rotate(held, (2, wrapped(NEXT, NEXT)), 1) == "tampered"
    for epoch in (1, 0):
        assert rotate(held, (epoch, good), 1) == "not_higher"
    assert (held.epoch, board.saves) == (1, 0)


def test_the_same_offer_again_is_harmless():
    held, board = make()
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    assert rotate(held, (2, wrapped(NEXT, NEXT)), 2) == "not_higher"
    assert rotate(held, (2, wrapped(KEY, THIRD)), 1) == "not_higher"
    assert held.key == NEXT and board.saves == 1


def test_rotations_overlap_while_a_tap_waits_but_not_without_end():
    held, board = make()
    key = KEY
    for epoch in range(2, 2 + OLD_KEYS_MAX):
        new = bytes((epoch,)) * 32
        assert rotate(held, (epoch, wrapped(key, new)), epoch - 1) is None
        key = new
    last = held.epoch + 1
    offer = (last, wrapped(key, NEXT))
    assert rotate(held, offer, held.epoch) == "too_many"
    assert key_of(after_a_cut(board), 1) == KEY
    held.answered = True
    held.entered = True
    forget(held, (1,))
    assert rotate(held, offer, last - 1) is None
    assert key_of(after_a_cut(board), 1) == KEY and held.epoch == last


def test_epochs_in_use_are_those_of_unsettled_frames():
    held, _ = make()
    assert in_use(held, shelf((1, 7))) == ()
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    assert in_use(held, shelf()) == ()
    assert in_use(held, shelf((1, 7), (1, 7), (2, 7))) == (1,)
    assert in_use(held, shelf((2, 7))) == ()
    # the straggler is in a journal of its own
    assert in_use(held, shelf((1, 7), (2, 9), (2, 9))) == (1,)
    assert in_use(held, shelf((2, 7), (1, 9), (2, 7))) == (1,)
    assert rotate(held, (3, wrapped(NEXT, THIRD)), 2) is None
    assert in_use(held, shelf((2, 7), (3, 7))) == (2,)
    assert in_use(held, shelf((1, 7), (3, 7))) == (2, 1)


def test_an_old_key_goes_when_it_is_neither_in_use_nor_the_way_back():
    held, board = make()
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    forget(held, ())
    assert key_of(held, 1) == KEY  # the gateway has not yet shown that it knows the new one
    held.answered = False
    forget(held, ())
    assert key_of(held, 1) == KEY
    held.answered = True
    held.entered = False
    forget(held, ())
    assert key_of(held, 1) == KEY  # and the broker only the old login
    held.entered = True
    forget(held, (1,))
    assert key_of(held, 1) == KEY
    forget(held, ())
    assert key_of(held, 1) is None and key_of(after_a_cut(board), 1) is None
    assert after_a_cut(board).key == NEXT


def test_an_old_key_that_cannot_be_dropped_is_kept_and_dropped_later():
    held, board = make()
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    held.answered = True
    held.entered = True
    board.fault = OSError(28)
    forget(held, ())
    assert key_of(held, 1) == KEY
    board.fault = None
    forget(held, ())
    assert key_of(held, 1) is None


def test_a_login_has_the_old_key_to_fall_back_on():
    held, _ = make()
    assert login(held, 0) == login(held, 1) == ("42-1", "p")
    assert rotate(held, (2, wrapped(KEY, NEXT)), 1) is None
    assert login(held, 1) == (f"{TERMINAL_ID}-1", keys.mqtt_password(KEY))
    assert login(held, 2) == login(held, 0)


def test_the_epoch_of_a_frame_is_read_from_its_kid():
    assert epoch_of(shelf((3, 7)).frame(7, 1)) == 3
