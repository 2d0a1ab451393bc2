"""Sales in lines of category and amount: the whole program, in both languages, on a good day,
without a link and with the link lost behind the tap. In virtual time."""

from collections.abc import Iterator

import pytest

from protocol.fields import SALE
from protocol.limits import BASKET_LINES_MAX
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.replies import CARD, Asked
from tests.firmware.shop import Shop

LINES = ((12, 1250), (3, 500))
KEYS = "1250A12#500A3##"


class Till(Shop):
    """Keeps what it posted of each sale: card, amount, basket."""

    def __init__(self) -> None:
        super().__init__()
        self.sold: list[tuple] = []
        self.mute = False

    def answer(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type == SALE and (asked.journal, asked.trace) not in self.posted:
            said = asked.content
            self.sold.append((said[6], said[7], said.get(8)))
        reply = super().answer(frame)
        return None if self.mute and asked.type == SALE else reply


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture(params=["en", "zh"])
def counter(request: pytest.FixtureRequest, till: Till) -> Iterator[Counter]:
    with Counter(till.answer, language=request.param) as made:
        made.boot()
        made.wait(5)
        yield made


def said(counter: Counter, english: str, chinese: str) -> str:
    return chinese if counter.settings.language == "zh" else english


def test_a_sale_in_lines_is_posted_with_them(counter: Counter, till: Till):
    counter.keys(KEYS[:-1])
    shown = said(counter, "Items 2|No 3 5.00|Sum 17.50", "商品 2 项|类别3 5.00|合计 17.50")
    assert counter.lines[1:] == (*shown.split("|"), "#✓ C← *✗")
    counter.keys("#")
    counter.tap()
    counter.wait(1)
    assert counter.lines[1] == said(counter, "Posted +17", "积分 +17")
    assert till.sold == [((2, CARD), 1750, LINES)] and counter.app.outbox.unsettled == 0
    counter.keys("*C")
    assert counter.lines[1] == said(counter, "Sale 17.50", "消费 17.50")


def test_the_longest_one_is_kept_through_a_power_cut_without_a_link_and_then_posted(
        counter: Counter, till: Till):
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.keys("62500000A65535#" * BASKET_LINES_MAX + "#")
    counter.tap()
    counter.wait(11)
    assert counter.lines[1] == said(counter, "Saved, will post", "已保存,稍后入账")
    assert counter.lines[2] == "10000000.00"
    counter.cut()
    counter.boot()
    assert counter.lines[:2] == (bar(False, 1), said(counter, "Last saved tap", "最近一笔"))
    assert till.sold == []
    counter.radio.set_dark(False)
    counter.wait(120)
    assert till.sold == [((2, CARD), 1000000000, ((65535, 62500000),) * BASKET_LINES_MAX)]
    assert counter.app.outbox.unsettled == 0


def test_an_answer_that_is_lost_posts_its_lines_once(counter: Counter, till: Till):
    till.mute = True
    counter.keys(KEYS)
    counter.tap()
    counter.wait(1)
    counter.radio.set_dark(True)
    till.mute = False
    counter.wait(60)
    counter.radio.set_dark(False)
    counter.wait(120)
    assert till.sold == [((2, CARD), 1750, LINES)] and len(till.posted) == 1
    assert counter.app.outbox.unsettled == 0


def test_in_training_none_is_posted(counter: Counter, till: Till):
    counter.keys("D6#" + KEYS)
    counter.tap()
    counter.wait(1)
    assert counter.lines[1] == said(counter, "TRAINING", "练习模式")
    assert till.sold == [] and not counter.all("saved")
