"""Fixtures of the gateway's tests: databases of both kinds."""

from tests.support.databases import engine, postgresql_engine, sqlite_engine

__all__ = ["engine", "postgresql_engine", "sqlite_engine"]
