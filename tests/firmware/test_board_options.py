"""What a board is told beside the terminal's settings. Runs on both interpreters."""

from firmware.board.options import options, parts
from firmware.errors import SettingsError
from tests.firmware.portable import raises


def test_what_is_missing_has_a_default():
    made = options((("apn", "cmnet"),))
    assert (made.way, made.apn, made.sim_pin, made.tls, made.ca_file) == (
        "modem", "cmnet", "", 1, "/ca.der")
    assert parts(made) == [] and made.reset_hour == 20 and made.cell == 1


def test_what_is_said_counts_and_names_of_others_are_passed_over():
    made = options((("way", "wifi"), ("wifi_name", "Shop=1"), ("tls", "0"), ("colour", "blue"),
                    ("parts", "printer, scanner"), ("reset_hour", "24")))
    assert made.wifi_name == "Shop=1" and made.tls == 0 and made.reset_hour == 24
    assert parts(made) == ["printer", "scanner"]


def test_impossible_values_are_named_and_none_is_told():
    good = (("apn", "cmnet"),)
    for name, text in (("way", "pigeon"), ("sim_pin", "12a4"), ("sim_pin", "123"), ("tls", "2"),
                       ("tls", "yes"), ("modem", "NOKIA"), ("reset_hour", "25"),
                       ("reset_hour", "-1"), ("parts", "printer,drawer"), ("cell", "3")):
        said = str(raises(SettingsError, options, good + ((name, text),)))
        assert name in said and "with the tool" in said
        assert name != "sim_pin" or text not in said
    assert "apn" in str(raises(SettingsError, options, ()))
    assert "wifi_name" in str(raises(SettingsError, options, (("way", "wifi"),)))
