"""From an answering modem to a data call: what is asked, and what each answer means. On both."""

from random import choice, randint, seed

from firmware import faults
from firmware.board import modem_models as models
from firmware.board import modem_steps as steps
from firmware.board.at_parser import (
    CME,
    CMS,
    CONNECT,
    ERROR,
    NO_CARRIER,
    OK,
    RESTARTED,
    TIMEOUT,
    Answer,
)
from firmware.board.modem_steps import Access, Bringup

ACCESS = Access("cmnet", "", "", "", 3)
PIN = Access("cmnet", "", "", "1234", 3)
FINE = Answer(OK, None, ())
SILENT = Answer(TIMEOUT, None, ())


def cme(code):
    return Answer(CME, code, ())


def lines(*said):
    return Answer(OK, None, said)


WELL = {
    b"AT+CGMM": lines(b"SIMCOM_SIM800L"), b"AT+CGSN": lines(b"867962041234567"),
    b"AT+CFUN?": lines(b"+CFUN: 1"), b"AT+CPIN?": lines(b"+CPIN: READY"),
    b"AT+CCID": lines(b"8986001700090912345F"), b"AT+CSQ": lines(b"+CSQ: 14,0"),
    b"AT+CICCID": lines(b"+ICCID: 8986001700090912345F"),
    b"AT+CREG?": lines(b"+CREG: 0,1"), b"AT+CEREG?": lines(b"+CEREG: 0,1"),
    b"AT+CGREG?": lines(b"+CGREG: 0,1"), b"AT+COPS?": lines(b'+COPS: 0,0,"CHN-UNICOM",7'),
    b"AT+CCLK?": lines(b'+CCLK: "26/11/22,23:15:07+32"'), b"AT+SPIC": lines(b"+SPIC: 3,10,0,10"),
    b"AT+CESQ": lines(b"+CESQ: 99,99,255,255,20,52"),
    b"ATD*99***1#": Answer(CONNECT, None, ()), b"ATD*99#": Answer(CONNECT, None, ()),
}


def lived(changes, access=ACCESS, model=models.SIM800, core=None):
    """(end, what was asked, ms it took, the Bringup): `changes` maps a command to its answers, the
    last of them for ever. A timeout takes the deadline."""
    core = core or Bringup(model, access)
    now = 0
    asked = []
    left = {}
    for command in changes:
        answers = changes[command]
        left[command] = list(answers) if isinstance(answers, list) else [answers]
    effect = core.start(now)
    for _ in range(3000):
        if effect[0] in ("up", "fault"):
            return effect, asked, now, core
        if effect[0] == "wait":
            now += effect[1]
            effect = core.event(None, now)
            continue
        command = effect[1]
        asked.append(command)
        if command in left:
            answer = left[command].pop(0) if len(left[command]) > 1 else left[command][0]
        else:
            answer = WELL.get(command, FINE)
        now += effect[2] if answer.result == TIMEOUT else 50
        effect = core.event(answer, now)
    raise AssertionError("it never ends")


def ended(changes, access=ACCESS, model=models.SIM800):
    return lived(changes, access, model)[0]


def test_a_well_modem_comes_up_and_tells_who_it_is():
    end, asked, took_ms, core = lived({})
    assert end == ("up",) and asked[0] == b"ATE0" and asked[1] == b"AT+CMEE=2"
    assert asked[-3:] == [b'AT+CGDCONT=1,"IP","cmnet"', b"AT+CGATT=1", b"ATD*99***1#"]
    assert (core.imei, core.iccid) == ("867962041234567", "8986001700090912345F")
    assert (core.operator, core.dbm, core.roaming) == ("CHN-UNICOM", -85, False)
    assert core.clock[0] == 1795360507


def test_each_model_is_asked_in_its_own_words():
    for model, word in ((models.SIM7600, b"SIMCOM_SIM7600E-H"), (models.A7670, b"A7670E-FASE")):
        end, asked, took_ms, core = lived({b"AT+CGMM": lines(word)}, model=models.SIM800)
        assert end == ("up",) and core.model is model
        assert b"AT+CICCID" in asked and b"AT+CEREG?" in asked and b"ATD*99#" in asked
        assert b"AT+CTZU=1" in asked and b"AT+CCID" not in asked


def test_what_is_only_told_may_fail():
    for command in (b"AT+CGMM", b"AT+CGSN", b"AT+CCID", b"AT+CLTS=1", b"AT+CSQ", b"AT+COPS?",
                    b"AT+CCLK?"):
        for answer in (Answer(ERROR, None, ()), cme(100), SILENT, lines(b"nonsense")):
            assert ended({command: answer}) == ("up",), (command, answer)


