"""The words of voids and refunds by receipt: in each language one text a line, in the order of the
numbers."""

from micropython import const

VOID_TITLE = const(0)
REFUND_TITLE = const(1)
AMOUNT = const(2)
VOID_ASK = const(3)
REFUND_ASK = const(4)
RECEIPT = const(5)
TAP = const(6)
SENDING = const(7)
KEYS_NUMBER = const(8)
KEYS_ASK = const(9)
KEYS_AMOUNT = const(10)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """void_title=Void: receipt no
refund_title=Refund: receipt
amount=Refund how much
void_ask=Void all of it?
refund_ask=Refund this?
receipt=REF %d
tap=TRACE %d
sending=Asking...
keys_number=#✓ C← *✗
keys_ask=#✓ *←
keys_amount=#✓ C← *✗ A=ITEMS
"""


def zh():
    return """void_title=撤销 凭证号
refund_title=退货 凭证号
amount=退货金额
void_ask=全部撤销?
refund_ask=退还此金额?
receipt=凭证 %d
tap=流水 %d
sending=正在处理
keys_number=#✓ C← *✗
keys_ask=#✓ *←
keys_amount=#✓ C← *✗ A=ITEMS
"""
