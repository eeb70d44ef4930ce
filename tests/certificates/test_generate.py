"""Generate Self-signed, as an operation (CM-8, CM-9, CM-7, CM-10)."""

import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import (
    BackupReminder,
    Certificate,
    Deployment,
    Event,
    Job,
    Node,
    PrivateKey,
    Purpose,
    RestartNotice,
)
from certificates.models.certificate import State
from certificates.operations import generate, install
from certificates.operations.generate import CA_SIGNED
from certificates.operations.key_choice import LEGACY
from certificates.operations.store_content import certificate_key_fingerprint
from certificates.refusal import Refused
from certificates.x509.facts import public_key_fingerprint
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from tests.conftest import NOW
from tests.parts import needs


def regenerate(node: Node, actor: Actor, **changed: object) -> Certificate:
    current = node.certificates.active().for_purpose(Purpose.TOMCAT).get()
    arguments: dict[str, object] = {"key": KeyChoice.EC_P256, "replacing": current.fingerprint}
    return generate(node, Purpose.TOMCAT, **arguments | changed, actor=actor, now=NOW).certificate


@pytest.mark.spec("CM-9")
def test_installation_makes_both_own_certificates_for_the_local_node(
    db: None, actor: Actor
) -> None:
    made = install(
        host_name="ccx1.example.com", addresses=["192.0.2.10"], actor=actor, now=timezone.now()
    )

    node = Node.objects.local()
    rows = {row.purpose: row for row in node.certificates.active()}
    assert set(rows) == {"tomcat", "ipsec"}
    assert all(row.type == "self-signed" and row.key_label == "RSA 3072" for row in rows.values())
    assert rows["tomcat"].subject_alternative_names == "ccx1.example.com, 192.0.2.10"
    assert rows["tomcat"].not_after - rows["tomcat"].not_before > timedelta(days=1825)
    assert len(made) == 5  # node, two certificates, the schedules of monitor and policies
    assert install(host_name="other", addresses=[], actor=actor, now=timezone.now()) == []
    assert not RestartNotice.objects.exists()


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize("choice", list(KeyChoice))
def test_makes_every_key_that_it_offers(node: Node, actor: Actor, choice: KeyChoice) -> None:
    made = regenerate(node, actor, key=choice, confirmed=[LEGACY])

    assert (made.key_type, made.key_bits) == ("RSA" if choice.is_rsa else "EC", choice.bits)
    assert made.is_legacy == (choice is KeyChoice.RSA_1024)
    key = made.unseal_key(actor="test", reason="test")
    assert public_key_fingerprint(key.public_key()) == certificate_key_fingerprint(made)


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize("length", ["rsa-512", "rsa-1536", "rsa-8192", "dsa-2048", ""])
def test_refuses_any_other_key_and_changes_nothing(node: Node, actor: Actor, length: str) -> None:
    before = _state()

    with pytest.raises(Refused) as refusal:
        regenerate(node, actor, key=length)

    assert refusal.value.code == "key.size"
    assert _state() == before


def _state() -> tuple[int, ...]:
    kinds = (Certificate, PrivateKey, Event, Job, RestartNotice, BackupReminder)
    return tuple(kind.objects.count() for kind in kinds)


@pytest.mark.spec("CM-8")
def test_a_legacy_key_is_confirmed_or_forbidden(
    node: Node, actor: Actor, settings: Settings
) -> None:
    with pytest.raises(Refused, match="1024") as unconfirmed:
        regenerate(node, actor, key="rsa-1024")
    settings.CCXSEC_ALLOW_LEGACY = False
    with pytest.raises(Refused) as forbidden:
        regenerate(node, actor, key="rsa-1024", confirmed=[LEGACY])

    assert (unconfirmed.value.code, forbidden.value.code) == (LEGACY, "key.legacy")


@pytest.mark.spec("CM-8")
def test_a_ca_signed_certificate_is_not_overwritten_unasked(
    node: Node, actor: Actor, tomcat: Certificate
) -> None:
    Certificate.objects.filter(pk=tomcat.pk).update(type="ca-signed", issuer_common_name="Lab CA")

    with pytest.raises(Refused, match="Lab CA") as refusal:
        regenerate(node, actor)
    regenerate(node, actor, confirmed=[CA_SIGNED])

    assert refusal.value.code == CA_SIGNED


@pytest.mark.spec("CM-8")
def test_a_stale_dialog_changes_nothing(node: Node, actor: Actor, tomcat: Certificate) -> None:
    regenerate(node, actor)
    before = _state()

    with pytest.raises(Refused) as refusal:
        regenerate(node, actor, replacing=tomcat.fingerprint)

    assert refusal.value.code == "state.changed"
    assert _state() == before


@pytest.mark.spec("CM-7", "CM-8")
def test_the_former_certificate_is_kept_with_its_key(
    node: Node, actor: Actor, tomcat: Certificate
) -> None:
    made = regenerate(node, actor)

    tomcat.refresh_from_db()
    assert tomcat.state == State.SUPERSEDED
    assert PrivateKey.objects.filter(certificates__in=[tomcat, made]).count() == 2
    assert Deployment.objects.get(node=node, service="tomcat").generation == 2


