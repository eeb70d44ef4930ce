"""A file that is not what it was at the last look stops nothing, and is looked at again (BK-3)."""

import os

import pytest

from bulk.models import ExchangeServer
from bulk.operations import request_consolidate, request_export
from bulk.seen import Seen
from certificates.models import Job
from tests.bulk.exchanging import Exchanging, Foreign, done

pytestmark = pytest.mark.spec("BK-3", "BK-5")


def problem(exchanging: Exchanging) -> str:
    exchanging.look()
    [export] = Seen.of_json(ExchangeServer.objects.current().seen).exports
    return export.problem


def test_an_export_that_got_the_right_to_be_read_is_read(
    exchanging: Exchanging, south: Foreign
) -> None:
    path = exchanging.place.directory / exchanging.publish(south)
    path.chmod(0)  # which changes neither size nor time
    denied = problem(exchanging)
    path.chmod(0o644)

    assert "denied" in denied
    assert problem(exchanging) == ""


def test_an_export_that_was_swapped_after_the_look_stops_no_other(
    exchanging: Exchanging, south: Foreign
) -> None:
    """Same name, size and time: the look does not read it again, the consolidation does."""
    swapped = exchanging.publish(Foreign("East", "ccx1.east.example.com"))
    exchanging.publish(south)
    done(request_export("tomcat", actor=exchanging.actor))
    path = exchanging.place.directory / swapped
    about = path.stat()
    path.write_bytes(bytes(about.st_size))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    job = request_consolidate(actor=exchanging.actor)

    assert "Consolidated 2 exports of 2 clusters" in done(job)
    told = [line for line in Job.objects.get(pk=job.pk).messages if swapped in line]
    assert len(told) == 1
    assert "left out" in told[0]
