"""From an answering modem to a data call, and what to do to one that fails. Tables, no IO.

Law:
- `Bringup` is (state, event, now) -> effect. An event is the Answer to the last effect, or None
  behind a wait. Effects: ("at", text, deadline_ms, prefix) ("dial", text, deadline_ms)
  ("wait", ms) ("fault", number) ("up",). Every way through ends in one of the last two.
- A step is repeated until its patience is over. A step without a fault may fail: it only tells
  something. A modem that starts anew in between is brought up anew, three times.
- A SIM counts wrong PINs, and the third locks it. The PIN is entered only while the SIM says that
  it has all its tries left (so a reboot does not try it again), or one less where the one that was
  refused was another. A refused PIN is not entered again.

Commands: 3GPP TS 27.007 5.1 +CGMM, 5.4 +CGSN, 7.2 +CREG, 7.3 +COPS, 8.2 +CFUN, 8.3 +CPIN,
8.5 +CSQ, 8.15 +CCLK, 8.69 +CESQ, 9.1 +CMEE, 10.1.1 +CGDCONT, 10.1.9 +CGATT, 10.1.12 +CGDATA;
V.250 6.2.4 E. What differs between the models is in modem_models.py, with its sources.
"""

from collections import namedtuple

from micropython import const

from firmware import faults
from firmware.board import modem_models as models
from firmware.board.at_parser import CME, CONNECT, OK, RESTARTED, TIMEOUT

PPP = const(0)    # end the call and dial again
CFUN = const(1)   # radio off and on
RESET = const(2)  # the reset pin
POWER = const(3)  # the power goes
RESTARTS_MAX = const(3)
RESTART_MS = const(3000)
DENIED_MS = const(30000)
PIN_TRIES = const(3)

# `pin`: digits, or "" for none. `tries_least`: how many tries the SIM must have left before it is
# entered; 3, and 2 where another PIN was refused.
Access = namedtuple("Access", ("apn", "user", "key", "pin", "tries_least"))

# verdicts of a reader; any other number is a fault
_NEXT = const(0)
_AGAIN = const(1)


def cap(fault):
    """The hardest rung that could help: a PIN does not come by cutting the power."""
    if fault in (faults.SIM_PIN, faults.PIN_REFUSED, faults.SIM_LOCKED):
        return PPP
    return RESET if fault in (faults.NO_SIM, faults.SIM_FAILED) else POWER


def switched_on(model):
    """What switches on one that is off. One that is on does not mind: it is too short for that."""
    return ("pwrkey", 1), ("wait", model.on_ms), ("pwrkey", 0), ("boot", model.boot_ms)


def measures(rung, model, has_reset, has_power):
    """What is done on a rung: ("at", text), ("wait", ms), (pin, level), and ("boot", ms) for
    how long it may take until it answers. For pwrkey and reset 1 means pressed, for power on."""
    press = switched_on(model)
    if rung == PPP:
        return ()
    if rung == CFUN:
        return (("at", b"AT+CFUN=0"), ("wait", 2000), ("at", b"AT+CFUN=1"), ("wait", 2000))
    if rung == RESET and has_reset:
        return (("reset", 1), ("wait", model.reset_ms), ("reset", 0), ("boot", model.boot_ms))
    if has_power:
        return (("power", 0), ("wait", 2000), ("power", 1), ("wait", 500)) + press
    return (("pwrkey", 1), ("wait", model.off_ms), ("pwrkey", 0),
            ("wait", model.dark_ms)) + press


def _done(m, answer):
    return _NEXT if answer.result == OK else _AGAIN


def _model(m, answer):
    for line in answer.lines:
        m.model = models.model(line) or m.model
    return _done(m, answer)


def _imei(m, answer):
    m.imei = models.digits(answer.lines, b"", 15) or m.imei
    return _NEXT if m.imei else _AGAIN


def _radio(m, answer):
    m.radio_on = bool(answer.lines) and models.numbers(answer.lines[-1])[0] == 1
    return _done(m, answer)


