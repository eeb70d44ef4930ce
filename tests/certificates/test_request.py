"""Generate CSR: what it holds, what it supersedes, and how it ends (CM-16 to CM-18)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import (
    BackupReminder,
    Event,
    Node,
    PrivateKey,
    Purpose,
    RequestState,
    SigningRequest,
)
from certificates.operations.key_choice import LEGACY
from certificates.operations.request import (
    EVERYTHING,
    PENDING,
    cancel_request,
    reopen_request,
    request_certificate,
    suggestions_for,
)
from certificates.refusal import Refused
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active


def text_of(request: SigningRequest, ca: Authority) -> str:
    """What openssl reads."""
    return ca.run("req", "-noout", "-text", "-verify", given=request.pem.encode()).decode()


@pytest.mark.spec("CM-16", "CM-17")
@pytest.mark.parametrize("purpose", Purpose.own())
def test_openssl_reads_exactly_the_extensions_of_the_original(
    purpose: Purpose, ask: Ask, ca: Authority
) -> None:
    text = text_of(ask(purpose), ca)

    lines = [line.strip() for line in text.splitlines()]
    after = lines[lines.index("Requested Extensions:") + 1 :]
    assert after[:6] == [
        "X509v3 Key Usage: critical",
        "Digital Signature, Key Encipherment, Data Encipherment, Key Agreement",
        "X509v3 Extended Key Usage:",
        "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System",
        "X509v3 Subject Alternative Name:",
        "DNS:ccx1.example.com, IP Address:192.0.2.10",
    ]
    assert after[6].startswith("Signature Algorithm: sha256WithRSAEncryption")


@pytest.mark.spec("CM-16")
@pytest.mark.parametrize("bits", [1024, 2048, 3072, 4096])
def test_makes_every_key_length_of_the_manual(bits: int, ask: Ask, ca: Authority) -> None:
    request = ask(key=f"rsa-{bits}", confirmed=[LEGACY])

    assert f"Public-Key: ({bits} bit)" in text_of(request, ca)
    assert request.key_label == f"RSA {bits}"
    assert request.private_key is not None
    assert request.private_key.public_key_fingerprint == request.public_key_fingerprint


@pytest.mark.spec("CM-16")
@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({"key": "rsa-512"}, "key.size"),
        ({"key": "rsa-2047"}, "key.size"),
        ({"key": "ec-p256"}, "key.size"),
        ({"key": "rsa-1024"}, "confirm.legacy"),
        ({"signed_with": "SHA1"}, "request.hash"),
        ({"signed_with": "MD5"}, "request.hash"),
        ({"subject": Subject("")}, "name.empty"),
        ({"subject": Subject("two words")}, "san.syntax"),
        ({"names": ["exa mple"]}, "san.syntax"),
        ({"names": [f"h{n}.example.com" for n in range(501)]}, "san.count"),
        ({"replacing": [7]}, "state.changed"),
    ],
)
def test_refuses_and_changes_nothing(choices: dict[str, object], code: str, ask: Ask) -> None:
    keys, events = PrivateKey.objects.count(), Event.objects.count()

    with pytest.raises(Refused) as refusal:
        ask(**choices)

    assert refusal.value.code == code
    assert (PrivateKey.objects.count(), Event.objects.count()) == (keys, events)
    assert not SigningRequest.objects.exists()


@pytest.mark.spec("CM-15", "CM-16")
@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ("directory", "purpose.directory"),
        ("directory-trust", "purpose.directory"),
        ("tomcat-trust", "purpose.wrong"),
        ("phone-trust", "purpose.unknown"),
    ],
)
def test_the_operation_itself_refuses_other_purposes(purpose: str, code: str, ask: Ask) -> None:
    with pytest.raises(Refused) as refusal:
        ask(purpose)  # type: ignore[arg-type]

    assert refusal.value.code == code
    assert "Choose tomcat." in str(refusal.value) or "one of: tomcat, ipsec." in str(refusal.value)


def test_legacy_keys_can_be_forbidden(ask: Ask, settings: Settings) -> None:
    settings.CCXSEC_ALLOW_LEGACY = False

    with pytest.raises(Refused) as refusal:
        ask(key=KeyChoice.RSA_1024, confirmed=EVERYTHING)

    assert refusal.value.code == "key.legacy"


def test_asks_for_the_permission(node: Node, ask: Ask, nobody: Actor) -> None:
    with pytest.raises(PermissionDenied):
        ask(actor=nobody)
    made = ask()
    for change in (cancel_request, reopen_request):
        with pytest.raises(PermissionDenied):
            change(made, actor=nobody, now=timezone.now())


@pytest.mark.spec("CM-16")
@pytest.mark.parametrize("name", ["SHA256", "SHA384", "SHA512"])
def test_signs_with_the_chosen_hash(name: str, ask: Ask, ca: Authority) -> None:
    text = text_of(ask(signed_with=name), ca)

    assert f"Signature Algorithm: {name.lower()}WithRSAEncryption" in text


def test_organization_and_names_are_in_it(ask: Ask, ca: Authority) -> None:
    subject = Subject("ccx1.example.com", organization="Größe & Co", locality="Köln", country="DE")
    text = text_of(ask(subject=subject, names=["a.example.com", "2001:db8::1", "*.lab.test"]), ca)

    assert "C = DE" in text
    assert "CN = ccx1.example.com" in text
    assert "DNS:a.example.com, IP Address:2001:DB8:0:0:0:0:0:1, DNS:*.lab.test" in text


def test_a_second_request_must_be_confirmed_and_names_the_first(
    request_: SigningRequest, ask: Ask
) -> None:
    with pytest.raises(Refused, match="awaits its certificate") as refusal:
        ask(replacing=[request_.pk])

    assert refusal.value.code == PENDING
    assert "ccx1.example.com" in refusal.value.sentence
    assert str(timezone.now().year) in refusal.value.sentence
    request_.refresh_from_db()
    assert request_.is_pending


def test_the_first_is_superseded_and_keeps_its_key(request_: SigningRequest, ask: Ask) -> None:
    made = ask(replacing=[request_.pk], confirmed=[PENDING])

    request_.refresh_from_db()
    assert request_.state == RequestState.SUPERSEDED
    assert request_.closed_at is not None
    assert request_.private_key is not None
    assert SigningRequest.objects.pending().get() == made
    event = Event.objects.get(action="signing-request:generate", object_id=str(made.pk))
    assert event.detail["superseded"] == request_.public_key_fingerprint


def test_a_stale_dialog_changes_nothing(request_: SigningRequest, ask: Ask) -> None:
    ask(replacing=[request_.pk], confirmed=[PENDING])

    with pytest.raises(Refused) as refusal:
        ask(replacing=[request_.pk], confirmed=[PENDING])

    assert refusal.value.code == "state.changed"


def test_a_new_request_asks_for_a_backup_and_changes_nothing_in_force(node: Node, ask: Ask) -> None:
    before = active(node)
    ask()

    assert active(node) == before
    assert "signing request" in BackupReminder.objects.open().get().reason


def test_the_database_itself_keeps_one_pending_with_its_key(request_: SigningRequest) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningRequest.objects.filter(pk=request_.pk).update(private_key=None)
    request_.pk = None
    request_.private_key = None
    with pytest.raises(IntegrityError), transaction.atomic():
        request_.save(force_insert=True)


def test_a_cancelled_request_can_be_taken_up_again(
    request_: SigningRequest, ask: Ask, actor: Actor, ca: Authority, put: Put, node: Node
) -> None:
    now = timezone.now()
    cancel_request(request_, actor=actor, now=now)
    with pytest.raises(Refused, match="cancelled"):
        cancel_request(request_, actor=actor, now=now)
    newer = ask()
    for shown, code in (([], "state.changed"), ([newer.pk], PENDING)):
        with pytest.raises(Refused) as refusal:
            reopen_request(request_, replacing=shown, actor=actor, now=now)
        assert refusal.value.code == code

    reopen_request(request_, replacing=[newer.pk], confirmed=[PENDING], actor=actor, now=now)

    newer.refresh_from_db()
    assert newer.state == RequestState.SUPERSEDED
    assert SigningRequest.objects.pending().get() == request_
    put(ca.sub, "tomcat-trust")
    put(ca.sign(request_.pem))
    assert active(node).type == "ca-signed"
    with pytest.raises(Refused) as refusal:
        reopen_request(request_, actor=actor, now=now + timedelta(minutes=1))
    assert refusal.value.code == "request.answered"


@pytest.mark.spec("CM-16")
def test_multi_server_is_one_identity_with_the_names_of_all_nodes(
    node: Node, ask: Ask, ca: Authority
) -> None:
    second = Node.objects.create(host_name="ccx2.example.com", addresses=["192.0.2.20"])
    _, names = suggestions_for([node, second])

    request = ask(others=[second])

    assert request.common_name == "ccx1-ms.example.com"
    assert set(request.nodes.all()) == {node, second}
    text = text_of(request, ca)
    for name in names:
        assert name in text
    with pytest.raises(Refused) as refusal:  # it is pending for the second node, too
        ask(at=second)
    assert refusal.value.code == "state.changed"
    ask(at=second, replacing=[request.pk], confirmed=[PENDING])
    request.refresh_from_db()
    assert request.state == RequestState.SUPERSEDED


def test_an_audit_event_names_the_key_and_never_holds_it(request_: SigningRequest) -> None:
    event = Event.objects.get(action="signing-request:generate")

    assert event.detail["key_fingerprint"] == request_.public_key_fingerprint
    assert "PRIVATE" not in str(event.detail)


def test_each_node_has_its_own_pending_request(node: Node, actor: Actor) -> None:
    for number in range(3):
        other = Node.objects.create(host_name=f"n{number}.example.com")
        request_certificate(
            other, Purpose.TOMCAT, key=KeyChoice.RSA_2048, actor=actor, now=timezone.now()
        )

    assert SigningRequest.objects.pending().count() == 3
