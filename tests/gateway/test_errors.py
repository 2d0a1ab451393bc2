"""Errors of the gateway: one root, a code each."""

import gateway.intake  # noqa: F401  (loads the modules that define errors)
import gateway.registry  # noqa: F401
from gateway.errors import GatewayError, TryLater


def _all(kind: type) -> set[type]:
    return {kind}.union(*(_all(each) for each in kind.__subclasses__()))


def test_every_error_has_a_code_of_its_own():
    found = [each for each in _all(GatewayError) if each.__module__.startswith("gateway")]
    codes = [each.code for each in found]
    assert len(found) > 8 and len(set(codes)) == len(codes)


def test_try_later_is_a_gateway_error():
    assert TryLater("x").code == "try_later"
