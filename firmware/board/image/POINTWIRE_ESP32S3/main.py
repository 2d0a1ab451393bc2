"""What runs behind _boot.py on the ESP32-S3 and A7670 or SIM7600."""

from firmware.board.esp32s3_a7670 import main

main()