def _sim(m, answer):
    code = answer.code if answer.result == CME else None
    m.sim = models.sim_state(code, answer.lines)
    if m.sim == models.SIM_READY:
        return _NEXT
    if m.sim == models.SIM_PUK:
        return faults.SIM_LOCKED
    if m.sim == models.SIM_PIN:
        if m.pin_refused:
            return faults.PIN_REFUSED
        pin = m.access.pin
        return _NEXT if pin.isdigit() and 4 <= len(pin) <= 8 else faults.SIM_PIN
    m.step_fault = faults.SIM_FAILED if m.sim == models.SIM_FAILED else faults.NO_SIM
    return _AGAIN


def _tries(m, answer):
    if answer.result != OK:
        return _AGAIN
    left = models.tries_left(answer.lines)
    enough = left is not None and left >= max(2, m.access.tries_least)
    return _NEXT if enough else faults.PIN_REFUSED


def _entered(m, answer):
    if answer.result == OK:
        return _NEXT
    if answer.result == CME and models.sim_state(answer.code, ()) == models.SIM_PUK:
        return faults.SIM_LOCKED
    # whatever it says but OK: only the SIM's own count of tries allows another one
    m.pin_refused = m.pin_refused or models.pin_refused(answer.code)
    return faults.PIN_REFUSED if m.pin_refused else faults.SIM_FAILED


def _unlocked(m, answer):
    code = answer.code if answer.result == CME else None
    m.sim = models.sim_state(code, answer.lines)
    if m.sim == models.SIM_PUK:
        return faults.SIM_LOCKED
    return _NEXT if m.sim == models.SIM_READY else _AGAIN


def _iccid(m, answer):
    m.iccid = models.digits(answer.lines, m.model.iccid[1], 19) or m.iccid
    return _NEXT if m.iccid else _AGAIN


def _signal(m, answer):
    m.dbm = models.csq_dbm(answer.lines)
    return _done(m, answer)


def _signal_lte(m, answer):
    if m.dbm is None:
        m.dbm = models.cesq_dbm(answer.lines)
    return _done(m, answer)


def _registered(m, answer):
    state = models.registration(answer.lines)
    if models.registered(state):
        m.roaming = state == 5
        return _NEXT
    m.turn += 1
    if state == models.DENIED:
        m.denied += 1
    elif state is not None:
        m.denied = 0
    if m.denied >= len(m.model.registered) and m.waited_ms >= DENIED_MS:
        return faults.DENIED
    m.step_fault = faults.SEARCHING
    if m.denied:
        m.step_fault = faults.DENIED
    elif m.dbm is None:
        m.step_fault = faults.NO_NETWORK
    return _AGAIN


def _operator(m, answer):
    for line in answer.lines:
        m.operator = models.quoted(line) or m.operator
    return _done(m, answer)


def _clock(m, answer):
    at = models.clock(answer.lines)
    if at is not None:
        m.clock = (at, m.now)
    return _done(m, answer)


def _dialled(m, answer):
    if answer.result == CONNECT:
        return _NEXT
    m.form += 1  # the other way to dial, where it refuses this one
    return _AGAIN if m.form < len(m.model.dial) else faults.NO_DATA


def _asks_registration(m):
    return m.model.registered[m.turn % len(m.model.registered)][0]


def _context(m):
    apn = m.access.apn
    return b'AT+CGDCONT=1,"IP","%s"' % (b"" if '"' in apn else apn.encode())


def _if(wanted, text):
    return text if wanted else None


