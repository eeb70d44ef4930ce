"""Which versions have a fixture, and which the change log names."""

import re

from tests.product import ROOT
from tests.upgrade.make import HERE


def released() -> list[str]:
    """The versions of CHANGELOG.md, the newest first."""
    text = (ROOT / "CHANGELOG.md").read_text()
    return re.findall(r"^## (\d+\.\d+\.\d+)\b", text, re.MULTILINE)


def packed() -> list[str]:
    """The versions with a fixture, the oldest first: 0.1, 0.2, ..."""
    names = [path.name.removesuffix(".tar.gz") for path in HERE.glob("*.tar.gz")]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))


def fixture_of(version: str) -> str:
    """Versions that change no more than the last number share the one of the first."""
    return version.rpartition(".")[0]
