#define MICROPY_HW_BOARD_NAME "Pointwire handset, ESP32-S3 and A7670 or SIM7600"
#define MICROPY_HW_MCU_NAME "ESP32-S3"
// the console is USB: UART 0 carries a printer, a scanner or a stripe reader
#define MICROPY_HW_ENABLE_UART_REPL (0)
