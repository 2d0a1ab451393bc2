"""pointwire.cddl as an independent judge, by cddl-verifier."""

import functools
from pathlib import Path

from cddl_verifier import Validator

CDDL = Path(__file__).resolve().parents[2] / "protocol" / "pointwire.cddl"


@functools.cache
def validator() -> Validator:
    return Validator(CDDL)


def accepts(data: bytes, rule: str) -> bool:
    """Whether CBOR bytes fit a rule of the CDDL (`frame`, `request`, `reply`)."""
    return validator().validate(data, root_type=rule).valid


def assert_accepted(data: bytes, rule: str):
    result = validator().validate(data, root_type=rule)
    assert result.valid, [str(each) for each in result.diagnostics]
