"""A directory in which each may remove only its own files, as in /tmp: nobody is stopped (BK-5)."""

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from bulk.exchange.names import consolidated_name, export_name, part_name
from bulk.operations import request_consolidate, request_export
from tests.bulk.exchanging import Exchanging, Foreign, done

pytestmark = [
    pytest.mark.spec("BK-5"),
    pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root"),
]
TOKEN = "0" * 16


@pytest.fixture
def sticky(exchanging: Exchanging, south: Foreign) -> Iterator[Exchanging]:
    """It is somebody else's, and so is whatever is `left` there."""
    folder = exchanging.place.directory
    exchanging.publish(south)
    done(request_export("tomcat", actor=exchanging.actor))
    about = folder.stat()
    os.chown(folder, 0, 0)
    folder.chmod(0o1777)
    yield exchanging
    os.chown(folder, about.st_uid, about.st_gid)
    folder.chmod(stat.S_IMODE(about.st_mode))


def left(exchanging: Exchanging, name: str) -> Path:
    """Somebody else's file, two days old."""
    path = exchanging.place.directory / name
    path.write_bytes(b"x")
    path.chmod(0o644)
    then = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(path, (then, then))
    return path


def test_what_others_left_stops_no_export(sticky: Exchanging) -> None:
    names = [
        part_name(sticky.cluster_id, TOKEN),
        part_name("5a0b7f0e-7a3c-4f58-9a57-0d8a6f6b1f10", TOKEN),
        export_name("tomcat", sticky.cluster_id, 7),
    ]
    paths = [left(sticky, name) for name in names]

    done(request_export("tomcat", actor=sticky.actor))

    assert all(path.exists() for path in paths)
    assert export_name("tomcat", sticky.cluster_id, 8) in sticky.place.names


def test_the_consolidated_file_of_another_stops_no_consolidation(sticky: Exchanging) -> None:
    former = left(sticky, consolidated_name(3))

    said = done(request_consolidate(actor=sticky.actor))

    assert consolidated_name(4) in said
    assert former.exists()
