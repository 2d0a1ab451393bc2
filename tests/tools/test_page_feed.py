"""Every page that is open hears everything, in order, from how things stood when it came."""

from tools.page.feed import WAITING_MAX, Feed, Listener


def drained(listener: Listener) -> list:
    listener.end()
    return [told for told in listener.all() if told is not None]


def test_who_listens_gets_how_things_stand_and_then_every_change_in_order():
    stand = [1]
    feed = Feed(lambda: list(stand))
    feed.tell("said", "before anybody listened")
    first = feed.listen()
    feed.tell("said", "a")
    stand.append(2)
    second = feed.listen()
    feed.tell("said", "b")
    heard = first.all()
    assert [next(heard) for _ in range(3)] == [("street", [1]), ("said", "a"), ("said", "b")]
    heard = second.all()
    assert [next(heard) for _ in range(2)] == [("street", [1, 2]), ("said", "b")]


def test_who_left_hears_nothing_more():
    feed = Feed(lambda: 0)
    listener = feed.listen()
    feed.leave(listener)
    feed.tell("said", "a")
    assert next(listener.all()) == ("street", 0)
    assert next(listener.all(sign_of_life_s=0.01)) is None


def test_who_is_too_slow_is_dropped_and_the_others_are_not():
    feed = Feed(lambda: 0)
    slow, quick = feed.listen(), feed.listen()
    heard = quick.all()
    for number in range(WAITING_MAX):
        feed.tell("said", number)
        next(heard)
    assert slow.over and not quick.over
    assert next(heard) == ("said", WAITING_MAX - 1)


def test_a_silent_street_gives_a_sign_of_life():
    listener = Feed(lambda: 0).listen()
    heard = listener.all(sign_of_life_s=0.01)
    assert next(heard) == ("street", 0) and next(heard) is None


def test_the_end_reaches_who_waits():
    feed = Feed(lambda: 0)
    listener = feed.listen()
    feed.end()
    assert list(listener.all()) == []
