"""What a cashier sees of a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.names import SIZE_MAX, mask


@pytest.mark.parametrize("name, masked", [
    ("王小明", "王*明"), ("王明", "王*"), ("王", "王"), ("欧阳小明", "欧**明"),
    ("John Smith", "J*** S****"), ("Wolfeschlegelsteinhausen", "W*****"), ("", ""),
    ("  Ann   Lee ", "A** L**"), ("Zoë", "Z**"), ("王 小明", "王 小*")])
def test_a_name_is_masked(name, masked):
    assert mask(name) == masked


@given(st.text())
def test_any_name_fits_the_reply_and_shows_at_most_an_initial_a_word(name):
    masked = mask(name)
    assert len(masked.encode()) <= SIZE_MAX
    assert len([letter for letter in masked if letter not in "* "]) <= 2 * len(name.split()) + 1
