"""A barcode and QR scanner: the bytes that come out of its UART for what it was held over.

Written from ISO/IEC 15424 (symbology identifiers) in the subset that MicroPython runs.
"""

# the identifier that a scanner may send before the code, by what was printed
IDENTIFIERS = {"code 128": "]C0", "gs1-128": "]C1", "code 39": "]A0", "interleaved": "]I0",
               "ean 13": "]E0", "ean 8": "]E4", "qr": "]Q1", "gs1 qr": "]Q3", "data matrix": "]d1"}


def line(code, symbology=None, end="\r"):
    """One scan; with `symbology` the scanner is set to send identifiers."""
    identifier = IDENTIFIERS[symbology] if symbology else ""
    function_1 = "\x1d" if identifier in ("]C1", "]Q3") else ""
    return (identifier + function_1 + code + end).encode()
