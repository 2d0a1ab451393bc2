"""Takes the picture of the demo's page for the README: python -m tests.tools.page_picture OUT"""

import re
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.support.browser import opened, until
from tests.tools.test_demo import Demo

COLOURS = 255
SHOWS = "text => document.querySelector('#screen').dataset.lines.includes(text)"


def take(out: Path) -> None:
    """A sale, and one while the signal is lost, in English."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder) / "demo", "--terminals", "3", "--taps", "6", "--page", "0")
        try:
            demo.until(lambda: "Ctrl-C ends it" in demo.said())
            found = re.search(r"http://127\.0\.0\.1:\d+/(?=\n)", demo.said())
            assert found
            with opened(found[0], height=1180, locale="en-US") as tab:
                tab.click("#handsets button:nth-of-type(2)")
                for amount, card, lost, ends in (("1250", 0, False, "Posted"),
                                                 ("800", 2, True, "Saved")):
                    if lost:
                        tab.click("#signal button:nth-of-type(3)")
                    tab.keyboard.type(amount + "#", delay=50)
                    until(tab, SHOWS, arg="Tap the card")
                    tab.click(f"[data-card='{card}']")
                    until(tab, SHOWS, arg=ends)
                tab.mouse.move(0, 0)
                tab.wait_for_timeout(500)
                shot = tab.screenshot()
        finally:
            demo.process.terminate()
            demo.process.wait()
    Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS).save(out, "PNG", optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
