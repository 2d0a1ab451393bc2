"""The settings file: whole, checked, readable by older programs. Runs on both interpreters."""

import os

from firmware.errors import SettingsError
from firmware.settings import decode, encode, read, settings, with_keys, write
from tests.firmware.portable import raises

KEY = bytes(range(32))


def made(**changed):
    fields = {"mqtt_host": "127.0.0.1", "mqtt_port": 1883, "mqtt_user": "42-1",
              "mqtt_password": "K7=VH", "language": "en"}
    for name, value in changed.items():
        fields[name] = value
    return settings(42, 1, KEY, **fields)


def unlink(path):
    for name in (path, path + ".new"):
        try:
            os.remove(name) if hasattr(os, "remove") else os.unlink(name)
        except OSError:
            pass


def test_what_is_written_is_read():
    path = "/tmp/pointwire-settings-test"
    unlink(path)
    write(path, made())
    changed = made(language="zh", keepalive_s=30, login=1, auto_lock_s=60, shop="豆叶咖啡 = 1",
                   utc_offset_min=-210)
    write(path, changed)
    assert read(path) == changed
    assert raises(OSError, open, path + ".new")
    unlink(path)


def test_old_keys_are_kept_with_their_epochs():
    kept = decode(encode(settings(42, 4, KEY, "h", 1, "u", "p",
                                  old_keys=((3, KEY), (1, bytes(32))))))
    assert kept.old_keys == ((3, KEY), (1, bytes(32)))
    for wrong in (((4, KEY),), ((0, KEY),), ((3, KEY[1:]),)):
        assert "old_keys" in str(raises(SettingsError, lambda wrong=wrong: settings(
            42, 4, KEY, "h", 1, "u", "p", old_keys=wrong)))


def test_a_next_key_changes_nothing_else():
    before = made(login=1, auto_lock_s=60, currency_digits=0)
    after = with_keys(before, 2, bytes(32), "42-2", "p", ((1, KEY),))
    assert (after.epoch, after.mqtt_user, after.old_keys) == (2, "42-2", ((1, KEY),))
    assert after[7:11] + after[12:] == before[7:11] + before[12:]


def test_what_cannot_be_written_leaves_the_old_settings():
    path = "/tmp/pointwire-settings-test"
    unlink(path)
    write(path, made())
    # stands where the new file would be written
    os.mkdir(path + ".new")
    assert "the old ones stay" in str(raises(SettingsError, write, path, made(language="zh")))
    os.rmdir(path + ".new")
    assert read(path) == made()
    unlink(path)


def test_a_cut_at_any_byte_of_writing_leaves_the_old_settings():
    path = "/tmp/pointwire-settings-test"
    unlink(path)
    write(path, made())
    data = encode(made(language="zh"))
    for size in range(0, len(data) + 1, 7):
        with open(path + ".new", "wb") as file:
            file.write(data[:size])
        assert read(path) == made()
    write(path, made(language="zh"))
    assert read(path) == made(language="zh")
    unlink(path)


def test_a_missing_file_says_what_to_do():
    assert "provision" in str(raises(SettingsError, read, "/tmp/pointwire-no-such-file"))


def test_every_damaged_byte_and_every_torn_end_is_refused():
    data = encode(made())
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 4
        assert raises(SettingsError, decode, bytes(broken))
        assert raises(SettingsError, decode, data[:place])


def test_a_newer_file_with_unknown_names_is_read_and_missing_optional_ones_have_defaults():
    from binascii import crc32

    lines = [line for line in encode(made()).decode().split("\n")[1:] if line]
    lines = [line for line in lines if not line.startswith("keepalive_s")] + ["colour=blue"]
    body = ("\n".join(lines) + "\n").encode()
    head = "pointwire settings 1 %08x\n" % (crc32(body) & 0xFFFFFFFF)
    assert decode(head.encode() + body) == made(others=(("colour", "blue"),))
    lines = [line for line in lines if not line.startswith("mqtt_host")]
    body = ("\n".join(lines) + "\n").encode()
    head = "pointwire settings 1 %08x\n" % (crc32(body) & 0xFFFFFFFF)
    assert "mqtt_host is missing" in str(raises(SettingsError, decode, head.encode() + body))


def test_names_of_a_newer_program_outlive_a_rotation():
    newer = (("colour", "blue"), ("apn", "a=b"))
    kept = decode(encode(made(others=newer)))
    turned = with_keys(kept, 2, bytes(32), "42-2", "p", ((1, KEY),))
    assert decode(encode(turned)) == turned and turned.others == newer
    assert raises(SettingsError, encode, made(others=(("apn", "a\nkey=00"),)))


def test_impossible_values_are_named():
    for wrong in ({"mqtt_port": 0}, {"language": "fr"}, {"currency_digits": 9},
                  {"mqtt_host": ""}, {"keepalive_s": 1}, {"login": 2}, {"auto_lock_s": 9},
                  {"shop": "x" * 33}, {"utc_offset_min": 841}):
        for name in wrong:
            assert name in str(raises(SettingsError, lambda wrong=wrong: made(**wrong)))
    assert raises(SettingsError, encode, made(mqtt_host="a\nkey=00"))
