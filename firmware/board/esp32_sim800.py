"""The handset on an ESP32 with PSRAM (WROVER) and a SIM800 modem."""

from firmware.board import modem_models, pins
from firmware.board.esp32_edge import edge
from firmware.board.esp32_main import main as run


def main():
    run(pins.ESP32_SIM800, modem_models.SIM800, edge())
