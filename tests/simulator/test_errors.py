"""Errors of the room: one root, and a code of its own for each."""

from simulator import errors, live, packets


def test_every_error_has_the_root_and_a_code_of_its_own():
    kinds = [kind for module in (errors, live, packets) for kind in vars(module).values()
             if isinstance(kind, type) and issubclass(kind, errors.SimulatorError)]
    codes = {kind: kind.code for kind in kinds}
    assert len(codes) >= 8 and len(set(codes.values())) == len(codes)
