#define MICROPY_HW_BOARD_NAME "Pointwire handset, ESP32 with PSRAM and SIM800"
#define MICROPY_HW_MCU_NAME "ESP32"
