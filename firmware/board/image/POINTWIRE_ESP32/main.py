"""What runs behind _boot.py on the ESP32 with PSRAM and SIM800."""

from firmware.board.esp32_sim800 import main

main()
