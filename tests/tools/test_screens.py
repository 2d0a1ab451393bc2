"""The picture of all screens is what the handset draws today, and no state is left out."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from firmware import checkout
from firmware.font import Font
from tests.support.system import missing
from tools import font, screens
from tools.errors import Unwritable

GOLDEN = Path(__file__).resolve().parents[2] / "firmware" / "screens.png"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory):
    if not font.UNIFONT.is_file():
        missing("no unifont: apt-get install unifont")
    path = tmp_path_factory.mktemp("font") / "font"
    letters = font.ascii_letters() + font.gb2312(font.ALL)
    font.write(font.build(font.read_hex(font.UNIFONT), letters), path)
    made = Font(str(path))
    yield made
    made.close()


def test_no_screen_has_changed_unseen(read: Font):
    drawn = screens.sheet(read)
    with Image.open(GOLDEN) as golden:
        assert drawn.size == golden.size, "run make screens, look at firmware/screens.png"
        differing = ImageChops.logical_xor(drawn, golden.convert("1")).getbbox()
    assert differing is None, f"differs in {differing}: run make screens, look at the picture"


def test_every_letter_of_every_screen_has_a_glyph(read: Font):
    for scene in screens.SCENES:
        for language in screens.LANGUAGES:
            for letter in "".join(screens.lines(scene, language)[1:4]):
                assert read.find(letter), (scene.name, language, letter)


def test_every_state_is_in_the_picture():
    states = {name for name, value in vars(checkout).items()
              if name.isupper() and isinstance(value, str)}
    shown = {scene.state.name for scene in screens.SCENES}
    assert {getattr(checkout, name) for name in states} == {
        name for name in shown if "." not in name}
    assert len({scene.name for scene in screens.SCENES}) == len(screens.SCENES)


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path):
    with pytest.raises(Unwritable, match="No picture was written"):
        screens.save(Image.new("1", (1, 1)), tmp_path / "nowhere" / "screens.png")
