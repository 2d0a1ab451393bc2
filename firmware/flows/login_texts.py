"""The words of logging in: in each language one text a line, in the order of the numbers."""

from micropython import const

LOG_IN = const(0)
OPERATOR = const(1)
PIN = const(2)
LOGGED_IN = const(3)
OFFLINE = const(4)
SALES_ONLY = const(5)
WRONG = const(6)
WAIT = const(7)
AGAIN = const(8)
ONLINE = const(9)
ONLINE_DO = const(10)
NO_LOGIN = const(11)
TOO_OLD = const(12)
NO_TRIES = const(13)
NO_LINK = const(14)
SALES = const(15)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """log_in=Please log in
operator=Operator number
pin=PIN of %d
logged_in=Operator %d
offline=Without a link:
sales_only=sales only
wrong=3 wrong PINs
wait=Wait %d s
again=# = once more
online=Log in online
online_do=for this one
no_login=No login kept
too_old=7 days are over
no_tries=5 wrong PINs
no_link=No connection
sales=Sales go on
"""


def zh():
    return """log_in=请先登录
operator=操作员编号
pin=操作员%d 密码
logged_in=操作员 %d
offline=离线登录
sales_only=仅可积分
wrong=密码三次错误
wait=请等待 %d 秒
again=# 重新输入
online=请联网登录
online_do=才能办理此项
no_login=本机无登录记录
too_old=登录已过七天
no_tries=密码五次错误
no_link=当前没有网络
sales=消费照常进行
"""
