"""The words of what is not done: in each language one text a line, in the order of the numbers."""

from micropython import const

TITLE = const(0)
UNSENT = const(1)
REFUSED = const(2)
NONE = const(3)
FAILED = const(4)
LOOKING = const(5)
KEYS_UNSENT = const(6)
KEYS_REFUSED = const(7)
FOOT_MAIN = const(8)
FOOT_NONE = const(9)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """title=Not done yet
unsent=A unsent %d
refused=B refused %d
none=No more
failed=Cannot be read
looking=Looking...
keys_unsent= B↓ *←
keys_refused= B↓#✓
foot=A B  *←
none_foot=*←
"""


def zh():
    return """title=未完成
unsent=A 未发送 %d
refused=B 未入账 %d
none=没有了
failed=无法读取
looking=正在查找
keys_unsent= B↓ *←
keys_refused= B↓#✓
foot=A B  *←
none_foot=*←
"""