def test_what_is_wrong_has_its_name():
    searching = lines(b"+CREG: 0,2")
    none = lines(b"+CREG: 0,0")
    denied = {b"AT+CREG?": lines(b"+CREG: 0,3"), b"AT+CGREG?": lines(b"+CGREG: 0,3")}
    lost = {b"AT+CREG?": searching, b"AT+CGREG?": lines(b"+CGREG: 0,2")}
    dark = {b"AT+CREG?": none, b"AT+CGREG?": none, b"AT+CSQ": lines(b"+CSQ: 99,99")}
    refused = Answer(NO_CARRIER, None, ())
    for changes, fault in (
            ({b"ATE0": SILENT}, faults.NO_MODEM), ({b"AT+CFUN?": SILENT}, faults.NO_MODEM),
            ({b"AT+CPIN?": SILENT}, faults.NO_MODEM),
            ({b"AT+CPIN?": cme(10)}, faults.NO_SIM),
            ({b"AT+CPIN?": cme("SIM not inserted")}, faults.NO_SIM),
            ({b"AT+CPIN?": cme("SIM failure")}, faults.SIM_FAILED),
            ({b"AT+CPIN?": lines(b"+CPIN: PH-NET PIN")}, faults.SIM_FAILED),
            ({b"AT+CPIN?": lines(b"+CPIN: SIM PIN")}, faults.SIM_PIN),
            ({b"AT+CPIN?": lines(b"+CPIN: SIM PUK")}, faults.SIM_LOCKED),
            (denied, faults.DENIED), (lost, faults.SEARCHING), (dark, faults.NO_NETWORK),
            ({b'AT+CGDCONT=1,"IP","cmnet"': Answer(ERROR, None, ())}, faults.NO_DATA),
            ({b"AT+CGATT=1": cme(148)}, faults.NO_DATA),
            ({b"ATD*99***1#": refused, b'AT+CGDATA="PPP",1': refused}, faults.NO_DATA)):
        end, asked, took_ms, core = lived(changes)
        assert end == ("fault", fault), (changes, end)
        # a network that says no is not asked for as long as one that is looked for
        assert took_ms <= (40000 if fault == faults.DENIED else 160000), (fault, took_ms)


def test_a_sim_that_is_busy_or_a_network_that_is_slow_is_waited_for():
    assert ended({b"AT+CPIN?": [cme(14), cme("SIM busy"), lines(b"+CPIN: READY")]}) == ("up",)
    searching = [lines(b"+CREG: 0,2")] * 20 + [lines(b"+CREG: 0,5")]
    end, asked, took_ms, core = lived({b"AT+CREG?": searching,
                                       b"AT+CGREG?": lines(b"+CGREG: 0,2")})
    assert end == ("up",) and core.roaming


def test_the_other_form_of_dialling_is_tried_where_one_is_refused():
    end, asked, took_ms, core = lived({
        b"ATD*99***1#": Answer(ERROR, None, ()), b'AT+CGDATA="PPP",1': Answer(CONNECT, None, ())})
    assert end == ("up",)


def test_the_pin_is_entered_while_the_sim_has_all_its_tries():
    asks = [lines(b"+CPIN: SIM PIN"), lines(b"+CPIN: READY")]
    end, asked, took_ms, core = lived({b"AT+CPIN?": asks}, PIN)
    assert end == ("up",) and asked.count(b'AT+CPIN="1234"') == 1


def test_a_wrong_pin_is_never_entered_twice():
    wrong = {b"AT+CPIN?": lines(b"+CPIN: SIM PIN"), b'AT+CPIN="1234"': cme("incorrect password")}
    end, asked, took_ms, core = lived(wrong, PIN)
    assert end == ("fault", faults.PIN_REFUSED) and asked.count(b'AT+CPIN="1234"') == 1
    # the same handset goes on, whatever the SIM says of its tries
    end, asked, took_ms, core = lived(wrong, PIN, core=core)
    assert end == ("fault", faults.PIN_REFUSED) and b'AT+CPIN="1234"' not in asked
    # another life of it: the SIM itself says that a try is gone
    wrong[b"AT+SPIC"] = lines(b"+SPIC: 2,10,0,10")
    end, asked, took_ms, core = lived(wrong, PIN)
    assert end == ("fault", faults.PIN_REFUSED) and b'AT+CPIN="1234"' not in asked
    # a person has keyed another one: one try more, but never the last
    for left, tried in ((b"2", 1), (b"1", 0), (b"0", 0)):
        wrong[b"AT+SPIC"] = lines(b"+SPIC: %s,10,0,10" % left)
        asked = lived(wrong, Access("cmnet", "", "", "1234", 2))[1]
        assert asked.count(b'AT+CPIN="1234"') == tried, left


