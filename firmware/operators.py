"""What the handset itself knows of operators: PINs sealed for the gateway, and hashes of PINs.

Law: a PIN is sealed with the nonce of the very question that carries it, and neither it nor its
block is kept. After an online login a salted hash of (operator, PIN) is kept for seven days and
five tries, for sales without a link and nothing else; a try is counted durably before the hash is
looked at, so that no power cut gives one for free. The gateway's word ends it: an unknown or
suspended operator, or a PIN that is not right any more.

Age goes by the clock where it was set both then and now. A handset has no clock of its own, so
behind a boot without a link it goes by the time the handset was on, as far as that was written
down (at each try and login): the hours it lay switched off do not count.

The hash keeps a PIN from whoever reads the file by chance. Against one who has the whole flash no
hash of four digits helps, and he has the terminal key beside it. 1,000 rounds are what a cashier
does not wait for: 0.3 s on an ESP32 by estimate (it was not measured on one), 8 ms on a desktop.
"""

from struct import calcsize, pack, unpack

from hashlib import sha256

from micropython import const

from protocol.fields import LOGIN
from protocol.keys import pads, pin_block, pin_key, same
from protocol.limits import NONCE_SIZE, U32_MAX

FILE = "operators"
ROUNDS = const(1000)
VALID_S = const(604800)
TRIES_MAX = const(5)
_ROWS_MAX = const(8)
_SALT_SIZE = const(8)
# operator, salt, hash, tries; clock at the login (0: not set), age then known, boot, uptime
_ROW = ">H8s32sBIIII"
_TRIES, _AT, _AGE, _BOOT, _UP = 3, 4, 5, 6, 7


def carry_out(own, effect):
    """An effect ("operator", what, number, value) of the App `own`; its follow-up, or None."""
    _, what, number, value = effect
    board, now = own.board, own.now()
    times = own.clock.now(now) or 0, board.boot_count, now // 1000
    try:
        if what == "ask":
            return "found", _ask(own, number, value)
        if what == "match":
            return "found", match(board, number, value, times)
        if what == "keep":
            keep(board, number, value, times)
        else:
            forget(board, number, value)
    except OSError as error:
        own._tell("flash", str(error))
        return ("failed",)
    return None


# (candidate, whether the gateway was asked): from here on nobody knows the PIN any more
def _ask(own, number, pin):
    board, dispatch = own.board, own._dispatch
    candidate = candidate_of(board, number, pin)
    if not own.up():
        return candidate, False
    nonce = board.random(NONCE_SIZE)
    block = pin_block(board.aes, pin_key(dispatch.keys.key), own.outbox.journal, nonce, pin)
    dispatch.ask(LOGIN, own.now(), nonce=nonce, operator=number, pin_block=block)
    own._uplink.kick()
    return candidate, True


def candidate_of(board, number, pin):
    """salt || hash of a PIN that was keyed, under the salt that is kept for this operator."""
    row = _of(_rows(board), number)
    salt = row[1] if row else board.random(_SALT_SIZE)
    return salt + stretched(pin.encode(), salt + pack(">H", number))


def stretched(pin, salt):
    """PBKDF2-HMAC-SHA256 (RFC 8018), 32 bytes."""
    inner_pad, outer_pad = pads(pin)
    block, mixed = salt + b"\x00\x00\x00\x01", 0
    for _ in range(ROUNDS):
        inner = sha256(inner_pad)
        inner.update(block)
        outer = sha256(outer_pad)
        outer.update(inner.digest())
        block = outer.digest()
        mixed ^= int.from_bytes(block, "big")
    return mixed.to_bytes(32, "big")


def match(board, number, candidate, times):
    """What the hash of this operator says: "right", "wrong", or why it is not asked: "none" is
    kept, its days are over ("old"), its tries are used up ("tries")."""
    rows = _rows(board)
    row = _of(rows, number)
    if row is None:
        return "none"
    row[_AGE] = _age_s(row, times)
    row[_BOOT], row[_UP] = times[1:]
    if row[_AGE] >= VALID_S:
        outcome = "old"
    elif row[_TRIES] >= TRIES_MAX:
        outcome = "tries"
    else:
        row[_TRIES] += 1
        _write(board, rows)
        if not same(row[1] + row[2], candidate):
            return "wrong"
        row[_TRIES] = 0
        outcome = "right"
    _write(board, rows)
    return outcome


# boot counts and uptimes are of the last time it was written
def _age_s(row, times):
    at, boot, up_s = times
    if at and row[_AT]:
        return max(at - row[_AT], 0)
    on_s = up_s - row[_UP] if boot == row[_BOOT] else up_s
    return min(row[_AGE] + on_s, U32_MAX)


def keep(board, number, candidate, times):
    """The gateway approved this PIN; of more than eight operators the latest."""
    row = [number, candidate[:_SALT_SIZE], candidate[_SALT_SIZE:], 0, times[0], 0, times[1],
           times[2]]
    others = [each for each in _rows(board) if each[0] != number]
    _write(board, [row] + others[:_ROWS_MAX - 1])


def forget(board, number, candidate):
    """The gateway refused this operator (None), or this PIN."""
    rows = _rows(board)
    row = _of(rows, number)
    if row and (candidate is None or same(row[1] + row[2], candidate)):
        _write(board, [each for each in rows if each is not row])


def _of(rows, number):
    for row in rows:
        if row[0] == number:
            return row
    return None


def _rows(board):
    data, size = board.kept(FILE) or b"", calcsize(_ROW)
    return [list(unpack(_ROW, data[place:place + size]))
            for place in range(0, len(data) - size + 1, size)]


def _write(board, rows):
    board.keep(FILE, b"".join([pack(_ROW, *row) for row in rows]))
