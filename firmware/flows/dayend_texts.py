"""The words of a day's end: in each language one text a line, in the order of the numbers."""

from micropython import const

SALE = const(0)  # then redemption, void, refund
OTHER = const(4)
TITLE = const(5)
COUNTING = const(6)
UNSETTLED = const(7)
UNSETTLED_DO = const(8)
OFFLINE = const(9)
NOTHING = const(10)
TRAINED = const(11)
FAILED = const(12)
TAPS = const(13)
NONE_POSTED = const(14)
TIMES = const(15)
POINTS = const(16)
SENT = const(17)
NO_ANSWER = const(18)
GOES_ON = const(19)
COMPARING = const(20)
DONE = const(21)
AGREES = const(22)
NOT_COMPARED = const(23)
REFUSED = const(24)
DIFFERS = const(25)
HQ = const(26)
HERE = const(27)
TAP = const(28)
CODE = const(29)
NOTHING_OF_IT = const(30)
KEYS_BACK = const(31)
KEYS_TOTALS = const(32)
KEYS_DIFFERS = const(33)


def parts(language):
    return zh() if language == "zh" else en()


def en():
    return (
        """sale=Sale
redemption=Redeem
void=Cancel
refund=Refund
other=Type %d
title=Day-end
counting=Counting %d%%
unsettled=%d unanswered
unsettled_do=Wait for them
offline=Only when online
nothing=No taps to close
trained=Training: none
failed=Try again
taps=%d taps
none_posted=None posted
times=x %d
""",
        """points=Points %+d
sent=Asking HQ...
no_answer=No answer yet
goes_on=Sent by itself
comparing=Comparing...
done=Day is closed
agrees=Agrees with HQ
not_compared=Not compared
refused=REFUSED
differs= DIFFERS
hq=HQ:
here=We:
tap=Tap %d DIFFERS
code=code %d
nothing_of_it=nothing
keys_back=*←
""",
        """keys_totals=%d/%d A↑B↓#✓*←
keys_differs=%d/%d A↑B↓ *←
""",
    )


def zh():
    return (
        """sale=消费
redemption=抵扣
void=撤销
refund=退货
other=类型 %d
title=日结
counting=正在统计 %d%%
unsettled=%d笔未应答
unsettled_do=请稍候再试
offline=联网后可用
nothing=无交易可结
trained=练习不可日结
failed=请重试
taps=共%d笔
none_posted=无入账
times=%d笔
""",
        """points=积分 %+d
sent=正在对账
no_answer=尚无应答
goes_on=将自动重发
comparing=正在核对
done=日结完成
agrees=与总部一致
not_compared=未对账
refused=已拒绝
differs= 不一致
hq=总部:
here=本机:
tap=流水 %d 不符
code=代码 %d
nothing_of_it=无记录
keys_back=*←
""",
        """keys_totals=%d/%d A↑B↓#✓*←
keys_differs=%d/%d A↑B↓ *←
""",
    )
