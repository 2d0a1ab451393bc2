"""What is said of cards: in each language one text a line, in the order of the numbers.

Then by the `why` of the readers (firmware/board/card_taps.py, stripe.py, scanner.py).
"""

from micropython import const

SAME = const(0)
AGAIN = const(1)
NO_CARD = const(2)
NEEDS_CARD = const(3)
FOOT_ASK = const(4)
FOOT_BACK = const(5)
FOOT_CARD = const(6)
# every why that has no text of its own
UNREADABLE = const(7)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """same=Same card+amount
again=Sell again?
no_card=No card
needs_card=Points need one
foot_ask=#✓ *✗
foot_back=*←
foot_card=*← D=NO CARD
unreadable=Cannot be read
two_cards=Two cards there
random_id=Phone is no card
short=Not our card
long=Not our card
not_a_number=Not our card
product=Not a card code
reader=Reader is broken
"""


def zh():
    return """same=同卡同金额
again=再做一笔?
no_card=没有卡
needs_card=积分需要会员卡
foot_ask=#✓ *✗
foot_back=*←
foot_card=*← D=NO CARD
unreadable=卡片读不出
two_cards=有两张卡
random_id=手机不能当卡
short=不是本店会员卡
long=不是本店会员卡
not_a_number=不是本店会员卡
product=不是卡的条码
reader=读卡器故障
"""
