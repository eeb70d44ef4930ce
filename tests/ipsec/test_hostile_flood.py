"""Who sends packets that fail, in a peer's name, fills no database and holds up no listener."""

import threading
from collections.abc import Iterator

import pytest

from ipsec.listener import FAILURES, Listener
from ipsec.models import Negotiation
from tests.ipsec.conftest import HERE, THERE, Add

pytestmark = [pytest.mark.spec("IP-7"), pytest.mark.django_db(transaction=True)]
REASONS = ("received NO_PROPOSAL_CHOSEN error notify", "received TS_UNACCEPTABLE notify")


def failed(number: int) -> Iterator[dict[str, bytes]]:
    """The log of one negotiation that fails."""
    packet = f"received packet: from {THERE}[500] to {HERE}[500] (36 bytes)"
    for line in (packet, REASONS[number % 2]):
        yield {"ikesa-uniqueid": str(number).encode(), "msg": line.encode()}


def test_failures_without_end_are_few_rows(add: Add) -> None:
    add("web", enabled=True)
    listener = Listener(threading.Event())

    for number in range(200):
        for message in failed(number):
            listener._hear("log", message)

    assert 1 <= Negotiation.objects.count() <= FAILURES