def test_a_pin_is_not_entered_where_nobody_says_how_many_tries_are_left():
    for answer in (Answer(ERROR, None, ()), SILENT, lines(b"+SPIC: x")):
        end, asked, took_ms, core = lived(
            {b"AT+CPIN?": lines(b"+CPIN: SIM PIN"), b"AT+SPIC": answer}, PIN)
        assert end[0] == "fault" and b'AT+CPIN="1234"' not in asked, answer


def test_an_entry_without_an_answer_is_not_repeated_at_once():
    for answer in (SILENT, Answer(ERROR, None, ()), cme(100), Answer(RESTARTED, None, ())):
        asks = {b"AT+CPIN?": lines(b"+CPIN: SIM PIN"), b'AT+CPIN="1234"': answer,
                b"AT+SPIC": [lines(b"+SPIC: 3,10,0,10"), lines(b"+SPIC: 2,10,0,10")]}
        end, asked, took_ms, core = lived(asks, PIN)
        assert end[0] == "fault" and asked.count(b'AT+CPIN="1234"') == 1, answer


def test_what_is_no_pin_is_never_sent():
    for pin in ("", "12", "123456789", '1"', "12 4"):
        end, asked, took_ms, core = lived({b"AT+CPIN?": lines(b"+CPIN: SIM PIN")},
                                          Access("cmnet", "", "", pin, 3))
        assert end == ("fault", faults.SIM_PIN)


def test_a_modem_that_starts_anew_is_brought_up_anew_and_not_for_ever():
    again = Answer(RESTARTED, None, ())
    end, asked, took_ms, core = lived({b"AT+CGATT=1": [again, again, FINE]})
    assert end == ("up",) and asked.count(b"ATE0") == 3
    assert ended({b"AT+CGATT=1": again}) == ("fault", faults.NO_MODEM)


def test_whatever_is_answered_it_ends_up_or_in_a_named_fault():
    asked = list(WELL)
    results = (OK, ERROR, CME, CMS, NO_CARRIER, CONNECT, TIMEOUT, RESTARTED)
    said = (b"+CPIN: SIM PIN", b"+CREG: 0,3", b"+CFUN: 0", b"+CSQ: 99,99", b"", b"+", b"READY",
            b'+CCLK: "99/99/99,99:99:99+99"', b"+SPIC: 3", b"+COPS: 0,0,\"", b"8986")
    for number in range(400):
        seed(number)
        changes = {}
        for _ in range(randint(1, 12)):
            command = choice(asked + [b"ATE0", b"AT+CGATT=1", b'AT+CPIN="1234"', b"AT+CFUN=1"])
            changes[command] = [
                Answer(choice(results), choice((None, 3, 10, 16, "unknown")),
                       tuple([choice(said) for _ in range(randint(0, 3))]))
                for _ in range(randint(1, 4))]
        end, sent, took_ms, core = lived(changes, PIN)
        if end[0] == "fault":
            assert faults.name(end[1]), ("seed", number, end)
        assert took_ms < 900000, ("seed", number, took_ms)
        assert sent.count(b'AT+CPIN="1234"') <= 4, ("seed", number)


def test_no_measure_is_harder_than_could_help():
    for fault in (faults.SIM_PIN, faults.PIN_REFUSED, faults.SIM_LOCKED):
        assert steps.cap(fault) == steps.PPP
    assert steps.cap(faults.NO_SIM) == steps.RESET
    assert steps.cap(faults.NO_MODEM) == steps.cap(faults.SEARCHING) == steps.POWER


def test_measures_are_timed_as_the_hardware_manuals_say():
    for model, on_ms, off_ms, reset_ms in (
            (models.SIM800, 1000, 1500, 105), (models.SIM7600, 100, 2500, 100),
            (models.A7670, 50, 2500, 2000)):
        assert steps.measures(steps.PPP, model, True, True) == ()
        radio = [text for kind, text in steps.measures(steps.CFUN, model, True, True)
                 if kind == "at"]
        assert radio == [b"AT+CFUN=0", b"AT+CFUN=1"]
        reset = steps.measures(steps.RESET, model, True, True)
        assert reset[0] == ("reset", 1) and reset[1][1] >= reset_ms and reset[2] == ("reset", 0)
        power = steps.measures(steps.POWER, model, True, True)
        assert power[0] == ("power", 0) and ("power", 1) in power
        on = power[power.index(("pwrkey", 1)) + 1]
        # long enough to switch it on, too short to switch one off that is on
        assert on_ms < on[1] < off_ms
        key = steps.measures(steps.POWER, model, False, False)
        assert key[0] == ("pwrkey", 1) and off_ms < key[1][1] < 33000
        assert steps.measures(steps.RESET, model, False, True) == power
