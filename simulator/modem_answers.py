# ruff: noqa: UP031 - runs on MicroPython, and formats as the firmware does
"""What SIM800, SIM7600 and A7670 answer: commands to lines, by what SIM and network are like.

Written from the manuals that firmware/board/modem_models.py names. No bytes and no time:
modem_peer.py has those. Runs on MicroPython too.
"""

# how a model differs: what +CGMM says; ms from power on until it answers, PWRKEY is to be held to
# switch it on and off, and RESET to reset it; lines at the start; the ICCID; what ATH gives; +CSQ
_SIM800 = ("SIMCOM_SIM800L", 3000, 1000, 1500, 105, ("RDY", "+CFUN: 1", "+CPIN: READY",
           "Call Ready", "SMS Ready"), ("AT+CCID", "%s"), "OK", 14)
_SIM7600 = ("SIMCOM_SIM7600E-H", 14000, 100, 2500, 100, ("RDY", "+CPIN: READY", "SMS DONE",
            "PB DONE"), ("AT+CICCID", "+ICCID: %s"), "NO CARRIER", 26)
_A7670 = ("A7670E-FASE", 9000, 50, 2500, 2000, ("*ATREADY: 1", "+CPIN: READY", "SMS DONE",
          "+CGEV: EPS PDN ACT 1", "PB DONE"), ("AT+CICCID", "+ICCID: %s"), "OK", 26)
MODELS = {"SIM800": _SIM800, "SIM7600": _SIM7600, "A7670": _A7670}


class Answers:
    """The SIM and the network are attributes, to be set at any time. `pins_tried`: all of them."""

    # of the model (MODELS)
    word = model = ""
    ccid = ("", "")
    hung_up = "OK"
    signal = 0

    def __init__(self):
        self.sim: str | None = "READY"  # or "SIM PIN", "SIM PUK", None
        self.pin = "1234"
        self.pin_left = 3
        self.pins_tried = []
        self.state = 1  # as +CREG: says it
        self.clock = "26/11/22,23:15:07+32"
        self.apns: tuple | None = None  # those that the network knows; None: any
        self._forget_settings()

    # what a modem loses with its power
    def _forget_settings(self):
        self.echo = True
        self.verbose = False
        self.radio = 1
        self.apn = ""
        self.unlocked = False

    def _dialled(self):
        """It goes into data mode behind this answer."""

    def _cme(self, number, words):
        return ["+CME ERROR: %s" % (words if self.verbose else number)]

    # the error that a SIM without its PIN gives; [] where there is nothing wrong
    def _locked(self):
        if self.sim is None:
            return self._cme(10, "SIM not inserted")
        if self.sim == "SIM PUK" or self.pin_left == 0:
            return self._cme(12, "SIM PUK required")
        if self.sim == "SIM PIN" and not self.unlocked:
            return self._cme(11, "SIM PIN required")
        return []

    def _answer(self, text):
        if text in ("AT", "AT+CSCLK=0"):
            return ["OK"]
        if text in ("ATE0", "ATE1"):
            self.echo = text == "ATE1"
            return ["OK"]
        if text.startswith("AT+CMEE="):
            self.verbose = text.endswith("2")
            return ["OK"]
        for name, value in (("+IFC", "0,0"), ("+ICF", "3,3"), ("+IPR", "115200"),
                            ("+CMEE", "2" if self.verbose else "0"), ("+CSCS", '"IRA"'),
                            ("+CRC", "0"), ("+CFUN", self.radio)):
            if text == "AT" + name + "?":
                return ["%s: %s" % (name, value), "OK"]
        if text == "AT+CGMM":
            return [self.word, "OK"]
        if text == "AT+CGSN":
            return ["867962041234567", "OK"]
        if text in ("AT+CFUN=0", "AT+CFUN=1"):
            self.radio = int(text[-1])
            return ["OK"]
        if text in ("ATH", "ATH0"):
            return [self.hung_up]
        return self._of_the_sim(text)

    def _of_the_sim(self, text):
        locked = self._locked()
        if text == "AT+CPIN?":
            if self.sim is None:
                return locked
            asked = "SIM PUK" if self.sim == "SIM PUK" or self.pin_left == 0 else self.sim
            return ["+CPIN: %s" % (asked if locked else "READY"), "OK"]
        if text == "AT+SPIC":
            return ["+SPIC: %d,10,3,10" % self.pin_left, "OK"]
        if text.startswith("AT+CPIN="):
            return self._pin(text.split('"')[1] if '"' in text else "")
        if text == self.ccid[0]:
            if self.sim is None:
                return locked
            return [self.ccid[1] % "8986001700090912345F", "OK"]
        return locked or self._of_the_network(text)

    def _pin(self, pin):
        if self.sim == "READY":
            return self._cme(3, "operation not allowed")
        if self.sim != "SIM PIN" or self.pin_left == 0:
            return self._locked()
        self.pins_tried.append(pin)
        if pin != self.pin:
            self.pin_left -= 1
            return self._cme(16, "incorrect password")
        self.pin_left = 3
        self.unlocked = True
        return ["OK"]

    def _of_the_network(self, text):
        there = self.state in (1, 5) and self.radio == 1
        lte = self.model != "SIM800"
        for name in ("+CREG", "+CGREG") + (("+CEREG",) if lte else ()):
            if text == "AT" + name + "?":
                return ["%s: 0,%d" % (name, self.state if self.radio else 0), "OK"]
        if text == "AT+CSQ":
            return ["+CSQ: %d,99" % (self.signal if self.state and self.radio else 99), "OK"]
        if text == "AT+CESQ" and lte:
            return ["+CESQ: 99,99,255,255,20,52", "OK"]
        if text == "AT+COPS?":
            return ['+COPS: 0,0,"CHN-UNICOM",7' if there else "+COPS: 0", "OK"]
        if text == "AT+CCLK?":
            return ['+CCLK: "%s"' % self.clock, "OK"]
        if text in ("AT+CLTS=1", "AT+CTZU=1"):
            return ["OK"]
        if text.startswith("AT+CGDCONT=1,"):
            self.apn = text.split('"')[3] if text.count('"') == 4 else ""
            return ["OK"]
        if text == "AT+CGATT=1":
            return ["OK"] if there else ["ERROR"]
        if text.startswith("ATD*99") or text.startswith("AT+CGDATA="):
            return self._dial(there)
        return ["ERROR"]

    def _dial(self, there):
        if not there or self.apns is not None and self.apn not in self.apns:
            return ["NO CARRIER"]
        self._dialled()
        return ["CONNECT" if self.model != "SIM7600" else "CONNECT 115200"]
