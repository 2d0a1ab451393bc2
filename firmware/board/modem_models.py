"""What differs between SIM800, SIM7600 and A7670, and what their answers mean. Data and functions.

Sources, named where they are used: [8A] SIM800 Series AT Command Manual V1.10, [8H] SIM800
Hardware Design V1.10, [7A] SIM7500_SIM7600 Series AT Command Manual V1.12, [7H] SIM7600 Hardware
Design, [6A] A76XX Series AT Command Manual, [6H] A7670 Hardware Design, and 3GPP TS 27.007.

Law: a function here gives a value or None for what cannot be read, and never raises.
"""

from collections import namedtuple

from micropython import const

# `word`: what +CGMM says somewhere. `registered`: read commands, the first that is registered
# counts. `iccid`: command and prefix. `time`: switches on that the network sets the clock.
# `dial`: in the order in which they are tried. Times in ms: `on` and `off` are how long PWRKEY is
# held, `dark` how long it stays off, `reset` how long RESET is held, `boot` until it must answer.
Model = namedtuple("Model", ("name", "word", "registered", "iccid", "time", "cesq", "dial",
                             "on_ms", "off_ms", "dark_ms", "reset_ms", "boot_ms"))

# [8A] chapter 3 CREG, 6 CCID, CLTS, SPIC, 7 CGREG; [8H] 4.2.1 to 4.2.3: on for more than 1 s,
# answers after 3 s, off 1.5 s to 33 s and at least 800 ms dark, reset 105 ms
SIM800 = Model("SIM800", b"SIM800", ((b"AT+CREG?", b"+CREG:"), (b"AT+CGREG?", b"+CGREG:")),
               (b"AT+CCID", b""), b"AT+CLTS=1", False, (b"ATD*99***1#", b'AT+CGDATA="PPP",1'),
               1200, 2000, 2000, 150, 8000)
# [7A] 4.3 CICCID, 4.6 SPIC, 5 (network); [7H] power on and off: on 500 ms, off 2.5 s, gone after
# up to 26 s, reset 100 ms to 500 ms, UART answers after some 14 s
SIM7600 = Model("SIM7600", b"SIM7600",
                ((b"AT+CEREG?", b"+CEREG:"), (b"AT+CGREG?", b"+CGREG:"), (b"AT+CREG?", b"+CREG:")),
                (b"AT+CICCID", b"+ICCID:"), b"AT+CTZU=1", True,
                (b"ATD*99#", b'AT+CGDATA="PPP",1'), 500, 3000, 26000, 200, 25000)
# [6A] CICCID, SPIC, CTZU, CEREG; [6H] power on and off: on 50 ms, off 2.5 s, reset 2 s to 2.5 s
A7670 = Model("A7670", b"A7670",
              ((b"AT+CEREG?", b"+CEREG:"), (b"AT+CGREG?", b"+CGREG:"), (b"AT+CREG?", b"+CREG:")),
              (b"AT+CICCID", b"+ICCID:"), b"AT+CTZU=1", True,
              (b"ATD*99#", b'AT+CGDATA="PPP",1'), 100, 3000, 5000, 2500, 20000)
MODELS = (SIM800, SIM7600, A7670)

# +CPIN and its errors (27.007 8.3 and 9.2.1)
SIM_READY = const(1)
SIM_PIN = const(2)
SIM_PUK = const(3)
SIM_MISSING = const(4)
SIM_BUSY = const(5)
SIM_FAILED = const(6)
_SIM_ERRORS = (
    (10, "sim not inserted", SIM_MISSING), (11, "sim pin required", SIM_PIN),
    (12, "sim puk required", SIM_PUK), (13, "sim failure", SIM_FAILED),
    (14, "sim busy", SIM_BUSY), (15, "sim wrong", SIM_FAILED))
_PIN_REFUSED = (16, "incorrect password")

# registration (27.007 7.2, 10.1.20, 10.1.22)
SEARCHING = const(2)
DENIED = const(3)
_REGISTERED = (1, 5)  # at home, roaming

# the program is younger than this: a clock that says less was never set (2024-01-01)
_YOUNGEST = const(1704067200)
_EPOCH_2000 = const(946684800)
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def model(line):
    """The Model that +CGMM names, or None."""
    for each in MODELS:
        if each.word in line.upper():
            return each
    return None


def numbers(line):
    """The fields behind the colon as ints; None for one that is no plain number."""
    found = []
    for field in line[line.find(b":") + 1:].split(b","):
        field = field.strip()
        digits = field[1:] if field[:1] == b"-" else field
        found.append(int(field) if digits.isdigit() else None)
    return found


