"""Webhook and syslog beside e-mail: the same notices, the same care."""

import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from certificates.models import Certificate, Delivery, Message, Secret
from certificates.operations.monitoring import run_monitor
from certificates.refusal import Refused
from certificates.webhook import checked_url
from tests.conftest import NOW
from tests.monitor.conftest import Configure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-2")]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Expiring = Callable[..., Certificate]


class Hook(ThreadingHTTPServer):
    """Keeps what it was sent; answers with `status`, or not at all (0)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.asked: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?a=b"


class Receiver(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        if not self.server.status:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.end_headers()
        self.wfile.write(b"noted")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def state() -> str:
    return Delivery.objects.filter(message__channel="webhook").latest("pk").state


def test_a_webhook_gets_the_digest_signed_once_a_period(
    hook: Hook, configure: Configure, expiring: Expiring
) -> None:
    configure(webhook_url=hook.url)
    expiring(NOW + DAY)
    for minutes in (0, 1, 60, 24 * 60):
        run_monitor(now=NOW + minutes * MINUTE)

    assert len(hook.got) == 2
    headers, body = hook.got[0]
    key = Secret.objects.get(name="monitor-webhook").unseal()
    signed = headers["X-Ccxsec-Timestamp"].encode() + b"." + body
    wanted = hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert headers["X-Ccxsec-Signature"] == f"sha256={wanted}"
    sent = json.loads(body)
    assert sent["counts"] == {"expired": 0, "critical": 1, "warning": 0, "notice": 0}
    assert sent["certificates"][0]["file_name"] == "CA_0.pem"
    assert state() == "sent"


def test_the_log_of_deliveries_is_read_by_who_may_not_read_its_query(
    hook: Hook, configure: Configure, expiring: Expiring, as_role: Callable[..., Client]
) -> None:
    configure(webhook_url=f"{hook.url}&key=planted-secret")
    expiring(NOW + DAY)
    run_monitor(now=NOW)
    message = Message.objects.get(channel="webhook").pk
    auditor, log = as_role("Auditor"), "/admin/certificates/delivery/"
    pages = ["/admin/monitor/", log, f"{log}message/{message}/", f"{log}export.json"]
    pages.append(f"{log}message/{message}/addresses.json")

    shown = [b"".join(auditor.get(page)).decode() for page in pages]

    assert hook.asked == ["/hook?a=b&key=planted-secret"]
    assert [page for page, text in zip(pages, shown, strict=True) if "planted" in text] == []
    assert all(hook.url.partition("?")[0] in text for text in shown)


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_what_is_not_taken_comes_again_and_redirects_are_not_followed(
    hook: Hook, configure: Configure, expiring: Expiring, status: int
) -> None:
    configure(webhook_url=hook.url)
    expiring(NOW + DAY)
    hook.status = status
    run_monitor(now=NOW)
    assert len(hook.got) == 1
    assert Message.objects.get(channel="webhook").state == "not sent"

    hook.status = 204
    run_monitor(now=NOW + 20 * MINUTE)
    assert len(hook.got) == 2
    assert state() == "sent"


@pytest.mark.spec("MO-4")
def test_no_answer_repeats_the_same_request_once(
    hook: Hook, configure: Configure, expiring: Expiring
) -> None:
    configure(webhook_url=hook.url)
    expiring(NOW + DAY)
    hook.status = 0
    for minutes in (0, 20, 40, 60):
        run_monitor(now=NOW + minutes * MINUTE)

    assert len(hook.got) == 2
    assert hook.got[0][1] == hook.got[1][1]
    assert hook.got[0][0]["X-Ccxsec-Delivery"] == hook.got[1][0]["X-Ccxsec-Delivery"]
    assert state() == "unknown"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://x.example/",
        "https://",
        "https://x.example:0/",
        "https://x.example:99999/",
        "https://a b/",
        "https://x.example/\r\nHost: y",
        "https://user:pw@x.example/",
        "javascript:alert(1)",
        f"https://x.example/{'a' * 500}",
        "https://-x.example/",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        checked_url(url)

    assert refusal.value.code == "webhook.url"


def test_the_clouds_own_address_is_not_asked(configure: Configure, expiring: Expiring) -> None:
    configure(webhook_url="https://169.254.169.254/latest")
    expiring(NOW + DAY)

    run_monitor(now=NOW)

    assert "'169.254.169.254' is link-local" in Message.objects.get(channel="webhook").problem


def test_each_notice_is_a_line_of_the_log_and_of_syslog(
    configure: Configure,
    expiring: Expiring,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.settimeout(5)
        settings.CCXSEC_SYSLOG = str(tmp_path / "log")
        configure(syslog_enabled=True)
        expiring(NOW + DAY)
        with caplog.at_level(logging.INFO):
            run_monitor(now=NOW)
            run_monitor(now=NOW + MINUTE)
        line = listener.recv(4096).decode()
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.recv(4096)

    assert line.startswith("<131>ccxsec: certificate-expiry file=")  # local0, error
    assert 'unit="tomcat-trust" type="trust-cert" node="ccx1.example.com" cn="CA 0"' in line
    told = [r.getMessage() for r in caplog.records if r.name == "certificates.expiry"]
    assert told == [line.removeprefix("<131>ccxsec: ")]


@pytest.mark.parametrize("address", ["/nowhere/log", "127.0.0.1:9"])
def test_a_log_server_that_is_not_there_fails_no_run(
    configure: Configure, expiring: Expiring, settings: Settings, address: str
) -> None:
    settings.CCXSEC_SYSLOG = address
    configure(syslog_enabled=True)
    expiring(NOW + DAY)

    run_monitor(now=NOW)

    assert Message.objects.get(channel="syslog").state == "sent"
