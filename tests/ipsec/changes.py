"""What the tests of changes to policies ask: what was refused, told and queued."""

from collections.abc import Callable
from typing import Any

import pytest

from certificates.models import Event, Job
from certificates.refusal import Refused
from ipsec.policy.choices import Authentication, PeerType, Protocol
from tests.test_urls import state

OTHER_KEY = "another-key-5678"
TCP: dict[str, Any] = {"protocol": Protocol.TCP, "destination_port": 443}
NAMED: dict[str, Any] = {
    "authentication": Authentication.CERTIFICATE,
    "peer_type": PeerType.DIFFERENT,
    "certificate_name": "nobody",
}


def refused(operation: Callable[[], object], code: str) -> Refused:
    """What was refused; it has changed nothing, not a byte of the database."""
    before = state()
    with pytest.raises(Refused) as error:
        operation()
    assert error.value.code == code
    assert error.value.cure
    assert state() == before
    return error.value


def actions() -> list[str]:
    """Of policies, oldest first."""
    rows = Event.objects.filter(action__startswith="policy:").order_by("sequence")
    return [row.action.removeprefix("policy:") for row in rows]


def applies() -> int:
    return Job.objects.filter(kind="ipsec-apply").count()
