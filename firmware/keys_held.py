"""The terminal keys this handset holds, and how it comes by the next one (WIRE, key 23).

Law:
- The newest key seals. Every key held opens replies, but only to frames of its own epoch.
- A next key is used only once the settings that name it are durable (settings.py: written whole,
  read back, renamed). A power cut finds the old settings or the new; with either every frame
  on flash can be answered.
- An old key goes when no unsettled frame was sealed under it, the gateway has answered under the
  newest and the broker has let its login in: until then the way back stays open (`login`).
- An offer that is wrong changes nothing, and why is told.

What runs once in months is a function beside the class: it costs the heap nothing meanwhile.
"""

from firmware.errors import SettingsError
from firmware.settings import with_keys
from protocol import keys
from protocol.errors import WrapError
from protocol.limits import U32_MAX

# old keys beside the newest: rotations that may overlap while one tap waits
OLD_KEYS_MAX = 3
_EPOCH_AT = 13


def epoch_of(frame):
    """The epoch in a frame's kid."""
    return frame[_EPOCH_AT]


class KeysHeld:
    """`held`: ((epoch, key), ...), the newest first; `answered`, `entered`: gateway and broker
    know the newest. `board` keeps the settings and has AES."""

    def __init__(self, settings, board):
        self.board = board
        self.settings = settings
        self.epoch = settings.epoch
        self.key = settings.key
        self.held = ((settings.epoch, settings.key),) + settings.old_keys
        self.answered = self.entered = False


def key_of(own, epoch):
    """The key of an epoch, or None."""
    for each, key in own.held:
        if each == epoch:
            return key
    return None


def _take(own, settings):
    own.settings = settings
    own.epoch = settings.epoch
    own.key = settings.key
    own.held = ((settings.epoch, settings.key),) + settings.old_keys
    own.answered = own.entered = False


def login(own, turn):
    """(user, password) for the broker: of the newest key, or of an older one in its turn."""
    if turn % len(own.held):
        return _old_login(own, turn)
    return own.settings.mqtt_user, own.settings.mqtt_password


def _old_login(own, turn):
    epoch, key = own.held[turn % len(own.held)]
    return keys.mqtt_user(own.settings.terminal_id, epoch), keys.mqtt_password(key)


def rotate(own, offer, epoch):
    """Take the offered (epoch, wrapped key), wrapped under the key of `epoch`; None: it is durable
    and in use. Else why not: not_higher, too_many, tampered or not_kept, and nothing changed."""
    offered, wrapped = offer
    if offered <= own.epoch:
        return "not_higher"
    if len(own.held) > OLD_KEYS_MAX:
        return "too_many"
    try:
        key = keys.rekey_unwrap(own.board.aes, key_of(own, epoch) or b"", wrapped)
    except WrapError:
        return "tampered"
    return None if _kept(own, offered, key, own.held) else "not_kept"


def in_use(own, outbox):
    """The old epochs under which unsettled frames exist, for a heartbeat's report.

    Traces of a journal are sealed in order, so its oldest unsettled frame has its lowest
    epoch; what lies between that and the newest counts as in use.
    """
    if len(own.held) == 1:
        return ()
    lowest, key = own.epoch, outbox.following(None)
    while key:
        lowest = min(lowest, epoch_of(outbox.frame(*key)))
        key = outbox.following((key[0], U32_MAX))
    return tuple([epoch for epoch, _ in own.held if lowest <= epoch < own.epoch])


def forget(own, used):
    """Drop the old keys that are not in use any more, when they may go; durable on return."""
    old = tuple([each for each in own.held[1:] if each[0] in used])
    if own.answered and own.entered and len(old) < len(own.held) - 1:
        if _kept(own, own.epoch, own.key, old):
            own.answered = own.entered = True


def _kept(own, epoch, key, old):
    user = keys.mqtt_user(own.settings.terminal_id, epoch)
    made = with_keys(own.settings, epoch, key, user, keys.mqtt_password(key), old)
    try:
        own.board.save_settings(made)
    except (OSError, SettingsError):
        return False
    _take(own, made)
    return True