def quoted(line):
    """The text between the first two quotes, or None."""
    start = line.find(b'"')
    end = line.find(b'"', start + 1)
    return str(line[start + 1:end], "ascii") if 0 <= start < end else None


def digits(lines, prefix, least):
    """The first line that is nothing but `least` or more hex digits behind the prefix, as str:
    an IMEI (15 digits) or an ICCID (19 or 20, the last may be a filler F)."""
    for line in lines:
        text = line[len(prefix):].strip().strip(b'"')
        found = [byte for byte in text if byte not in b"0123456789ABCDEFabcdef"]
        if len(text) >= least and not found and text[:least - 1].isdigit():
            return str(text, "ascii")
    return None


def sim_state(code, lines):
    """SIM_... from the answer to AT+CPIN?: `code` of its error, or its lines."""
    for line in lines:
        said = line[6:].strip()
        if said in (b"READY", b"SIM PIN2", b"SIM PUK2"):  # a second code locks no data
            return SIM_READY
        if said == b"SIM PIN":
            return SIM_PIN
        if said == b"SIM PUK":
            return SIM_PUK
        if said in (b"NOT INSERTED", b"NOT READY"):
            return SIM_MISSING if said == b"NOT INSERTED" else SIM_BUSY
        return SIM_FAILED  # asks for another lock's code (PH-SIM, network): we have none
    return _known(_SIM_ERRORS, code)


def pin_refused(code):
    """Whether this +CME ERROR says that the PIN was wrong, or has locked the SIM."""
    return code == _PIN_REFUSED[0] or (isinstance(code, str)
                                       and code.lower() == _PIN_REFUSED[1])


def _known(table, code):
    said = code.lower() if isinstance(code, str) else code
    for number, text, state in table:
        if said == number or said == text:
            return state
    return None


def tries_left(lines):
    """How often a PIN may still be entered (AT+SPIC; [7A] 4.6), or None."""
    for line in lines:
        left = numbers(line)[0]
        if left is not None and 0 <= left <= 10:
            return left
    return None


def registration(lines):
    """The state of the last line that can be read, or None. The answer says n,state; an
    unsolicited line of the same name says the state first, and then quoted numbers or nothing."""
    state = None
    for line in lines:
        fields = numbers(line)
        found = fields[1] if len(fields) > 1 and fields[1] is not None else fields[0]
        if found is not None and 0 <= found <= 11:
            state = found
    return state


def registered(state):
    return state in _REGISTERED


def csq_dbm(lines):
    """+CSQ: rssi 0..31 as dBm (27.007 8.5); None for 99, unknown."""
    for line in lines:
        rssi = numbers(line)[0]
        if rssi is not None and 0 <= rssi <= 31:
            return -113 + 2 * rssi
    return None


def cesq_dbm(lines):
    """+CESQ: LTE's rsrp 0..97, else GSM's rxlev 0..63, as dBm (27.007 8.69)."""
    for line in lines:
        fields = numbers(line)
        rsrp = fields[5] if len(fields) > 5 else None
        if rsrp is not None and 0 <= rsrp <= 97:
            return -141 + rsrp
        if fields[0] is not None and 0 <= fields[0] <= 63:
            return -111 + fields[0]
    return None


def clock(lines):
    """+CCLK: "yy/MM/dd,hh:mm:ss+zz" (27.007 8.15, zz in quarters of an hour) as Unix seconds;
    None where it was never set. For the dates of certificates only (DESIGN 5.6)."""
    for line in lines:
        text = quoted(line)
        if text is None or len(text) < 17:
            continue
        parts = [text[at:at + 2] for at in (0, 3, 6, 9, 12, 15)]
        if not all([part.isdigit() for part in parts]):
            continue
        seconds = _unix([int(part) for part in parts])
        zone = text[18:]
        if text[17:18] in ("+", "-") and zone.isdigit() and int(zone) <= 96:
            quarters = int(zone) if text[17] == "+" else -int(zone)
            seconds -= quarters * 900
        if seconds >= _YOUNGEST:
            return seconds
    return None


def _unix(parts):
    year, month, day, hour, minute, second = parts
    if not 1 <= month <= 12 or year >= 70:  # 70 and 80 are where clocks of modems begin
        return 0
    days = year * 365 + (year + 3) // 4 + _DAYS_BEFORE[month - 1] + day - 1
    if month > 2 and year % 4 == 0:
        days += 1
    return _EPOCH_2000 + days * 86400 + hour * 3600 + minute * 60 + second
