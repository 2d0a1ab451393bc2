"""What modems say, as values. Lines from the manuals, and lines no modem should send. On both."""

from random import randint, seed

from firmware.board import modem_models as models


def test_a_model_is_known_by_the_word_in_its_name():
    assert models.model(b"SIMCOM_SIM800L") is models.SIM800
    assert models.model(b"SIMCOM_SIM7600E-H") is models.SIM7600
    assert models.model(b"A7670E-FASE") is models.A7670
    assert models.model(b"EC20") is None


def test_the_state_of_the_sim_by_word_and_by_error():
    said = ((b"READY", models.SIM_READY), (b"SIM PIN", models.SIM_PIN),
            (b"SIM PUK", models.SIM_PUK), (b"SIM PUK2", models.SIM_READY),
            (b"NOT INSERTED", models.SIM_MISSING), (b"NOT READY", models.SIM_BUSY),
            (b"PH-NET PUK", models.SIM_FAILED), (b"PH-SIM PIN", models.SIM_FAILED))
    for word, state in said:
        assert models.sim_state(None, (b"+CPIN: " + word,)) == state, word
    errors = ((10, "SIM not inserted", models.SIM_MISSING),
              (11, "SIM PIN required", models.SIM_PIN),
              (12, "SIM PUK required", models.SIM_PUK), (13, "SIM failure", models.SIM_FAILED),
              (14, "SIM busy", models.SIM_BUSY), (15, "SIM wrong", models.SIM_FAILED))
    for number, words, state in errors:
        assert models.sim_state(number, ()) == models.sim_state(words, ()) == state
    assert models.sim_state(100, ()) is None and models.sim_state("unknown", ()) is None
    assert models.pin_refused(16) and models.pin_refused("incorrect password")
    assert not models.pin_refused(14) and not models.pin_refused(None)


def test_registration_from_an_answer_and_from_a_line_nobody_asked_for():
    assert models.registration((b"+CREG: 0,1",)) == 1
    assert models.registration((b'+CREG: 2,5,"1A2B","0003",7',)) == 5
    assert models.registration((b'+CREG: 1,"1A2B","0003"',)) == 1
    assert models.registration((b"+CEREG: 3", b"+CEREG: 0,2")) == 2
    assert models.registration((b"+CREG: ", b"+CREG: x,y", b"+CREG")) is None
    assert models.registered(1) and models.registered(5)
    assert not models.registered(2) and not models.registered(3) and not models.registered(None)


def test_signal_in_dbm():
    assert models.csq_dbm((b"+CSQ: 0,0",)) == -113 and models.csq_dbm((b"+CSQ: 31,99",)) == -51
    assert models.csq_dbm((b"+CSQ: 14,99",)) == -85 and models.csq_dbm((b"+CSQ: 99,99",)) is None
    assert models.cesq_dbm((b"+CESQ: 99,99,255,255,20,52",)) == -89
    assert models.cesq_dbm((b"+CESQ: 40,0,255,255,255,255",)) == -71
    assert models.cesq_dbm((b"+CESQ: 99,99,255,255,255,255",)) is None


def test_numbers_of_devices_and_cards():
    assert models.digits((b"867962041234567",), b"", 15) == "867962041234567"
    assert models.digits((b"+ICCID: 8986001700090912345F",), b"+ICCID:", 19) == (
        "8986001700090912345F")
    assert models.digits((b"RING", b"12345"), b"", 15) is None
    assert models.tries_left((b"+SPIC: 3,10,0,10",)) == 3
    assert models.tries_left((b"+SPIC: ",)) is None


def test_the_clock_of_the_network_in_utc_and_none_that_was_never_set():
    assert models.clock((b'+CCLK: "26/11/22,23:15:07+32"',)) == 1795360507
    assert models.clock((b'+CCLK: "26/11/22,15:15:07+00"',)) == 1795360507
    assert models.clock((b'+CCLK: "26/11/22,07:15:07-32"',)) == 1795360507
    assert models.clock((b'+CCLK: "28/02/29,00:00:00+00"',)) == 1835395200
    for never in (b'"04/01/01,00:00:11+00"', b'"70/01/01,00:00:11+00"', b'"80/01/06,00:00:11+00"',
                  b'"26/13/22,15:15:07+00"', b'"2a/11/22,15:15:07+00"', b"", b'""'):
        found = models.clock((b"+CCLK: " + never,))
        # two digits of a year: 70 and 80 can only be those of the last century
        assert found is None, never


def test_nothing_that_can_be_sent_raises():
    readers = (models.csq_dbm, models.cesq_dbm, models.clock, models.registration,
               models.tries_left, lambda lines: models.sim_state(None, lines),
               lambda lines: models.digits(lines, b"", 15), lambda lines: models.model(lines[0]),
               lambda lines: models.quoted(lines[0]))
    for number in range(300):
        seed(number)
        text = bytes([b'+CSQ:"0123456789,/-. \\X'[randint(0, 22)] for _ in range(randint(0, 40))])
        for read in readers:
            try:
                read((text, b"+CSQ:" + text))
            except Exception as error:
                raise AssertionError(f"seed {number}: {error}")
