"""The two places in which scenes are played: this machine's kernel, and one with ESP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.ipsec.esp_kernel import EspKernel, esp_kernel
from tests.lab.ipsec.product import Laboratory, laboratory
from tests.parts import needs_ipsec

pytest.register_assert_rewrite("tests.lab.ipsec.verdict")


@pytest.fixture(scope="session")
def lab(installed: Path) -> Iterator[Laboratory]:
    """Two products on hosts whose daemons negotiate; where ESP lacks, no packet follows."""
    needs_ipsec()
    with laboratory(installed) as made:
        yield made


@pytest.fixture(scope="session")
def esp(installed: Path) -> Iterator[EspKernel]:
    """The same with ESP: scenes are played there."""
    needs_ipsec(esp=True)
    with esp_kernel(installed) as kernel:
        yield kernel
