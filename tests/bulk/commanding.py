"""Runs `./ccxsec bulk` inside the test's process."""

from tests.commanding import Commanding

_bulk = Commanding("bulk")
run, printed, refused, refused_with = _bulk.run, _bulk.printed, _bulk.refused, _bulk.refused_with
