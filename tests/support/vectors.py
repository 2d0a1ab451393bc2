"""Test vectors that lie beside the project: found, or the test says what is missing.

They are looked for in the folder that POINTWIRE_VECTORS names, else in ../shared/vectors
beside the project. With CI=true their absence fails.
"""

import functools
import json
import os
from pathlib import Path

from tests.support.system import missing

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """The folder of vectors; skips (or fails in CI) where there is none."""
    named = os.environ.get("POINTWIRE_VECTORS")
    place = Path(named) if named else ROOT.parent / "shared" / "vectors"
    if not (place / "wire.json").is_file():
        missing(f"no test vectors in {place}: set POINTWIRE_VECTORS")
    return place


def vector(name: str) -> Path:
    """One file of the vectors, `cose/mac0-tests-HMac-01.json` for example."""
    path = folder() / name
    if not path.is_file():
        missing(f"no test vector {path}")
    return path


@functools.cache
def _wire(path: Path) -> dict:
    return json.loads(path.read_text())


def wire() -> dict:
    """wire.json: keys, a sale with its reply, an authorise, the rekey wrap."""
    return _wire(vector("wire.json"))