# what to send: bytes, or a function of the state; None skips the step. Then the prefix of its
# answer, or a function; ms for one answer, ms of patience, ms between two tries; the reader; and
# the fault when patience is over, None where it may fail.
_STEPS = (
    (b"ATE0", None, 1000, 12000, 300, _done, faults.NO_MODEM),
    (b"AT+CMEE=2", None, 1000, 4000, 300, _done, faults.NO_MODEM),
    (b"AT+CGMM", b"", 1000, 2000, 300, _model, None),
    (b"AT+CGSN", b"", 1000, 2000, 300, _imei, None),
    (b"AT+CFUN?", b"+CFUN:", 3000, 6000, 500, _radio, faults.NO_MODEM),
    (lambda m: _if(not m.radio_on, b"AT+CFUN=1"), None, 10000, 12000, 500, _done,
     faults.NO_MODEM),
    (b"AT+CPIN?", b"+CPIN:", 5000, 20000, 1000, _sim, faults.NO_SIM),
    (lambda m: _if(m.sim == models.SIM_PIN, b"AT+SPIC"), b"+SPIC:", 5000, 5000, 500, _tries,
     faults.SIM_PIN),
    (lambda m: _if(m.sim == models.SIM_PIN, b'AT+CPIN="%s"' % m.access.pin.encode()), None, 5000,
     0, 0, _entered, faults.SIM_FAILED),
    (lambda m: _if(m.sim == models.SIM_PIN, b"AT+CPIN?"), b"+CPIN:", 5000, 20000, 1000, _unlocked,
     faults.SIM_FAILED),
    (lambda m: m.model.iccid[0], lambda m: m.model.iccid[1], 3000, 6000, 1000, _iccid, None),
    (lambda m: m.model.time, None, 1000, 1000, 300, _done, None),
    (b"AT+CSQ", b"+CSQ:", 1000, 3000, 500, _signal, None),
    (_asks_registration, lambda m: m.model.registered[m.turn % len(m.model.registered)][1],
     3000, 120000, 1000, _registered, faults.SEARCHING),
    (b"AT+CSQ", b"+CSQ:", 1000, 3000, 500, _signal, None),
    (lambda m: _if(m.model.cesq, b"AT+CESQ"), b"+CESQ:", 1000, 1000, 300, _signal_lte, None),
    (b"AT+COPS?", b"+COPS:", 5000, 5000, 500, _operator, None),
    (b"AT+CCLK?", b"+CCLK:", 1000, 1000, 300, _clock, None),
    (_context, None, 5000, 10000, 1000, _done, faults.NO_DATA),
    (b"AT+CGATT=1", None, 30000, 60000, 2000, _done, faults.NO_DATA),
    (lambda m: m.model.dial[m.form], None, 30000, 60000, 2000, _dialled, faults.NO_DATA),
)
DIAL = len(_STEPS) - 1


class Bringup:
    """One modem: what it is told (`access`), what it told, and where its bringing up stands."""

    def __init__(self, model, access):
        self.model = model
        self.access = access
        self.imei = self.iccid = self.operator = self.dbm = self.clock = self.sim = None
        self.pin_refused = False
        self.radio_on = self.roaming = False
        self.now = self._at = self._restarts = 0

    def start(self, now) -> tuple:
        """Begin with a modem that answers; the first effect."""
        self._restarts = 0
        return self._from(0, now)

    def event(self, answer, now) -> tuple:
        """The next effect, behind an Answer or (None) behind a wait."""
        self.now = now
        text, prefix, deadline_ms, patience_ms, gap_ms, read, fault = _STEPS[self._at]
        if answer is None:
            return self._ask()
        if answer.result == RESTARTED:
            self._restarts += 1
            if self._restarts > RESTARTS_MAX:
                return ("fault", faults.NO_MODEM)
            self._from(0, now)
            return ("wait", RESTART_MS)
        self.waited_ms = now - self._since
        verdict = _AGAIN
        if answer.result != TIMEOUT or not patience_ms:
            verdict = read(self, answer)
        else:
            self.step_fault = fault and faults.NO_MODEM
        if verdict == _NEXT:
            return self._from(self._at + 1, now)
        if verdict != _AGAIN:
            return ("fault", verdict)
        if self.waited_ms < patience_ms:
            return ("wait", gap_ms)
        if fault is None:
            return self._from(self._at + 1, now)
        return ("fault", self.step_fault or fault)

    def _from(self, step, now):
        self._at = step
        self.now = self._since = now
        self.waited_ms = self.turn = self.denied = self.form = 0
        self.step_fault = None
        return self._ask()

    def _ask(self):
        while self._at < len(_STEPS):
            text, prefix, deadline_ms = _STEPS[self._at][:3]
            text = text if isinstance(text, bytes) else text(self)
            if text is not None:
                if self._at == DIAL:
                    return ("dial", text, deadline_ms)
                prefix = prefix(self) if callable(prefix) else prefix
                return ("at", text, deadline_ms, prefix)
            self._at += 1
        return ("up",)
