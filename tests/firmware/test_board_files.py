"""The files' partition on a real littlefs: mounted, named when broken, never formatted unasked."""

import re
from pathlib import Path

import pytest

from tests.support.micropython import run

STORIES = re.findall(r"^def (\w+)\(\):", Path(__file__).with_name("files_on_flash.py").read_text(),
                     re.MULTILINE)
HELPERS = {"fresh", "unmount"}
# everything is imported before the files of this machine are unmounted
TELL = "from tests.firmware import files_on_flash as told\n"


@pytest.mark.parametrize("story", sorted({*STORIES} - HELPERS))
def test_it_comes_true(story: str):
    run(TELL + f"told.{story}()", heap="4M")
