"""The terminal keys this handset holds, and how it comes by the next one (WIRE, key 23).

Law:
- The newest key seals. Every key held opens replies, but only to frames of its own epoch.
- A next key is used only once the settings that name it are durable (settings.py: written whole,
  renamed, read back). A power cut finds the old settings or the new; with either every frame
  on flash can be answered.
- An old key goes when no unsettled frame was sealed under it and the gateway has answered under
  the newest: until then the way back stays open, at the broker too (`login`).
- An offer that is wrong changes nothing, and why is told.
"""

from firmware.errors import RotationRefused, SettingsError
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
    """`held`: ((epoch, key), ...), the newest first. `board` keeps the settings and has AES."""

    def __init__(self, settings, board):
        self._board = board
        self._take(settings)
        self._proven = False

    def _take(self, settings):
        self.settings = settings
        self.epoch = settings.epoch
        self.key = settings.key
        self.held = ((settings.epoch, settings.key),) + settings.old_keys

    def of(self, epoch):
        """The key of an epoch, or None."""
        for each, key in self.held:
            if each == epoch:
                return key
        return None

    def login(self, turn):
        """(user, password) for the broker: of the newest key, or of an older one in its turn."""
        epoch, key = self.held[turn % len(self.held)]
        if epoch == self.epoch:
            return self.settings.mqtt_user, self.settings.mqtt_password
        return keys.mqtt_user(self.settings.terminal_id, epoch), keys.mqtt_password(key)

    def answered_under(self, epoch):
        """The gateway has answered a frame of this epoch."""
        if epoch == self.epoch:
            self._proven = True

    def rotate(self, offer, epoch):
        """Take the offered (epoch, wrapped key), wrapped under the key of `epoch`; durable on
        return. RotationRefused: nothing changed."""
        offered, wrapped = offer
        if offered <= self.epoch:
            raise RotationRefused("not_higher")
        if len(self.held) > OLD_KEYS_MAX:
            raise RotationRefused("too_many")
        try:
            key = keys.rekey_unwrap(self._board.aes, self.of(epoch), wrapped)
        except WrapError:
            raise RotationRefused("tampered")
        self._keep(offered, key, self.held)
        self._proven = False

    def in_use(self, outbox):
        """The old epochs under which unsettled frames exist, for a heartbeat's report.

        Traces of a journal are sealed in order, so its oldest unsettled frame has its lowest
        epoch; what lies between that and the newest counts as in use.
        """
        if len(self.held) == 1:
            return ()
        lowest, key = self.epoch, outbox.following(None)
        while key:
            lowest = min(lowest, epoch_of(outbox.frame(*key)))
            key = outbox.following((key[0], U32_MAX))
        return tuple([epoch for epoch, _ in self.held if lowest <= epoch < self.epoch])

    def forget(self, in_use):
        """Drop the old keys that are not in use; durable on return."""
        old = tuple([each for each in self.held[1:] if each[0] in in_use])
        if self._proven and len(old) < len(self.held) - 1:
            self._keep(self.epoch, self.key, old)

    def _keep(self, epoch, key, old):
        user = keys.mqtt_user(self.settings.terminal_id, epoch)
        made = with_keys(self.settings, epoch, key, user, keys.mqtt_password(key), old)
        try:
            self._board.save_settings(made)
        except (OSError, SettingsError):
            raise RotationRefused("not_kept")
        self._take(made)
