"""The words of the last taps: in each language one text a line, in the order of the numbers."""

from micropython import const

SALE = const(0)  # then redemption, void, refund
OTHER = const(4)
WAITING = const(5)  # then posted, held, refused, cancelled, cancelling
NONE = const(11)
FAILED = const(12)
LOOKING = const(13)
ORIGINAL = const(14)
RECEIPT = const(15)
KEYS = const(16)
KEY_VOID = const(17)
FOOT_NONE = const(18)
KEY_REFUND = const(19)
NO_REFUND = const(20)
REFUND_LATER = const(21)
REFUNDED = const(22)


def parts(language):
    return zh() if language == "zh" else en()


def en():
    return (
        """sale=Sale
redemption=Redeem
void=Cancel
refund=Refund
other=Other
waiting=Not yet posted
posted=Posted
held=Held for HQ
refused=Refused
cancelled=Cancelled
cancelling=Cancelling
none=No taps yet
failed=Cannot be read
looking=Looking...
original=Of tap %d
receipt=Of REF %d
""",
        """keys= A↑B↓
key_void= D✗
foot=*←
key_refund=C refund
no_refund=No refund of it
refund_later=Refund if posted
refunded=Refunded %s
""",
    )


def zh():
    return (
        """sale=消费
redemption=抵扣
void=撤销
refund=退货
other=其他
waiting=尚未入账
posted=已入账
held=等待总部处理
refused=已拒绝
cancelled=已撤销
cancelling=正在撤销
none=暂无交易
failed=无法读取
looking=正在查找
original=原流水 %d
receipt=原凭证 %d
""",
        """keys= A↑B↓
key_void= D✗
foot=*←
key_refund=C 退货
no_refund=此笔不能退货
refund_later=入账后才能退货
refunded=已退 %s
""",
    )
