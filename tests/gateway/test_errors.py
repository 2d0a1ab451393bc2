"""Errors: each kind has a code of its own, fit for a log and a search."""

import importlib
import pkgutil
from collections import Counter

import gateway
from gateway.errors import GatewayError


def kinds(root: type[GatewayError]) -> set[type[GatewayError]]:
    return {root}.union(*(kinds(kind) for kind in root.__subclasses__()))


def test_every_error_of_the_gateway_has_a_code_of_its_own():
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    ours = [kind for kind in kinds(GatewayError) if kind.__module__.startswith("gateway.")]
    codes = Counter(kind.code for kind in ours)
    assert len(ours) > 5 and [code for code, count in codes.items() if count > 1] == []
    assert all(code.isidentifier() and code.islower() for code in codes)
