"""A monitor that is set to a real mail server, and certificates that expire when a test wants."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, MonitorSettings, Node
from certificates.operations import configure_monitor
from certificates.operations.monitoring import MonitorChange
from tests.conftest import NOW
from tests.monitor.certificates import trusted
from tests.monitor.mail_server import PASSWORD, USER, Script, mail_server

TO = "ops@example.com"
Configure = Callable[..., MonitorSettings]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a mail server with STARTTLS and sign-in."""
    folder = tmp_path_factory.getbasetemp() / "mail"
    with mail_server(folder, script) as port:
        yield port


@pytest.fixture
def configure(
    node: Node, actor: Actor, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Configure:
    """Change a part of the settings."""
    settings.CCXSEC_SMTP_CA_FILE = str(tmp_path_factory.getbasetemp() / "mail" / "ca.pem")

    def call(**changes: Any) -> MonitorSettings:
        change = replace(MonitorChange.of(MonitorSettings.objects.current()), **changes)
        return configure_monitor(change, actor=actor, now=NOW)

    return call


@pytest.fixture
def monitored(server: int, configure: Configure) -> MonitorSettings:
    """E-mail to one address by that server, 30 days before and then daily."""
    return configure(
        email_enabled=True,
        addresses=TO,
        smtp_host="localhost",
        smtp_port=server,
        smtp_user=USER,
        smtp_password=PASSWORD,
        smtp_sender="ccxsec@example.com",
    )


@pytest.fixture
def expiring(node: Node) -> Callable[..., Certificate]:
    """Put a certificate into a trust store."""

    def call(not_after: datetime, **columns: Any) -> Certificate:
        return trusted(node, [not_after], **columns)[0]

    return call
