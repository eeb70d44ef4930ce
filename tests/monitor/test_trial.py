"""The test message: the server's own answer, in words, for each way to fail (MO-3)."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import translation
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Event, Node
from certificates.operations import send_trial
from certificates.operations.monitoring import MonitorChange
from certificates.operations.monitoring.trial import Trial
from certificates.refusal import Refused
from certificates.sentence import in_language
from tests.conftest import NOW
from tests.monitor.mail_server import (
    PASSWORD,
    RESET,
    SILENCE,
    USER,
    Key,
    Script,
    mail_server,
    one_liner,
)
from tests.product import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-3")]
TO = "a@example.com;b@example.com"
CHANGE = MonitorChange(
    30,
    1,
    "days",
    True,
    TO,
    smtp_host="localhost",
    smtp_user=USER,
    smtp_sender="ccxsec@example.com",
    smtp_password=PASSWORD,
)


@pytest.fixture(autouse=True)
def _quick(node: Node, settings: Settings, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    settings.CCXSEC_SMTP_CA_FILE = str(folder / "ca.pem")
    monkeypatch.setattr("certificates.operations.monitoring.trial.PATIENCE", 0.7)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "mail"


def tried(actor: Actor, port: int, **changes: object) -> Trial:
    change = replace(CHANGE, smtp_port=port, **changes)  # type: ignore[arg-type] # a test's own
    return send_trial(change, actor=actor, now=NOW)


def test_the_message_is_in_the_language_of_the_product_and_the_answer_in_the_readers(
    actor: Actor, server: int, script: Script, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "ja"
    told = {}
    for language in ("en", "ja"):
        with translation.override(language):
            told[language] = in_language(tried(actor, server).sentence)

    assert [message["Subject"] for message in script.messages] == ["[ccxsec] テストメッセージ"] * 2
    assert told["en"].startswith("The server took the test message: 250")
    assert told["ja"].startswith("サーバーがテストメッセージを受け付けました: 250")


def test_a_message_arrives_and_the_answer_is_shown(
    actor: Actor, server: int, script: Script
) -> None:
    trial = tried(actor, server)

    assert trial.was_taken
    assert trial.sentence == "The server took the test message: 250 2.0.0 queued as 000001."
    assert trial.lines[1] == "b@example.com: 250 2.1.5 recipient fine"
    assert script.messages[0]["Subject"] == "[ccxsec] Test message"
    assert Event.objects.get(action="monitor:test").object_text == f"localhost port {server}"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"MAIL": "451 4.3.0 try later"}, "refused the sender ccxsec@example.com: 451 4.3.0"),
        ({"MAIL": "552 5.3.4 too big"}, "552 5.3.4 too big"),
        ({"MAIL": RESET}, "broke while naming the sender"),
        ({"MAIL": SILENCE}, "naming the sender"),
        ({"RCPT": "550 5.1.1 unknown"}, "took none of the recipients: 550 5.1.1 unknown"),
        ({"RCPT": "421 4.3.2 bye"}, "none of the recipients: 421 4.3.2 bye"),
        ({"DATA": "451 4.3.0 full"}, "refused the message: 451 4.3.0 full"),
        ({"DATA": "554 5.7.1 spam"}, "refused the message: 554 5.7.1 spam"),
        ({"DATA": RESET}, "the server may have it"),
        ({"DATA": SILENCE}, "the server may have it"),
    ],
)
def test_each_fault_has_the_servers_own_words(
    actor: Actor, server: int, script: Script, faults: dict[Key, str], words: str
) -> None:
    script.faults = faults

    trial = tried(actor, server)

    assert not trial.was_taken
    assert words in trial.sentence


def test_one_refused_address_of_two_is_named(actor: Actor, server: int, script: Script) -> None:
    script.faults["RCPT", "b@example.com"] = "550 5.1.1 unknown"

    trial = tried(actor, server)

    assert not trial.was_taken
    assert "It refused 1 of 2 addresses." in trial.sentence
    assert trial.lines[1] == "b@example.com: 550 5.1.1 unknown"
    assert len(script.taken) == 1


def test_a_wrong_password_is_told_and_never_shown(actor: Actor, server: int) -> None:
    trial = tried(actor, server, smtp_password="wrong-secret")

    assert "refused user or password: 535" in trial.sentence
    assert "wrong-secret" not in str(trial)
    assert "wrong-secret" not in repr(list(Event.objects.values()))


def test_nobody_there(actor: Actor) -> None:
    assert "connection refused" in tried(actor, free_port()).sentence


def test_a_name_that_is_unknown(actor: Actor, server: int) -> None:
    trial = tried(actor, server, smtp_host="no-such-host.invalid")

    assert "name of the server is not known" in trial.sentence


def test_a_certificate_that_is_not_trusted(actor: Actor, server: int, settings: Settings) -> None:
    settings.CCXSEC_SMTP_CA_FILE = ""

    assert "is not trusted: " in tried(actor, server).sentence


def test_tls_to_a_starttls_port_and_the_other_way_round(
    actor: Actor, server: int, script: Script, folder: Path
) -> None:
    assert "Choose STARTTLS" in tried(actor, server, smtp_security="tls").sentence
    with mail_server(folder, script, security="tls") as port:
        assert "expect TLS where STARTTLS is chosen" in tried(actor, port).sentence


def test_a_server_without_tls(actor: Actor, script: Script, folder: Path) -> None:
    with mail_server(folder, script, security="none") as port:
        assert "offers no STARTTLS" in tried(actor, port).sentence
        assert "offers no sign-in" in tried(actor, port, smtp_security="none").sentence


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"421 4.3.2 too busy\r\n", "turned us away: 421 4.3.2 too busy. It is tried again."),
        (b"554 5.7.1 go away\r\n", "turned us away: 554 5.7.1 go away. Ask its administrator."),
        (b"SSH-2.0-OpenSSH\r\n", "is no mail server"),
    ],
)
def test_a_greeting_that_is_none(actor: Actor, greeting: bytes, words: str) -> None:
    with one_liner(greeting) as port:
        assert words in tried(actor, port).sentence


def test_a_server_that_says_nothing_is_given_up_soon(actor: Actor) -> None:
    begun = time.monotonic()
    with one_liner(b"", silent=True) as port:
        assert "was silent, while connecting" in tried(actor, port).sentence

    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "fe80::1", "::ffff:169.254.1.1"])
def test_addresses_that_nobody_may_ask_are_not_asked(actor: Actor, host: str) -> None:
    assert "not an address of a mail server" in tried(actor, 25, smtp_host=host).sentence


def test_without_a_host_it_is_refused(actor: Actor) -> None:
    with pytest.raises(Refused) as refusal:
        tried(actor, 25, smtp_host="")

    assert refusal.value.code == "smtp.none"


def test_the_environment_is_used_where_the_page_names_no_host(
    actor: Actor, script: Script, folder: Path, settings: Settings
) -> None:
    with mail_server(folder, script) as port:
        settings.CCXSEC_SMTP_HOST, settings.CCXSEC_SMTP_PORT = "localhost", port
        settings.CCXSEC_SMTP_USER, settings.CCXSEC_SMTP_PASSWORD = USER, PASSWORD
        trial = tried(actor, port, smtp_host="")

    assert trial.was_taken
    assert script.taken[0].mail_from == "ccxsec@ccx1.example.com"
