"""The date for certificates: the newest that is known, never before the build. Portable."""

from firmware.board.dates import BUILD_DAY, DAY_S, newest

BUILT = BUILD_DAY * DAY_S


def test_without_any_word_it_is_the_build_date():
    assert newest() == newest(None, None) == BUILT
    assert newest(0, 946684800) == BUILT  # clocks that were never set


def test_the_newest_word_counts():
    assert newest(None, BUILT + 5, BUILT + 3) == BUILT + 5


def test_a_year_that_cannot_be_is_no_word():
    assert newest(4102444800, BUILT + 1) == BUILT + 1