@pytest.mark.spec("CM-7")
def test_every_node_of_the_cluster_must_be_restarted_publisher_first(
    node: Node, actor: Actor
) -> None:
    Node.objects.create(host_name="a-subscriber.example.com", role="subscriber")

    made = regenerate(node, actor)

    due = list(RestartNotice.objects.open().in_restart_order())
    assert [n.node.host_name for n in due] == ["ccx1.example.com", "a-subscriber.example.com"]
    assert [n.expected for n in due] == [made.fingerprint, ""]
    newer = regenerate(node, actor)
    renewed = RestartNotice.objects.open().get(node=node)
    assert renewed.expected == newer.fingerprint
    assert RestartNotice.objects.count() == 2


@pytest.mark.spec("CM-10")
def test_regenerating_asks_for_a_backup_once(node: Node, actor: Actor) -> None:
    regenerate(node, actor)
    regenerate(node, actor)

    assert BackupReminder.objects.open().count() == 1


@pytest.mark.spec("CM-14")
def test_a_certificate_for_another_node_is_kept_for_it_alone(node: Node, actor: Actor) -> None:
    other = Node.objects.create(host_name="ccx2.example.com", role="subscriber")

    done = generate(
        other, Purpose.TOMCAT, key=KeyChoice.EC_P256, replacing="", actor=actor, now=NOW
    )

    assert done.job is None
    assert done.certificate.common_name == "ccx2.example.com"
    assert not Deployment.objects.get(node=other).is_in_force
    assert node.certificates.active().count() == 2


@pytest.mark.spec("CM-8")
def test_subject_and_names_are_checked_and_enter_the_certificate(node: Node, actor: Actor) -> None:
    subject = Subject(common_name="Bücher.example", organization="Büro & Söhne", country="DE")
    names = ["ccx.example.com", "*.example.com", "bücher.example", "2001:db8::1", "192.0.2.9"]

    made = regenerate(node, actor, subject=subject, names=names)

    assert made.subject == "CN=xn--bcher-kva.example,O=Büro & Söhne,C=DE"
    found = x509.load_der_x509_certificate(bytes(made.der)).extensions
    san = found.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in san] == [
        "ccx.example.com",
        "*.example.com",
        "xn--bcher-kva.example",
        "2001:db8::1",
        "192.0.2.9",
    ]


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"names": ["two words"]}, "san.syntax"),
        ({"names": ["-a.example"]}, "san.syntax"),
        ({"names": ["300.1.2.3"]}, "san.syntax"),
        ({"names": ["*"]}, "san.syntax"),
        ({"names": ["*.com"]}, "san.syntax"),
        ({"names": ["a.*.com"]}, "san.syntax"),
        ({"names": ["a\u202eb.com"]}, "san.syntax"),
        ({"names": ["a" * 64 + ".com"]}, "san.syntax"),
        ({"names": [f"h{i}.example.com" for i in range(501)]}, "san.count"),
        ({"subject": Subject("")}, "name.empty"),
        ({"subject": Subject(f"{'x' * 60}.example")}, "name.long"),
        ({"subject": Subject("two words")}, "san.syntax"),
        ({"subject": Subject("-a..b")}, "san.syntax"),
        ({"subject": Subject("a\nb")}, "san.syntax"),
        ({"subject": Subject("a", organization="a\nb")}, "name.control"),
        ({"subject": Subject("a", country="Germany")}, "name.long"),
        ({"subject": Subject("a", country="d1")}, "name.country"),
        ({"days": 0}, "validity"),
        ({"days": 36501}, "validity"),
    ],
)
def test_names_the_input_that_it_refuses(
    node: Node, actor: Actor, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        regenerate(node, actor, **changed)

    assert refusal.value.code == code
    assert refusal.value.sentence
    assert refusal.value.cure


def test_nothing_is_generated_into_a_trust_store(node: Node, actor: Actor) -> None:
    with pytest.raises(Refused, match="tomcat-trust") as refusal:
        generate(node, Purpose.TOMCAT_TRUST, replacing="", actor=actor, now=NOW)

    assert refusal.value.code == "purpose.wrong"


@pytest.mark.spec("MN-2")
def test_the_operation_itself_asks_for_the_permission(node: Node, person: object) -> None:
    auditor = person("Auditor")  # type: ignore[operator]

    with pytest.raises(PermissionDenied):
        regenerate(node, Actor("auditor", auditor))


def test_the_database_itself_holds_one_active_certificate(node: Node, tomcat: Certificate) -> None:
    tomcat.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        tomcat.save(force_insert=True)


def test_no_audit_no_action(node: Node, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _state()

    def fail(*_: object, **__: object) -> None:
        raise OSError("the audit log can't be written")

    monkeypatch.setattr("certificates.models.event.EventQuerySet.record", fail)
    with pytest.raises(OSError, match="audit"):
        regenerate(node, actor)

    assert _state() == before


@pytest.mark.spec("CM-8", "BK-4")
def test_a_renewed_certificate_is_accepted_beside_its_former_one(
    node: Node, actor: Actor, tmp_path: Path
) -> None:
    """Clients trust both while a cluster is renewed; OpenSSL must tell one from the other."""
    made = [regenerate(node, actor) for _ in range(2)]
    files = [tmp_path / f"{number}.pem" for number in range(2)]
    for file, certificate in zip(files, made, strict=True):
        file.write_text(ssl.DER_cert_to_PEM_cert(bytes(certificate.der)))
    trust = tmp_path / "trust.pem"
    trust.write_text("".join(file.read_text() for file in files))
    verify = [needs("openssl", "openssl"), "verify", "-no-CApath", "-no-CAstore", "-CAfile", trust]
    verify += ["-attime", str(int(NOW.timestamp()))]

    for file in files:
        done = subprocess.run([*verify, file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
