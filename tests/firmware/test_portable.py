"""The portable tests of this folder, run once more on MicroPython."""

import re

import pytest

from tests.support.micropython import run

# Each imports nothing that MicroPython lacks; see portable.py.
MODULES = ("test_again", "test_autovoid", "test_beats", "test_board_at", "test_board_at_parser",
           "test_board_bursts", "test_board_card_memory", "test_board_card_number",
           "test_board_card_taps", "test_board_iso14443a", "test_board_kept_file",
           "test_board_ladder",
           "test_board_mfrc522", "test_board_modem", "test_board_modem_models",
           "test_board_modem_steps", "test_board_scanner", "test_board_stripe", "test_board_way",
           "test_board_wifi", "test_checkout", "test_clock",
           "test_conflict", "test_dispatch", "test_dispatch_replies", "test_faults",
           "test_flows_basket", "test_flows_card", "test_flows_keyed", "test_flows_login",
           "test_flows_training", "test_flows_menu",
           "test_flows_redeem", "test_flows_redeem_terms", "test_flows_reverse", "test_keys_held",
           "test_link", "test_mqtt", "test_mqtt_codec", "test_operators", "test_outbox_find",
           "test_outbox_kept", "test_recall", "test_screen", "test_session", "test_settings",
           "test_states",
           "test_supervisor", "test_ticks", "test_views", "test_views_answer", "test_virtual_time",
           "test_board_battery", "test_board_buzzer", "test_board_keypad", "test_board_printer",
           "test_board_ssd1306", "test_slip",
           "test_flows_setup", "test_flows_taps", "test_flows_waiting", "test_looking",
           "test_outbox_back",
           "test_day_count", "test_flows_dayend", "test_printing", "test_flows_paper")
# boards of hardware, and what they are made of
BOARDS = ("test_board_crash_log", "test_board_upkeep",
          "test_board_dates", "test_board_esp32_common", "test_board_esp32_edge",
          "test_board_esp32_main", "test_board_esp32_parts", "test_board_esp32_sim800",
          "test_board_esp32s3_a7670", "test_board_expander", "test_board_options",
          "test_board_pins", "test_board_signs")
# the fake hardware that they run against
PEERS = ("test_battery_cell", "test_card_field", "test_expander_chip", "test_keypad_matrix",
         "test_mfrc522_chip",
         "test_printer_peer", "test_pwm_pin", "test_scanner_peer", "test_serial_line",
         "test_ssd1306_chip", "test_stripe_peer")


@pytest.mark.parametrize("names", [
    [f"tests.firmware.{name}" for name in MODULES], [f"tests.firmware.{name}" for name in BOARDS],
    [f"tests.simulator.{name}" for name in PEERS]], ids=("modules", "boards", "peers"))
def test_they_pass_on_the_interpreter_that_ships(names: list[str]):
    said = run(f"from tests.firmware.portable import run_all\nrun_all({names!r})", heap="16M",
               timeout_s=200)
    count = re.search(r"ran (\d+)", said)
    assert count and int(count[1]) > 20
