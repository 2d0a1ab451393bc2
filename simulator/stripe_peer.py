"""A card drawn through a magnetic-stripe reader: the bytes that come out of the reader's UART.

Written from ISO/IEC 7811-2 and 7813 in the subset that MicroPython runs. A swipe is encoded as on
the card, bit by bit, and damaged there; `text` is what a reader that decodes makes of it, `raw`
what one does that sends the bits, in either direction.
"""

CLOCKING_BITS = 25
START, SEPARATOR, END = 0x0B, 0x0D, 0x0F


def characters_of(track):
    """Of `;...?` as text: the values on the stripe, the LRC behind them."""
    values = [ord(letter) - 0x30 for letter in track]
    lrc = 0
    for value in values:
        lrc ^= value
    return values + [lrc]


def bits_of(values):
    """Four bits each, least significant first, and a fifth that makes the number of ones odd."""
    made = []
    for value in values:
        bits = [value >> place & 1 for place in range(4)]
        made += bits + [1 ^ (sum(bits) & 1)]
    return made


def track_2(number, more="29121010000"):
    """`;number=more?`, or without separator where there is no more."""
    return f";{number}={more}?" if more else f";{number}?"


def swipe_bits(track):
    """All that passes the head: clocking zeros, characters, LRC, zeros."""
    return [0] * CLOCKING_BITS + bits_of(characters_of(track)) + [0] * CLOCKING_BITS


def raw(bits, backwards=False):
    """As a reader packs them: in the order of the swipe, the first bit highest."""
    bits = list(bits[::-1] if backwards else bits)
    bits += [0] * (-len(bits) % 8)
    made = bytearray(len(bits) // 8)
    for place, bit in enumerate(bits):
        made[place // 8] |= bit << 7 - place % 8
    return bytes(made)


def text(track, with_lrc=False, before="", behind="\r"):
    """`before`: track 1 or STX; `behind`: track 3, the state of a card sensor, CR, LF or ETX."""
    lrc = chr(0x30 + characters_of(track)[-1]) if with_lrc else ""
    return (before + track + lrc + behind).encode()


def without(bits, first, count):
    """The head left the stripe for so many bits."""
    return bits[:first] + bits[first + count:]


def turned(bits, place):
    """One bit was misread."""
    return bits[:place] + [bits[place] ^ 1] + bits[place + 1:]
