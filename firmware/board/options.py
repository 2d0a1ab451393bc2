"""What a board with hardware is told beside the terminal's settings: its way out, and its parts.

They are lines of the same settings file (`Settings.others`, firmware/settings.py). Law: a name
that is missing has a default, an impossible value is refused with its reason, none is ever told.
"""

from collections import namedtuple

from firmware.errors import SettingsError

NEVER = 24

# (name, kind, default)
FIELDS = (
    ("way", "text", "modem"),       # "modem" or "wifi"
    ("apn", "text", ""),
    ("apn_user", "text", ""),
    ("apn_key", "text", ""),
    ("sim_pin", "text", ""),
    ("modem", "text", ""),          # which one is wired; "": the board's own
    ("wifi_name", "text", ""),
    ("wifi_key", "text", ""),
    ("tls", "int", 1),              # 0: none, for a broker on the same desk only
    ("ca_file", "text", "/ca.der"),
    ("parts", "text", ""),          # printer, stripe, scanner: comma between
    ("cell", "int", 1),             # 0: it runs on mains, there is no cell
    ("reset_hour", "int", 20),      # UTC, 0 to 23: when it starts anew each night; 24: never
)

PARTS = ("printer", "stripe", "scanner")
MODEMS = ("", "SIM800", "SIM7600", "A7670")

Options = namedtuple("Options", [name for name, _, _ in FIELDS])


def options(others):
    """Options of the lines that `settings` left alone; SettingsError names what is wrong."""
    said = {}
    for name, text in others:
        said[name] = text
    values = []
    for name, kind, default in FIELDS:
        value = said.get(name, default)
        if kind == "int" and name in said:
            if not value.isdigit():
                raise _wrong("%s must be a number" % name)
            value = int(value)
        values.append(value)
    made = Options(*values)
    _check(made)
    return made


def parts(made):
    """The names of the parts that are attached to ports, in the order of the line."""
    return [name.strip() for name in made.parts.split(",") if name.strip()]


def _check(made):
    for holds, rule in (
        (made.way in ("modem", "wifi"), "way must be modem or wifi"),
        (made.way != "modem" or made.apn, "apn is missing"),
        (made.way != "wifi" or made.wifi_name, "wifi_name is missing"),
        (not made.sim_pin or made.sim_pin.encode().isdigit() and 4 <= len(made.sim_pin) <= 8,
         "sim_pin must be 4 to 8 digits"),
        (made.modem in MODEMS, "modem must be SIM800, SIM7600 or A7670"),
        (made.tls in (0, 1), "tls must be 0 or 1"),
        (made.cell in (0, 1), "cell must be 0 or 1"),
        (made.reset_hour <= NEVER, "reset_hour must be 0 to 24"),
        (all([part in PARTS for part in parts(made)]),
         "parts must be of printer, stripe, scanner"),
    ):
        if not holds:
            raise _wrong(rule)


def _wrong(rule):
    return SettingsError("settings: %s; write them again with the tool" % rule)
