"""The words of a sale in lines: in each language one text a line, in the order of the numbers."""

from micropython import const

CATEGORY = const(0)
LINES = const(1)
FULL = const(2)
LINE = const(3)
SUM = const(4)
KEYS = const(5)
KEYS_CATEGORY = const(6)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """category=Category no
lines=Items %d
full=Items %d, full
line=No %d %s
sum=Sum %s
keys=#✓ C← *✗
keys_category=#✓ C← *←
"""


def zh():
    return """category=商品类别
lines=商品 %d 项
full=商品 %d 项 已满
line=类别%d %s
sum=合计 %s
keys=#✓ C← *✗
keys_category=#✓ C← *←
"""
