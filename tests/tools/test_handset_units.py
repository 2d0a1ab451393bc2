"""Cold functions: each exists, stands in one unit only, and its unit stays small."""

from tests.support.micropython import need_micropython
from tools.handset_program import UNIX, linked_program
from tools.handset_units import COLD

# about 5 KB of heap while it runs; a larger unit would no longer find room in a small one
UNIT_SIZE_MAX = 9000


def test_each_function_is_cold_in_one_unit():
    named = [name for names in COLD.values() for name in names]
    assert len(named) == len(set(named))


def test_every_unit_is_made_and_none_is_large():
    linked = linked_program(need_micropython(), UNIX)
    assert set(COLD) == set(linked.files)
    sizes = {unit: len(linked.units[linked.files[unit]]) for unit in COLD}
    large = {unit: size for unit, size in sizes.items() if size > UNIT_SIZE_MAX}
    assert not large
