"""The story: everything in order, the same bytes seen once with first and last sight."""

import pytest

from tests.tools.tales import Said
from tools.prove.story import BACKUP, CARD, RESTORED, Story

SALE = 1
CARD_NUMBER = 6200001234567892


def test_records_of_one_instant_keep_the_order_in_which_they_were_told():
    story = Story()
    story.attempted(7, SALE, 1250, CARD_NUMBER, None, 5)
    story.happened(5, CARD, CARD_NUMBER, "lost", since_us=3)
    story.accepted(7, 1, 1, SALE, 1250, CARD_NUMBER, None, 5)
    assert story.attempts[0].order < story.facts[0].order < story.taps[0].order
    assert story.taps[0].key == (7, 1, 1)
    assert (story.facts[0].at_us, story.facts[0].since_us) == (5, 3)


def test_a_frame_sent_twice_is_one_frame_with_first_and_last_sight():
    story = Story()
    story.sent(7, b"frame", 1)
    story.sent(7, bytearray(b"frame"), 9)
    story.sent(8, b"frame", 2)
    seen = story.ups[7, b"frame"]
    assert (seen.first_us, seen.last_us, len(story.ups)) == (1, 9, 2)
    assert seen.first_order < seen.last_order


def test_a_screen_keeps_what_the_reply_said():
    story = Story()
    reply = Said(journal=1, trace=2, code=0, points=12, balance=40, receipt=3, at=99)
    story.shown(7, reply, 4)
    assert story.screens[0][:-1] == (7, 1, 2, 0, 12, 40, 3, 99, 4)


def test_replies_are_kept_apart_from_restore_to_restore():
    story = Story()
    story.happened(0, BACKUP, "a")
    story.replied(7, b"reply", 1)
    story.happened(2, RESTORED, "a")
    story.replied(7, b"reply", 3)
    assert [list(each) for each in story.downs] == [[(7, b"reply")], [(7, b"reply")]]


def test_a_word_the_checker_does_not_know_is_refused_when_it_is_told():
    with pytest.raises(ValueError, match="earthquake"):
        Story().happened(0, "earthquake")
