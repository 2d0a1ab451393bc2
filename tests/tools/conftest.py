"""Fixtures of the tools' tests: databases of both kinds."""

from tests.support.databases import engine

__all__ = ["engine"]
