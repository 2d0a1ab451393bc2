"""Topics: a terminal's own three, and nobody else's."""

import pytest

from protocol import topics
from tests.protocol import answers


@pytest.mark.parametrize("terminal_id", [1, 9, 10000042, 4294967295])
def test_the_topics_of_a_terminal_lead_back_to_it(terminal_id: int):
    for kind, topic in (("up", topics.up(terminal_id)), ("down", topics.down(terminal_id)),
                        ("state", topics.state(terminal_id))):
        assert topic == f"pw/1/{terminal_id}/{kind}"
        assert topics.parse(topic) == (terminal_id, kind)
        assert topics.terminal_of(topic) == terminal_id


NOBODYS = [
    "", "pw", "pw/1", "pw/1/", "pw/1//up", "pw/1/7", "pw/1/7/", "pw/1/7/up/", "pw/1/7/up/x",
    "pw/2/7/up", "PW/1/7/up", "/pw/1/7/up", "pw/1/07/up", "pw/1/0/up", "pw/1/-7/up", "pw/1/+/up",
    "pw/1/#", "pw/1/7/UP", "pw/1/7/other", "pw/1/4294967296/up", "pw/1/99999999999999999/up",
    "pw/1/7a/up", "pw/1/ 7/up", "pw/1/\u0667/up", "pw/1/\uff17/up", "pw/1/7\n/up", "pw/1/1_0/up",
    "$share/gateway/pw/1/7/up",
]


@pytest.mark.parametrize("topic", NOBODYS)
def test_every_other_topic_is_nobodys(topic: str):
    assert topics.parse(topic) is None
    assert topics.terminal_of(topic) is None


def test_the_filters_are_those_of_the_contract():
    assert topics.UP_FILTER == "pw/1/+/up"
    assert topics.SHARED_UP_FILTER == "$share/gateway/pw/1/+/up"
    assert (topics.ONLINE, topics.OFFLINE) == (b"\x01", b"\x00")


def test_micropython_reads_topics_alike():
    lines = [f"topic {topic.encode().hex()}" for topic in (*NOBODYS[1:], "pw/1/7/up")]
    told = answers.on_micropython(lines)
    assert told == ["None"] * (len(lines) - 1) + ["[7,t7570]"]
