# make -C ports/esp32 BOARD=POINTWIRE_ESP32S3 BOARD_DIR=<here>; for R8 modules (octal PSRAM)
# BOARD_VARIANT=SPIRAM_OCT
set(IDF_TARGET esp32s3)
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.usb
    boards/sdkconfig.240mhz
    boards/sdkconfig.spiram_sx
    ${MICROPY_BOARD_DIR}/sdkconfig.board
    ${CMAKE_BINARY_DIR}/sdkconfig.partitions
)
if(MICROPY_BOARD_VARIANT STREQUAL "SPIRAM_OCT")
    list(APPEND SDKCONFIG_DEFAULTS boards/sdkconfig.spiram_oct)
endif()
# the table lies here, and ESP-IDF takes a path from its own project
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/partitions.csv\"\n")
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
