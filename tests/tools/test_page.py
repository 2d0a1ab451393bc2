"""The page in a real browser, over a handset that the test plays: pixels, keys, names, widths."""

import random
from collections.abc import Iterator

import pytest

from firmware.board import unix_commands
from tests.support.browser import opened, pixels, until
from tests.support.page_street import TERMINAL_ID, Page
from tools.coffee_shop import Operator
from tools.page import hints

# what a person can act on, and the name that a screen reader says of it
NAMES = """() => [...document.querySelectorAll("button, input, summary, [tabindex]")]
  .filter(each => each.offsetParent).map(each => [
  each.outerHTML.slice(0, 90),
  each.getAttribute("aria-label") || each.innerText.trim()
    || (each.labels && each.labels[0] && each.labels[0].innerText.trim()) || ""])"""
# contrast of text on what is behind it (WCAG 2.2, 1.4.3); gradients by their end colours
CONTRAST = r"""() => {
  const parse = text => (text.match(/rgba?\([^)]*\)/g) || []).map(each =>
    each.match(/[\d.]+/g).map(Number)).filter(each => each.length < 4 || each[3] > 0.9);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = each => {
    for (; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      const found = parse(style.backgroundImage).concat(parse(style.backgroundColor));
      if (found.length) return parse(style.backgroundImage).length ? parse(style.backgroundImage)
        : found;
    }
    return [[255, 255, 255]];
  };
  const poor = [];
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !each.offsetParent || each.closest("#dark")) continue;
    const ink = light(parse(getComputedStyle(each).color)[0]);
    for (const ground of behind(each).map(light)) {
      const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
      if (ratio < 4.5) poor.push([each.outerHTML.slice(0, 80), ratio]);
    }
  }
  return poor;
}"""


@pytest.fixture
def page() -> Iterator[Page]:
    with Page(handsets=2) as made:
        yield made


def keys(page: Page) -> str:
    return "".join(arguments["keys"] for what, arguments in page.handset.asked if what == "keys")


def shown(page: Page, drawn: bytes) -> None:
    page.says("screen", lines=["●", "Posted +12", "Balance 12", "", ""])
    page.says("pixels", pixels=drawn.hex())


def test_the_canvas_is_the_display_pixel_by_pixel(page: Page):
    drawn = random.Random(5).randbytes(1024)
    with opened(page.address) as tab:
        shown(page, drawn)
        until(tab, "document.querySelector('#screen').dataset.lines.includes('+12')")
        assert pixels(tab) == drawn == pixels(tab, f"#tab-{TERMINAL_ID} canvas")
        assert tab.text_content("#screen-text") == "Posted +12，Balance 12"
        page.call(page.handset.process.kill)
        tab.wait_for_selector("#dark", state="visible")
        assert pixels(tab) == bytes(1024)


def test_keys_are_pressed_by_mouse_and_keyboard_and_by_tab_and_enter(page: Page):
    with opened(page.address) as tab:
        for key in "1250":
            tab.click(f'[data-key="{key}"]')
        tab.keyboard.press("Enter")  # the mouse left the keyboard with the handset
        for key in ("Backspace", "Escape", "9", "*", "#", "a", "D"):
            tab.keyboard.press(key)
        tab.focus('[data-key="7"]')
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")  # now the focused key is meant
        tab.keyboard.press("Control+c")
        tab.click("[data-card='1']")
        until(tab, "() => !sending")
        assert keys(page) == "1250#C*9*#AD8"
        assert ("card", {"entry": 2, "card": "6200000000000013"}) in page.handset.asked


def test_everything_has_a_name_can_be_reached_by_keyboard_and_be_read(page: Page):
    page.says("saved", journal=7, trace=1, type=1)
    page.says("no_link", why="the radio is off")
    with opened(page.address) as tab:
        for _ in ("zh", "en"):
            assert not [each for each, name in tab.evaluate(NAMES) if not name]
            assert not tab.evaluate(CONTRAST)
            ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
            assert len(ids) == len(set(ids))
            tab.click("#language")
        reached, count = set(), tab.evaluate("document.querySelectorAll('button').length")
        for _ in range(count + 8):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("document.activeElement.outerHTML"))
            assert tab.evaluate("document.activeElement === document.body || !!("
                                "document.activeElement.matches('input') || getComputedStyle("
                                "document.activeElement).outlineStyle !== 'none')")
        assert sum(each.startswith("<button") for each in reached) == count


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_a_desk_and_a_phone(page: Page, width: int):
    shown(page, bytes(1024))
    with opened(page.address, width=width, height=844) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        for key in "15#D":
            box = tab.locator(f'[data-key="{key}"]').bounding_box()
            assert box and box["width"] >= 44 and box["height"] >= 44
            assert box["y"] + box["height"] < 844
        card = tab.locator("[data-card='0']").bounding_box()
        assert card and card["y"] < 844  # at hand without scrolling


def test_both_languages_say_everything_and_every_event_has_words(page: Page):
    with opened(page.address) as tab:
        assert tab.evaluate("document.documentElement.lang") == "zh-CN"
        names = tab.evaluate("['zh', 'en'].map(each => Object.keys(WORDS[each]).sort())")
        assert names[0] == names[1]
        lengths = tab.evaluate("['zh', 'en'].map(each => ['steps', 'tries'].map("
                               "name => WORDS[each][name].length))")
        assert lengths[0] == lengths[1]
        for named in tab.evaluate("['zh', 'en'].map(each => Object.keys(WORDS[each].next))"):
            assert set(named) == {*hints.HINTS.values(), hints.LOG_IN}
        told = {names[0] for names in unix_commands.EVENTS} - {"screen"}
        for words in tab.evaluate("['zh', 'en'].map(each => Object.keys(PLAIN[each]))"):
            assert told | {"posted", "refused", "off"} <= set(words)
        tab.click("#language")
        assert tab.text_content("[data-t=cards]") == "Cards in the drawer"
        tab.reload()
        tab.wait_for_selector(".card")
        assert tab.text_content("[data-t=cards]") == "Cards in the drawer"


