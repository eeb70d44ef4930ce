"""What a test needs of the machine: without it, it fails in CI and is skipped elsewhere."""

import os
import shutil

import pytest


def in_ci() -> bool:
    return bool(os.environ.get("CI"))


def needs(program: str, package: str) -> str:
    """The path of a program; without it the test fails in CI, and is skipped elsewhere."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        message = f"{program} is missing: apt-get install {package}"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    return str(found)
