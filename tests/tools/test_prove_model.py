"""The model's own arithmetic."""

from tools.prove.model import Rate, points_of


def test_points_are_one_fraction_rounded_down_once():
    assert points_of(1250, Rate(0, 1, 100), 12000) == 15
    assert points_of(99, Rate(0, 1, 100), 10000) == 0
    assert points_of(1999, Rate(0, 3, 200), 15000) == 44
