"""Errors of the command: a code of its own for each, and an exit code that is never 0 or 2."""

from tools import errors


def test_every_error_says_how_the_process_ends():
    kinds = [kind for kind in vars(errors).values()
             if isinstance(kind, type) and issubclass(kind, errors.ToolError)]
    assert len(kinds) > 4
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.exit_code > 2 for kind in kinds)
