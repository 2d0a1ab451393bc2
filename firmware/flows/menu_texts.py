"""The menu's words: in each language one text a line, in the order of the numbers."""

from micropython import const

# of each screen three rows and a foot
MAIN = const(0)
LATER = const(4)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """row_1=1 Void 2 Refund
row_2=3 List 4 Day-end
row_3=5 Setup 6 Train
foot=7i 8OUT 9SLIP 0+
later_1=Not yet, sorry:
later_2=Gifts Top-up Pay
later_3=New cards, PINs
later_foot=*←
"""


def zh():
    return """row_1=1撤销 2退货
row_2=3清单 4日结
row_3=5设置 6练习
foot=7i 8OUT 9SLIP 0+
later_1=以下尚未开通
later_2=礼品 充值 支付
later_3=激活卡 卡密码
later_foot=*←
"""
