"""Notices through a real mail server: once a period, to everybody, whatever goes wrong (MO-2)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from certificates.models import Certificate, Delivery, MonitorSettings
from certificates.operations.monitoring import run_monitor
from tests.conftest import NOW
from tests.monitor.conftest import TO
from tests.monitor.mail_server import Script

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-2")]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Expiring = Callable[..., Certificate]


def test_the_first_notice_comes_at_the_start_time_and_then_at_the_frequency(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    start = NOW
    expiring(start + 30 * DAY)

    sent = []
    for minutes in (-1, 0, 1, 60, 24 * 60 - 1, 24 * 60, 24 * 60 + 1, 48 * 60):
        run_monitor(now=start + minutes * MINUTE)
        sent.append(len(script.taken))

    assert sent == [0, 1, 1, 1, 1, 2, 2, 3]
    message = script.messages[0]
    assert message["To"] == TO
    assert "CA_0.pem on ccx1.example.com expires in 30 days" in message["Subject"]
    assert "CA 0" in message.get_body(("plain",)).get_content()
    assert Delivery.objects.filter(message__channel="email").first().reply == "250 2.0.0 queued as 000003"
