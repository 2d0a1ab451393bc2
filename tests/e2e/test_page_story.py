"""A newcomer at the demo's page: real browser, real firmware on MicroPython, real ledger."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from firmware.font import Font
from firmware.screen import Screen
from gateway import database
from tests.support.browser import opened, pixels, until
from tests.support.system import missing
from tests.tools.test_demo import PATIENCE_S, Demo, play
from tools import font, tally

__all__ = ["play"]
TILL = 10_000_002  # speaks Chinese


def drawn(folder: Path, lines: list[str]) -> bytes:
    """These lines as the firmware's own screen draws them, here."""
    found: list[bytes] = []
    letters = Font(str(folder / "font"))
    Screen(lambda buffer: found.append(bytes(buffer)), letters).draw(tuple(lines))
    letters.close()
    return found[0]


class Till:
    """The page, and the ledger behind it."""

    def __init__(self, tab: Page, demo: Demo) -> None:
        self.tab = tab
        self.folder = demo.where.folder
        self.engine = database.open_engine(demo.where.database_url)

    def says(self, *rows: str) -> None:
        """Wait until these begin the rows of the screen; then the canvas is that very screen."""
        until(
            self.tab,
            "rows => { const lines = JSON.parse(document.querySelector('#screen').dataset.lines);"
            " return rows.every((row, at) => lines[at + 1] && lines[at + 1].startsWith(row)); }",
            list(rows))
        # both are taken at once: the handset may draw again at any moment
        lines = json.loads(self.tab.get_attribute("#screen", "data-lines") or "[]")
        seen = pixels(self.tab)
        if lines == json.loads(self.tab.get_attribute("#screen", "data-lines") or "[]"):
            assert seen == drawn(self.folder, lines)

    def key(self, amount: str) -> None:
        for digit in amount:
            self.tab.click(f'[data-key="{digit}"]')
        self.tab.click('[data-key="#"]')
        self.says("请刷卡")

    def facts(self, *words: str) -> None:
        until(
            self.tab,
            "words => words.every(word =>"
            " document.querySelector('#facts').innerText.includes(word))",
            list(words))

    def next(self, said: str) -> None:
        """Wait until the page says so of what to do next."""
        until(self.tab, "said => document.querySelector('#next').textContent === said", said)

    def signal(self, name: str) -> None:
        self.tab.click(f"#signal button:text-is('{name}')")

    def posted(self) -> list[tuple[int, int | None]]:
        return [(each.trace, each.amount_minor)
                for each in tally.read_entries(self.engine, [TILL])]


def need_letters() -> None:
    if not font.UNIFONT.is_file():
        missing("no unifont: apt-get install unifont")


def address(demo: Demo) -> str:
    """Where the page of this demo is, once it is a person's turn."""
    demo.until(lambda: "Ctrl-C ends it" in demo.said())
    found = re.search(r"http://127\.0\.0\.1:\d+/(?=\n)", demo.said())
    assert found
    return found[0]


@pytest.mark.timeout(600)
def test_a_newcomer_sells_loses_the_signal_and_the_power_and_every_tap_posts_once(
        play: Callable[..., Demo]):
    need_letters()
    demo = play("--terminals", "1", "--taps", "0", "--page", "0")
    with opened(address(demo)) as tab:
        till = Till(tab, demo)
        till.says("Pointwire")
        till.next("下一步：按数字键输入金额")
        till.key("1250")
        till.next("下一步：点一张卡")
        tab.click("[data-card='0']")
        till.says("积分 +18", "余额 18", "王*明")
        till.next("要做下一笔：按数字键输入金额")
        assert till.posted() == [(1, 1250)]
        tab.keyboard.press("D")
        till.says("撤销此笔?")
        till.next("下一步：# 是，* 否")
        tab.keyboard.press("*")
        till.says("积分 +18")
        tab.keyboard.press("A")
        till.says("请刷卡", "查询余额")
        till.next("下一步：点一张卡")
        tab.keyboard.press("*")
        till.says("Pointwire")

        # by keyboard alone
        for key in ("8", "0", "0", "1", "Backspace", "Enter"):
            tab.keyboard.press(key)
        till.says("请刷卡", "8.00")
        tab.focus("[data-card='2']")
        tab.keyboard.press("Enter")
        till.says("积分 +8", "余额 8", "李*")
        assert till.posted() == [(1, 1250), (2, 800)]

        # the signal goes: saved, and posted when it is back
        till.signal("无信号")
        till.facts("离线")
        till.key("600")
        tab.click("[data-card='2']")
        till.says("已保存")
        till.facts("1 笔未发送")
        assert len(till.posted()) == 2
        till.signal("弱")
        till.facts("在线", "0 笔未发送")
        assert till.posted()[2:] == [(3, 600)]

        # the power goes between the tap and its posting: it is named at the next boot
        till.signal("无信号")
        till.facts("离线")
        till.key("700")
        tab.click("[data-card='2']")
        till.says("已保存")
        tab.click("#power")
        tab.wait_for_selector("#dark", state="visible")
        assert pixels(tab) == bytes(1024) and len(till.posted()) == 3
        tab.click("#power")
        till.says("最近一笔", "尚未入账", "卡号 ..0021")
        till.facts("离线", "1 笔未发送")
        till.signal("强")
        till.facts("在线", "0 笔未发送")
        assert till.posted()[3:] == [(4, 700)]

        # cards that are no good
        till.key("500")
        tab.click(".is-two")
        till.says("请重新刷卡", "5.00", "有两张卡")
        tab.click(".is-unknown")
        till.says("已拒绝", "卡不存在")
        assert len(till.posted()) == 4
        till.engine.dispose()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0 and "Traceback" not in demo.said(), demo.said()


@pytest.mark.timeout(600)
def test_a_newcomer_logs_in_as_the_page_says_also_without_a_signal(play: Callable[..., Demo]):
    need_letters()
    demo = play("--login", "--terminals", "1", "--page", "0")
    with opened(address(demo)) as tab:
        till = Till(tab, demo)
        till.says("Pointwire", "请先登录")
        till.next("下一步：输入操作员编号，再按 #")
        assert "1 # 2468 # 林静" in tab.inner_text("#operators")
        assert "1 # 2468 #" in demo.said()
        tab.keyboard.type("1#")
        till.says("操作员1 密码")
        till.next("下一步：按屏幕提示输入数字，再按 #")
        tab.keyboard.type("2468#")
        till.says("操作员 1", "林静", "请输入金额")
        till.next("下一步：按数字键输入金额")
        till.key("1250")
        tab.click("[data-card='0']")
        till.says("积分 +18", "余额 18")

        # logged out, and in again without a signal: sales only
        tab.keyboard.type("*D8")
        till.says("Pointwire", "请先登录")
        till.signal("无信号")
        till.facts("离线")
        tab.keyboard.type("1#2468#")
        till.says("操作员 1", "离线登录", "仅可积分")
        till.key("600")
        tab.click("[data-card='0']")
        till.says("已保存")
        till.signal("强")
        till.facts("在线", "0 笔未发送")
        assert till.posted() == [(1, 1250), (2, 600)]
        till.engine.dispose()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0 and "Traceback" not in demo.said(), demo.said()
