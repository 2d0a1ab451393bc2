"""The menu's words: in each language one text a line, in the order of the numbers."""

from micropython import const

ROW_1 = const(0)
ROW_2 = const(1)
ROW_3 = const(2)
FOOT = const(3)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """row_1=1 Void 2 Refund
row_2=3 List 4 Day-end
row_3=5 Setup 6 Train
foot=7INFO 8OUT 9SLIP
"""


def zh():
    return """row_1=1撤销 2退货
row_2=3清单 4日结
row_3=5设置 6练习
foot=7INFO 8OUT 9SLIP
"""