@pytest.mark.parametrize(("locale", "language"), [
    ("en-US", "en"), ("de-DE", "en"), ("zh-CN", "zh-CN"), ("zh-Hant-TW", "zh-CN")])
def test_it_opens_in_the_language_of_the_browser_unless_one_was_chosen(page: Page, locale: str,
                                                                      language: str):
    with opened(page.address, locale=locale) as tab:
        assert tab.evaluate("document.documentElement.lang") == language
        tab.click("#language")
        tab.reload()
        tab.wait_for_selector(".card")
        assert tab.evaluate("document.documentElement.lang") != language


@pytest.mark.parametrize(("locale", "said"), [
    ("zh-CN", {"home": "下一步：按数字键输入金额", "card": "下一步：点一张卡",
               "ask_void": "下一步：# 是，* 否", "redeem.points": "按键说明在屏幕最下面一行",
               "waiting": "正在等应答；按 * 返回", "recovery": ""}),
    ("en-US", {"home": "Next: press digits for the amount", "card": "Next: click a card",
               "ask_void": "Next: # for yes, * for no",
               "redeem.points": "The keys are explained at the foot of the screen",
               "waiting": "Waiting for the answer; * goes back", "recovery": ""})])
def test_what_to_do_next_follows_the_handset_and_not_the_keys(page: Page, locale: str,
                                                              said: dict[str, str]):
    with opened(page.address, locale=locale) as tab:
        for place, hint in said.items():
            tab.keyboard.press("1")
            tab.keyboard.press("#")
            comes_to(page, place)
            until(tab, "said => document.querySelector('#next').textContent === said", hint)


def comes_to(page: Page, place: str) -> None:
    page.handset.status["state"] = place
    page.says("screen", lines=["●", place, "", "", ""])
    page.says("pixels", pixels=bytes(1024).hex())


def test_the_first_sale_is_ticked_off_as_the_handset_goes_through_it(page: Page):
    done = "done => document.querySelectorAll('#steps .done').length === done"
    with opened(page.address) as tab:
        for place, count in (("card", 0), ("home", 0), ("amount", 1), ("card", 2), ("amount", 1),
                             ("basket.amount", 1), ("card", 2), ("home", 0), ("amount", 1),
                             ("card", 2), ("result", 0), ("amount", 1), ("card", 2)):
            comes_to(page, place)
            until(tab, "place => handsets.get(current).place === place", place)
            until(tab, done, count)
        page.says("saved", journal=7, trace=4, type=1)
        until(tab, done, 3)
        comes_to(page, "sent")
        page.says("settled", journal=7, trace=4, code=0, points=12, balance=12, receipt=1,
                  member=None, tier=None)
        until(tab, done, 4)
        comes_to(page, "result")
        until(tab, "handsets.get(current).place === 'result'")
        assert tab.evaluate(done, 4) and tab.evaluate("document.querySelector('details').open")


def test_where_somebody_has_to_log_in_the_page_says_who_may():
    with Page(operators=[Operator(7, "Lin", "4321")]) as page, opened(page.address) as tab:
        page.says("screen", lines=["●", "Pointwire", "请先登录", "操作员编号", ""])
        until(tab, "() => document.querySelector('#next').textContent.includes('操作员编号')")
        assert "7 # 4321 # Lin" in tab.inner_text("#operators")
        comes_to(page, "home")  # with what was last saved: who is logged in is not told
        until(tab, "() => document.querySelector('#next').textContent === ''")
    with Page() as page, opened(page.address) as tab:
        assert tab.is_hidden("#operators")


def test_what_happened_is_said_in_plain_words_and_a_slip_is_paper(page: Page):
    with opened(page.address) as tab:
        page.says("saved", journal=7, trace=4, type=3)
        page.says("settled", journal=7, trace=4, code=10, points=None, balance=None, receipt=None,
                  member=None, tier=None)
        for _ in range(3):
            page.says("no_link", why="the radio is off")
        until(tab, "document.querySelector('#events').innerText.includes('×3')")
        said = tab.text_content("#events") or ""
        assert "第 4 笔撤销" in said and "卡不存在" in said and "没有信号" in said
        page.says("slip", copy=False, lines=[[1, "积分广场"], [0, "  +12"]])
        tab.wait_for_selector("#paper pre")
        assert tab.text_content("#paper pre") == " " * 12 + "积分广场\n  +12"
        tab.click("#paper-out")
        until(tab, "document.querySelector('#paper-out').innerText === '装纸'")
        assert page.handset.asked[-1] == ("printer", {"state": "paper_out"})
        tab.click(f"#tab-{TERMINAL_ID + 1}")
        assert tab.text_content("#events") == "" and tab.is_hidden("#paper")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_answer_that_came_twice_alarms_nobody_and_one_that_may_be_forged_does(page: Page,
                                                                              language: str):
    late, forged = {"zh": ("迟到或重复", "不可信"), "en": ("late or twice", "cannot be trusted"),
                    }[language]
    with opened(page.address, locale=language) as tab:
        for why, said in (("stray", late), ("unauthentic", forged), ("digest", forged),
                          ("epoch", forged)):
            page.says("set_aside", why=why)
            until(tab, "said => document.querySelector('#events li').innerText.includes(said)",
                  said)
