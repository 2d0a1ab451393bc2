"""Every error of the room: one root, one parent, a code that logs and counters can rely on."""

import importlib
import pkgutil

import firmware
from firmware import faults
from firmware.errors import FirmwareError, MqttError, ReplyRefused, told
from firmware.outbox import OutboxUnreadable

CODES = {
    "FirmwareError": "firmware", "SettingsError": "settings", "FontError": "font",
    "MqttError": "mqtt",
    "OutboxFull": "outbox_full", "OutboxUnreadable": "outbox_unreadable",
    "ControlError": "control", "CardReaderError": "card_reader", "ModemError": "modem",
    "NoWay": "no_way",
}

# they import what only a chip has, or run, and define no error
OF_THE_CHIP = ("firmware.main", "firmware.board.esp32_edge", "firmware.board.esp32_sim800",
               "firmware.board.esp32s3_a7670")


def kinds(root: type[Exception]) -> list[type[Exception]]:
    found = [root]
    for each in root.__subclasses__():
        found += kinds(each)
    return found


def all_errors() -> list[type[Exception]]:
    for each in pkgutil.walk_packages(firmware.__path__, "firmware."):
        if each.name not in OF_THE_CHIP:
            importlib.import_module(each.name)
    return [each for each in kinds(FirmwareError) if each.__module__.startswith("firmware.")]


def test_every_error_has_one_parent_and_a_code_that_does_not_change():
    found = all_errors()
    # MicroPython's exceptions have one parent
    assert all(len(each.__bases__) == 1 for each in found)
    codes = {each.__name__: getattr(each, "code", None) for each in found
             if each is not ReplyRefused}
    assert codes == CODES


def test_no_module_defines_an_exception_outside_the_root():
    all_errors()
    strangers = [each for root in (Exception, ValueError, OSError) for each in kinds(root)[1:]
                 if each.__module__.startswith("firmware.")
                 and not issubclass(each, FirmwareError)]
    assert strangers == []


def test_an_error_says_what_it_knows():
    assert MqttError("no PINGRESP", faults.DEAD).args == ("no PINGRESP", faults.DEAD)
    assert ReplyRefused("digest").code == "digest" and "digest" in str(ReplyRefused("digest"))
    unreadable = OutboxUnreadable("blank", "never formatted; format it")
    assert unreadable.reason == "blank" and "format it" in str(unreadable)


def test_an_error_of_ours_is_told_by_its_code_which_no_linker_shortens():
    assert told(OutboxUnreadable("blank", "format it")) == "outbox_unreadable: format it"
    assert told(ReplyRefused("digest")) == "digest: reply set aside: digest"
    assert told(ValueError("bad")) == "ValueError: bad"
