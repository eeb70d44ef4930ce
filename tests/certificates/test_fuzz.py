"""A short run of what `./ccxsec fuzz` does at length."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from certificates.x509.reading import read_upload
from tests.fuzz.campaign import run
from tests.fuzz.seeds import seeds

pytestmark = pytest.mark.spec("CM-13")
ROOT = Path(__file__).resolve().parents[2]


def test_damaged_certificates_are_refused_and_nothing_else_happens() -> None:
    report = run(count=2000, seed=20261125)

    assert report.failures == []
    assert report.accepted > 20
    assert report.refused.total() == 2000 - report.accepted
    assert len(report.refused) > 10


def test_the_same_seed_makes_the_same_run() -> None:
    first, second = (run(count=60, seed=5) for _ in range(2))

    assert (first.accepted, first.refused) == (second.accepted, second.refused)


def test_the_seeds_are_readable() -> None:

    assert all(read_upload(data).certificates for data in seeds(Random(3)))


def test_the_command_tells_what_it_did() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--count", "40", "--seed", "9"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Seed 9: 40 inputs, ")
    assert done.stdout.endswith(" 0 failures\n")
