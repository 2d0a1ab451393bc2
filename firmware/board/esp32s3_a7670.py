"""The handset on an ESP32-S3 and an A7670 modem; a SIM7600 where the settings say so."""

from firmware.board import modem_models, pins
from firmware.board.esp32_edge import edge
from firmware.board.esp32_main import main as run


def main():
    run(pins.ESP32S3_A7670, modem_models.A7670, edge())
