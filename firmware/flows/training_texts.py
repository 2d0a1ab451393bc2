"""The words of training: in each language one text a line, in the order of the numbers."""

from micropython import const

BEGIN = const(0)
NOTHING_POSTS = const(1)
END = const(2)
THEN_POSTS = const(3)
FOOT = const(4)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """begin=Start training?
nothing_posts=NOTHING posts
end=End training?
then_posts=Then sales post
foot=#✓ *✗
"""


def zh():
    return """begin=开始练习?
nothing_posts=练习不入账
end=结束练习?
then_posts=之后正常入账
foot=#✓ *✗
"""
