"""What makes this handset this terminal: a small file, written whole.

Law: a file is written beside the old one, read back, and only then renamed over it; a reader sees
the old settings or the new, never a mixture, whenever the power goes. The first line carries a
CRC over the rest, so a torn or edited file is refused with its reason, and nothing is guessed.
Names it does not know are left alone, so that an older program reads a newer file.
"""

import os
from binascii import crc32, hexlify, unhexlify
from collections import namedtuple

from firmware.errors import SettingsError

_MAGIC = "pointwire settings 1 "

# (name, kind, default); without a default the file must say it
FIELDS = (
    ("terminal_id", "int", None),
    ("epoch", "int", None),
    ("key", "hex", None),
    ("mqtt_host", "text", None),
    ("mqtt_port", "int", None),
    ("mqtt_user", "text", None),
    ("mqtt_password", "text", None),
    ("keepalive_s", "int", 60),
    ("language", "text", "zh"),
    ("currency_digits", "int", 2),
    ("outbox_blocks", "int", 336),
    # ((epoch, key), ...) of older epochs, the newest first: see keys_held.py
    ("old_keys", "keys", ()),
    # 1: whoever sells has to log in; and is logged out after so long without a key
    ("login", "int", 0),
    ("auto_lock_s", "int", 300),
    # 0 to 3, as the cashier set them
    ("volume", "int", 2),
    ("brightness", "int", 2),
    # 1: a slip comes by itself with what posts, where there is a printer
    ("slips", "int", 1),
    # at the head of each slip; and by how much its times are ahead of UTC
    ("shop", "text", ""),
    ("utc_offset_min", "int", 0),
)
# beside them `others`: ((name, text), ...) of the lines that are not of this table. They are kept
# as they are: names of a newer program, and those of boards (board/options.py).

Settings = namedtuple("Settings", [name for name, _, _ in FIELDS] + ["others"])


def settings(terminal_id, epoch, key, mqtt_host, mqtt_port, mqtt_user, mqtt_password,
             keepalive_s=60, language="zh", currency_digits=2, outbox_blocks=336, old_keys=(),
             login=0, auto_lock_s=300, volume=2, brightness=2, slips=1, shop="",
             utc_offset_min=0, others=()):
    """Settings by name, checked."""
    made = Settings(terminal_id, epoch, key, mqtt_host, mqtt_port, mqtt_user, mqtt_password,
                    keepalive_s, language, currency_digits, outbox_blocks, old_keys, login,
                    auto_lock_s, volume, brightness, slips, shop, utc_offset_min, others)
    _check(made)
    return made


def with_keys(made, epoch, key, mqtt_user, mqtt_password, old_keys):
    """The same settings with another newest key and its login."""
    return changed(made, epoch=epoch, key=key, mqtt_user=mqtt_user, mqtt_password=mqtt_password,
                   old_keys=old_keys)


def changed(made, **values):
    """The same settings with other values of these names."""
    fields = [values.get(name, made[place]) for place, (name, _, _) in enumerate(FIELDS)]
    other = Settings(*fields, made.others)
    _check(other)
    return other


def _check(made):
    rules = (
        (1 <= made.terminal_id <= 0xFFFFFFFF, "terminal_id must be 1 to 4294967295"),
        (1 <= made.epoch <= 255, "epoch must be 1 to 255"),
        (len(made.key) == 32, "key must be 32 bytes"),
        (len(made.mqtt_host) > 0, "mqtt_host is empty"),
        (1 <= made.mqtt_port <= 65535, "mqtt_port must be 1 to 65535"),
        (10 <= made.keepalive_s <= 3600, "keepalive_s must be 10 to 3600"),
        (made.language in ("en", "zh"), "language must be en or zh"),
        (0 <= made.currency_digits <= 3, "currency_digits must be 0 to 3"),
        (made.outbox_blocks >= 8, "outbox_blocks must be at least 8"),
        (all([1 <= epoch < made.epoch and len(key) == 32 for epoch, key in made.old_keys]),
         "old_keys must be of epochs below epoch, 32 bytes each"),
        (made.login in (0, 1), "login must be 0 or 1"),
        (10 <= made.auto_lock_s <= 86400, "auto_lock_s must be 10 to 86400"),
        (0 <= made.volume <= 3, "volume must be 0 to 3"),
        (0 <= made.brightness <= 3, "brightness must be 0 to 3"),
        (made.slips in (0, 1), "slips must be 0 or 1"),
        (len(made.shop) <= 32, "shop must be at most 32 characters"),
        (-720 <= made.utc_offset_min <= 840, "utc_offset_min must be -720 to 840"),
    )
    for holds, rule in rules:
        if not holds:
            raise SettingsError("settings: %s; write them again with the tool" % rule)


