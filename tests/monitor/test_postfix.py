"""The same through a mail server that others wrote: postfix (MO-2, MO-3)."""

import email
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, Delivery, Node
from certificates.operations import send_trial
from certificates.operations.monitoring import run_monitor
from tests.conftest import NOW
from tests.monitor.certificates import trusted
from tests.monitor.conftest import Configure
from tests.monitor.postfix import DOMAIN, postfix

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-2", "MO-3")]
DAY = timedelta(days=1)


@pytest.fixture
def box(configure: Configure, settings: Settings) -> Iterator[Path]:
    """The folder of a postfix that the monitor is set to; tmp_path is closed to its user."""
    with tempfile.TemporaryDirectory(prefix="ccxsec-postfix-") as name:
        folder = Path(name)
        with postfix(folder) as port:
            settings.CCXSEC_SMTP_CA_FILE = str(folder / "ca.pem")
            configure(
                email_enabled=True,
                addresses=f"ops@{DOMAIN};nobody@{DOMAIN};second@{DOMAIN}",
                smtp_host="localhost",
                smtp_port=port,
            )
            yield folder


def arrived(folder: Path, name: str, count: int) -> list[EmailMessage]:
    """What lies in a mailbox, once there are so many."""
    deadline = time.monotonic() + 15
    while len(files := list((folder / "mail" / name / "new").glob("*"))) < count:
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    read = [email.message_from_bytes(file.read_bytes(), policy=default) for file in sorted(files)]
    return [one for one in read if isinstance(one, EmailMessage)]


def test_postfix_delivers_a_digest_and_refuses_one_address(
    box: Path, node: Node, expiring: Callable[..., Certificate]
) -> None:
    trusted(node, [NOW + timedelta(hours=number) for number in range(300)])
    expiring(NOW + DAY, common_name="a\r\nBcc: evil@example.com")

    run_monitor(now=NOW)

    states = dict(Delivery.objects.filter(message__channel="email").values_list("address", "state"))
    assert states == {
        f"ops@{DOMAIN}": "sent",
        f"nobody@{DOMAIN}": "refused",
        f"second@{DOMAIN}": "sent",
    }
    replies = dict(
        Delivery.objects.filter(message__channel="email").values_list("address", "reply")
    )
    assert replies[f"ops@{DOMAIN}"].startswith("250 2.0.0 Ok: queued as ")
    assert replies[f"nobody@{DOMAIN}"].startswith("550 5.1.1 ")
    for name in ("box", "second"):
        [message] = arrived(box, name, 1)
        assert message["Bcc"] is None
        assert "74 critical, 227 warning" in message["Subject"]
        [table] = message.iter_attachments()
        assert len(table.get_content().splitlines()) == 302


def test_postfixs_own_answer_to_a_test(box: Path, configure: Configure, actor: Actor) -> None:
    configure(addresses=f"ops@{DOMAIN}")

    trial = send_trial(None, actor=actor, now=NOW)

    assert trial.sentence.startswith("The server took the test message: 250 2.0.0 Ok: queued as")
    assert arrived(box, "box", 1)[0]["Subject"] == "[ccxsec] Test message"
