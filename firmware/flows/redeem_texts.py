"""The words of paying with points: in each language one text a line, in the order of the
numbers."""

from micropython import const

BILL_TITLE = const(0)
TAP_CARD = const(1)
TAP_AGAIN = const(2)
ASKING = const(3)
KEY_POINTS = const(4)
BALANCE = const(5)
ALL_OF_IT = const(6)
WHY = const(6)  # and the reason, by its number in redeem_terms
USE = const(15)
OFF = const(16)
TO_PAY = const(17)
BILL = const(18)
SUM_LATER = const(19)
KEYS_NUMBER = const(20)
KEYS_BACK = const(21)
KEYS_ASK = const(22)


def parts(language):
    return zh() if language == "zh" else en()


def en():
    return ("""bill_title=Points pay: bill
tap_card=Tap the card
tap_again=Card again
asking=Asking...
key_points=Key the points
balance=Balance %d
all_of_it=# = all of that
only=Has only %d
at_least=At least %d
steps=In steps of %d
at_most=At most %d
enough=Enough: %d
no_points=No points to use
from=From %d points
bill_small=Bill too small
use=Points %d
""", """off=Off %s
to_pay=To pay %s
bill=Bill %s
sum_later=Sum when posted
keys_number=#✓ C← *✗
keys_back=*←
keys_ask=#✓ *←
""")


def zh():
    return ("""bill_title=积分抵扣 账单
tap_card=请刷卡
tap_again=请重新刷卡
asking=正在查询
key_points=请输入积分
balance=余额 %d
all_of_it=# 全部使用
only=仅有 %d
at_least=至少 %d
steps=须为 %d 的倍数
at_most=最多 %d
enough=%d 即可
no_points=无可用积分
from=满 %d 分可用
bill_small=账单金额太小
use=使用积分 %d
""", """off=抵扣 %s
to_pay=应付 %s
bill=账单 %s
sum_later=金额以入账为准
keys_number=#✓ C← *✗
keys_back=*←
keys_ask=#✓ *←
""")
