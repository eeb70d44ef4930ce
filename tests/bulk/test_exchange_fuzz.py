"""A short run of what `./ccxsec fuzz exchange` does at length."""

import pytest

from tests.fuzz.exchange import run

pytestmark = pytest.mark.spec("BK-5")


def test_damaged_archives_are_refused_and_nothing_else_happens() -> None:
    report = run(count=3000, seed=20261126)

    assert report.failures == []
    assert report.inputs == 3000
    assert report.accepted > 20
    assert {
        "archive.form",
        "archive.entry",
        "archive.manifest",
        "archive.hash",
        "archive.count",
        "archive.signature",
        "archive.version",
    } <= set(report.refused)
