"""What the program asks of the hardware under it. Boards are passed in, never imported.

A board is any object with these members. Nothing else about hardware is known outside this
package: `machine`, `network` and `esp32` are imported only here.

| member | meaning |
|---|---|
| `name` | str, at most 32 bytes of UTF-8, e.g. "unix" (reported in heartbeats) |
| `boot_count` | int: boots since manufacture, this one included |
| `reset_cause` | int 0..255: 0 unknown, 1 power, 2 hard, 3 watchdog, 4 deep sleep, 5 soft |
| `outbox_device` | block device of the outbox partition (`readblocks`, `writeblocks`, `ioctl`) |
| `ticks_ms()` | int, monotonic, wraps at 2**30 like MicroPython on ESP32 |
| `random(n)` | n bytes from the hardware generator (a seeded one in the simulator) |
| `aes(key)` | one-block AES in ECB: an object with `encrypt(block)` and `decrypt(block)` |
| `save_settings(settings)` | keeps them for the next boot, durable on return, or raises |
| `keep(name, data)` | keeps some bytes, durable on return; OSError: those of before stay |
| `kept(name)` | the bytes kept last under this name, or None |
| `show(buffer)` | puts 1,024 bytes (128x64, MONO_VLSB) on the display and returns at once |
| `font`, `font_fault` | `firmware.font.found` of its file: a Font or None, and why there is none |
| `beep(name)` | starts a pattern and returns at once: "key", "ok", "refused", "saved", "fault" |
| `await event()` | the next press or card, see below |
| `await connect(host, port)` | (reader, writer), see below; OSError when there is no way out |
| `heap_free()` | bytes, or None where nobody knows |
| `battery_percent()` | 0..100, or None without a battery |
| `signal_dbm()` | -200..0, or None |
| `watchdog_ms` | period of the watchdog (60,000 on hardware); tasks wake three times in it |
| `feed_watchdog()` | called only by the supervisor, when every task has made progress |
| `reset()` | starts again; does not return on hardware |

A board whose parts have tasks of their own has `tasks(progress)`: (name, coroutine function) of
each, for the supervisor; each calls `progress(name)` three times in `watchdog_ms` or oftener. It
is called once, at boot, before anything else.

A board that draws for itself may have a `display` with `draw(lines)` and `lines`, like Screen:
it gets the lines, and `show` is not called (a simulation of which nobody sees the pixels).
It may have `adjust(name, value)`: sets "volume" or "brightness", 0 to 3, at once.
It has a `printer`, None where there is none now: `print_slip(slip, copy)` returns at once,
`state` as in board/printer.py.

`event()` returns `("key", k)` with k one of `0123456789*#ABCD`, or `("card", entry, id)` with
entry 1 swipe, 2 tap, 3 scan, 4 keyed and id an int (card number) or bytes (UID of 4, 7 or 10).
Where it can: `("long", k)` behind the press of a key that is held down, `("unread", entry, why)`
for a card that could not be taken, `("fault", entry, why)` once when a reader stops working and
with None when it works again.
It is cancelled and called again all the time: an event that has not been returned is kept.

The reader has `await read(n)`: at least one byte, at most n, `b""` at the end of the stream.
The writer has `write(data)`, `await drain()`, `close()`, `await wait_closed()`. A waiting read is
cancelled before `close()`. `data` may be a bytearray that is not touched again. Name lookup and
handshakes happen inside `connect`.

`aes(key)`: an object is used in one direction only. `save_settings` takes a `Settings`; when it
raises (OSError, SettingsError) the settings of before are still the ones for the next boot.

There is no wall clock: time of day comes only from the gateway's heartbeat reply (`clock.py`).
A board never blocks: what takes time is awaited, or happens by timer or interrupt.
"""
