"""The words of logging in: in each language one text a line, in the order of the numbers."""

from micropython import const

ONLINE = const(0)
ONLINE_DO = const(1)
KEYS_BACK = const(2)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """online=Log in online
online_do=for this one
keys_back=*←
"""


def zh():
    return """online=请联网登录
online_do=才能办理此项
keys_back=*←
"""
