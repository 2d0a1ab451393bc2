"""A page in a real headless Chromium, and what a test asks of it.

    with opened(address) as tab:
        tab.click('[data-key="1"]')

`opened` fails the test when the page logged an error, or asked another address for anything.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support.system import need_browser

# a person's patience, on a machine that is busy
WAIT_MS = 60_000
LIT = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, 128, 64);
  return Array.from({length: 128 * 64}, (_, place) => data[place * 4] > 100 ? 1 : 0);
}"""


def until(tab: Page, so: str, arg: object = None) -> None:
    """Wait until this is so on the page. Asked from outside each time: the page's own policy
    forbids what Playwright's wait_for_function evaluates within it from the second time on."""
    ends = time.monotonic() + WAIT_MS / 1000
    while not tab.evaluate(so, arg):
        assert time.monotonic() < ends, (so, arg)
        tab.wait_for_timeout(20)


@contextmanager
def opened(address: str, width: int = 1280, height: int = 900,
           locale: str = "zh-CN") -> Iterator[Page]:
    """The page at `address`, loaded by a browser that speaks the language of `locale`."""
    faults: list[str] = []
    with sync_playwright() as playwright:
        # as root Chromium has no sandbox; what it loads is our own
        browser = playwright.chromium.launch(executable_path=need_browser(),
                                             args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": height}, locale=locale)
        tab.set_default_timeout(WAIT_MS)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        tab.on("request", lambda asked: None if asked.url.startswith((address, "data:"))
               else faults.append(f"asked {asked.url}"))
        tab.goto(address)
        tab.wait_for_selector(".card")
        yield tab
        browser.close()
    assert not faults, faults


def pixels(tab: Page, canvas: str = "#screen") -> bytes:
    """What the canvas shows, as the display gets it: 1,024 bytes, a byte is eight pixels down."""
    lit: Any = tab.eval_on_selector(canvas, LIT)
    return bytes(sum(lit[(row * 8 + bit) * 128 + column] << bit for bit in range(8))
                 for row in range(8) for column in range(128))
