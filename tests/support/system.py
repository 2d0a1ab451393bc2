"""System programs a test needs: found, or the test says what is missing.

On a person's machine a missing program skips the test with one line; with CI=true it fails,
because CI installs everything and a skipped proof is no proof.
"""

import os
import shutil

import pytest

DEBIAN_PACKAGES = {"mosquitto": "mosquitto"}
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
SBIN = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


def in_ci() -> bool:
    """True when CI=true: nothing may be skipped."""
    return os.environ.get("CI", "").lower() == "true"


def missing(reason: str):
    """Skip with `reason` on a person's machine, fail with it in CI."""
    if in_ci():
        pytest.fail(f"CI=true and {reason}", pytrace=False)
    pytest.skip(reason)


def need(program: str) -> str:
    """Path of a system program, else skip (or fail in CI) with the package that brings it."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":" + SBIN)
    if path is None:
        package = DEBIAN_PACKAGES.get(program, program)
        missing(f"{program} is not installed: apt-get install {package} (macOS: brew)")
    assert path is not None
    return path


def need_browser() -> str:
    """Path of a Chromium, else as `need`."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or need(BROWSERS[0])
