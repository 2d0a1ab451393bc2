"""The menu's words: in each language one text a line, in the order of the numbers."""

from micropython import const

# of each screen three rows and a foot
MAIN = const(0)
LATER = const(4)
MORE = const(8)
OFF = const(12)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """row_1=1 Void 2 Refund
row_2=3 List 4 Day-end
row_3=5 Setup 6 Train
foot=#=MORE 7890  *←
later_1=Not yet, sorry:
later_2=Gifts Top-up Pay
later_3=New cards, PINs
later_foot=*←
more_1=7 Info 8 Log out
more_2=9 Printer 0 Soon
more_3=
more_foot=#=1-6  *←
off_1=Nobody logs in
off_2=on this handset
off_3=
off_foot=*←
"""


def zh():
    return """row_1=1撤销 2退货
row_2=3清单 4日结
row_3=5设置 6练习
foot=#=MORE 7890  *←
later_1=以下尚未开通
later_2=礼品 充值 支付
later_3=激活卡 卡密码
later_foot=*←
more_1=7状态 8退出登录
more_2=9打印机 0待开通
more_3=
more_foot=#=1-6  *←
off_1=本机无需登录
off_2=也无需退出
off_3=
off_foot=*←
"""
