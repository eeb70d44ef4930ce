"""What a test needs of the machine: without it, it fails in CI and is skipped elsewhere."""

import os
import shutil
from typing import NoReturn

import pytest


def in_ci() -> bool:
    return bool(os.environ.get("CI"))


def is_missing(what: str, package: str) -> NoReturn:
    """A part is not there: the test fails in CI, and is skipped elsewhere."""
    message = f"{what} is missing: apt-get install {package}"
    pytest.fail(message) if in_ci() else pytest.skip(message)


def needs(program: str, package: str) -> str:
    """The path of a program; without it the test fails in CI, and is skipped elsewhere."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        is_missing(program, package)
    return str(found)
