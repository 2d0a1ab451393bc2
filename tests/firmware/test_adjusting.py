"""Settings changed at the counter: kept for the next boot, or nothing changed."""

import pytest

from firmware.errors import SettingsError
from tests.firmware.counter import Counter


@pytest.fixture
def counter() -> Counter:
    begun = Counter(language="en")
    begun.boot(on_settings=lambda made: setattr(begun, "settings", made))
    begun.wait(2)
    return begun


def test_the_language_changes_at_once_and_outlives_the_power(counter: Counter):
    counter.keys("D5")
    assert counter.lines[1:4] == ("1 English", "2 Volume 2", "3 Light 2")
    counter.keys("1")
    assert counter.lines[1:4] == ("1 中文", "2 音量 2", "3 亮度 2")
    counter.keys("22223")
    assert counter.lines[2:4] == ("2 音量 2", "3 亮度 3")
    counter.keys("4")
    assert counter.lines[3] == "启动 1"
    counter.cut()
    counter.boot()
    counter.keys("D5")
    assert counter.lines[1:4] == ("1 中文", "2 音量 2", "3 亮度 3")


def test_what_cannot_be_kept_changes_nothing(counter: Counter):
    def fails(made: object) -> None:
        raise SettingsError("settings: the storage is bad")

    counter.cut()
    counter.boot(on_settings=fails)
    counter.keys("D51")
    assert counter.lines[1:3] == ("Not kept", "All as before")
    counter.keys("*")
    assert counter.lines[1] == "1 English"


def test_a_language_without_letters_is_refused_by_name(counter: Counter):
    counter.cut()
    kept: list[object] = []
    counter.boot(on_settings=kept.append, display=None, show=lambda pixels: None)
    counter.keys("D5")
    assert counter.lines[1] == "1 English"
    counter.keys("1")
    assert counter.lines[1:3] == ("No Chinese font", "Call technician") and not kept
    counter.keys("*")
    assert counter.lines[1] == "1 English"