def encode(made):
    """The bytes of a settings file."""
    lines = []
    for place, (name, kind, _) in enumerate(FIELDS):
        value = made[place]
        if kind == "hex":
            value = hexlify(value).decode()
        elif kind == "keys":
            value = ",".join(["%d:%s" % (epoch, hexlify(key).decode()) for epoch, key in value])
        lines.append(_line(name, str(value)))
    lines += [_line(name, text) for name, text in made.others]
    body = "".join(lines).encode()
    return ("%s%08x\n" % (_MAGIC, crc32(body) & 0xFFFFFFFF)).encode() + body


def _line(name, text):
    if "\n" in text or "\r" in text:
        raise SettingsError("settings: %s may not hold a line break" % name)
    return "%s=%s\n" % (name, text)


def decode(data):
    """Settings from the bytes of a file; SettingsError names what is wrong with them."""
    end = data.find(b"\n")
    head, body = data[:max(end, 0)], data[end + 1:]
    expected = ("%s%08x" % (_MAGIC, crc32(body) & 0xFFFFFFFF)).encode()
    if head[:len(_MAGIC)] != _MAGIC.encode():
        raise SettingsError("settings: not a settings file of this version; write it again")
    if head != expected:
        raise SettingsError("settings: damaged (CRC); write them again with the tool")
    said, others = {}, []
    known = [name for name, _, _ in FIELDS]
    try:
        for line in body.decode().split("\n"):
            name, equals, text = line.partition("=")
            if equals and name in known:
                said[name] = text
            elif equals:
                others.append((name, text))
        values = [_value(said, name, kind, default) for name, kind, default in FIELDS]
        made = Settings(*values, tuple(others))
    except ValueError as error:
        raise SettingsError("settings: unreadable value (%s); write them again" % error)
    _check(made)
    return made


def _value(said, name, kind, default):
    if name not in said:
        if default is None:
            raise SettingsError("settings: %s is missing; write them again with the tool" % name)
        return default
    if kind == "int":
        return int(said[name])
    if kind == "hex":
        return unhexlify(said[name].encode())
    if kind == "keys":
        return tuple([_key(text) for text in said[name].split(",") if text])
    return said[name]


def _key(text):
    epoch, _, key = text.partition(":")
    return int(epoch), unhexlify(key.encode())


def read(path):
    """The settings in the file at `path`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise SettingsError("settings: cannot read %s (%s); provision the handset" % (path, error))
    return decode(data)


def write(path, made):
    """Write whole, read back, rename; on return the new settings are the ones in the file.

    SettingsError: the old ones still are.
    """
    _check(made)
    data = encode(made)
    try:
        with open(path + ".new", "wb") as file:
            file.write(data)
            file.flush()
            if hasattr(os, "fsync"):
                os.fsync(file.fileno())
        with open(path + ".new", "rb") as file:
            if file.read() != data:
                raise SettingsError("settings: %s.new reads back differently; the old settings "
                                    "stay, the storage is bad" % path)
        os.rename(path + ".new", path)
    except OSError as error:
        raise SettingsError("settings: cannot write %s (%s); the old ones stay" % (path, error))
