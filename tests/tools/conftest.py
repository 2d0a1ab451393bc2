"""Fixtures of the tools' tests: databases of both kinds."""

from tests.support.databases import engine, sqlite_engine

__all__ = ["engine", "sqlite_engine"]
