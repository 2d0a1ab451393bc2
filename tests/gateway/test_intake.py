"""The intake end to end: verified frames in, committed rows and sealed replies out."""

from tests.support.street import Street


def test_a_silver_member_gets_15_points_for_12_50_yuan(engine):
    street = Street(engine)
    reply = street.take(street.sale(1250))
    assert (reply.code, reply.points, reply.balance) == (0, 15, 15)
    assert (reply.tier, reply.member, reply.receipt) == ("银卡", "王*明", 1)
    assert reply.head is not None and len(reply.head) == 16
    assert street.rows("postings", "sum(amount), count(*)") == [(0, 2)]


def test_the_same_frame_gets_the_same_bytes_and_posts_once(engine):
    street = Street(engine)
    tap = street.sale()
    first, = street.answers(tap)
    street.later(days=3)
    second, third = street.answers(tap, tap)
    assert first.reply == second.reply == third.reply
    assert street.rows("entries", "count(*)") == [(1,)]


def test_the_same_frame_twice_in_one_batch_posts_once(engine):
    street = Street(engine)
    tap = street.sale()
    first, second = street.answers(tap, tap)
    assert first.reply == second.reply and first.code == second.code == 0
    assert street.rows("entries", "count(*)") == [(1,)]
