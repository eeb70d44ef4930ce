"""What comes into force is what was shown, needed and asked for: nothing beside it."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, Node, Purpose, RestartNotice
from certificates.operations.examination import Examination
from certificates.operations.generate import generate
from certificates.operations.key_choice import LEGACY
from certificates.operations.roll_back import examine_roll_back, roll_back
from certificates.operations.upload import examine
from certificates.refusal import Refused
from certificates.x509.policy import KeyChoice
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active, outcomes
from tests.effort import takes_at_most


def cross_certificate(ca: Authority, evil: Authority) -> bytes:
    """Another issuer's certificate for the name and key of the subordinate."""
    sub = x509.load_pem_x509_certificate(ca.sub)
    issuer = x509.load_pem_x509_certificate(evil.root)
    key = load_pem_private_key((evil.folder / "root.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    builder = x509.CertificateBuilder(
        issuer.subject,
        sub.subject,
        sub.public_key(),
        x509.random_serial_number(),
        timezone.now() - timedelta(days=1),
        timezone.now() + timedelta(days=90),
    )
    for extension in sub.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def judged(node: Node, data: bytes, purpose: Purpose = Purpose.TOMCAT) -> Examination:
    return examine(node, purpose, data, now=timezone.now())


@pytest.mark.spec("CM-23")
def test_only_what_the_path_needs_comes_into_the_store(
    node: Node, ask: Ask, put: Put, ca: Authority, other_ca: Authority
) -> None:
    cross = cross_certificate(ca, other_ca)
    chain = [ca.sign(ask().pem), ca.sub, ca.root, cross, other_ca.root]

    done = put(ca.pkcs7(*chain))

    names = {row.issuer_common_name for row in Certificate.objects.trust()}
    assert names in ({"Lab Root"}, {"Other Root"})
    assert Certificate.objects.trust().count() == 2
    assert outcomes(done.examination)["path.unrelated"] == "warn"


def test_the_same_path_is_found_every_time(
    node: Node, ask: Ask, put: Put, ca: Authority, other_ca: Authority
) -> None:
    put(ca.sub, "tomcat-trust")
    put(ca.root, "tomcat-trust")
    answer = ca.sign(ask().pem)
    chain = ca.pkcs7(answer, cross_certificate(ca, other_ca), other_ca.root)

    examined = judged(node, chain)

    known = (x509.load_pem_x509_certificate(pem) for pem in (ca.sub, ca.root))
    roots = [one.fingerprint(hashes.SHA256()).hex() for one in known]
    assert examined.path[1:] == tuple(roots)  # what is trusted already comes first
    assert not examined.added


def test_a_long_chain_is_judged_in_a_moment(node: Node, ask: Ask, ca: Authority) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now, issuer, pems = timezone.now(), x509.Name([]), []
    for number in range(150):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Link {number}")])
        made = (
            x509.CertificateBuilder(
                issuer if number else subject, subject, key.public_key(),
                number + 1, now - timedelta(days=1), now + timedelta(days=9),
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        pems.append(made.public_bytes(Encoding.PEM))
        issuer = subject
    data = ca.pkcs7(ca.sign(ask().pem), *pems)

    assert takes_at_most(2.0, lambda: judged(node, data))


def test_the_checks_name_an_issuer_that_the_server_can_not_send(
    node: Node, ask: Ask, put: Put, ca: Authority
) -> None:
    put(ca.sub, "tomcat-trust")

    told = next(c for c in judged(node, ca.sign(ask().pem)).checks if c.code == "path")

    assert "Its issuer, Lab Root, is not here" in told.sentence


def test_of_two_answers_in_one_file_the_pending_one_is_taken(
    node: Node, ask: Ask, ca: Authority
) -> None:
    old = ask()
    answer = ca.sign(old.pem)
    new = ask(replacing=[old.pk], confirmed=["confirm.pending"])

    examined = judged(node, ca.pkcs7(answer, ca.sign(new.pem), ca.sub))

    assert examined.accepted
    assert examined.request == new


def test_a_certificate_from_the_future_is_a_warning_and_no_failure(
    node: Node, ask: Ask, ca: Authority
) -> None:
    data = ca.pkcs7(ca.sign(ask().pem), ca.sub)

    early = examine(node, Purpose.TOMCAT, data, now=timezone.now() - timedelta(hours=1))

    assert early.accepted
    assert outcomes(early)["validity"] == "warn"


def test_a_legacy_certificate_does_not_come_back_unseen(
    node: Node, actor: Actor, settings: Settings
) -> None:
    for key in (KeyChoice.RSA_1024, KeyChoice.RSA_2048):
        now = timezone.now()
        generate(
            node, Purpose.TOMCAT, key=key, replacing=active(node).fingerprint,
            confirmed=[LEGACY], actor=actor, now=now,
        )  # fmt: skip
    shown = examine_roll_back(node, "tomcat", now=timezone.now())
    settings.CCXSEC_ALLOW_LEGACY = False

    assert [check.code for check in shown.warnings] == ["key.weak"]
    forbidden = examine_roll_back(node, "tomcat", now=timezone.now())
    assert forbidden.failed
    with pytest.raises(Refused, match="forbidden here"):
        roll_back(
            node, "tomcat", shown=forbidden.shown, confirmed=["confirm.warnings"],
            actor=actor, now=timezone.now(),
        )  # fmt: skip


def test_an_older_certificate_comes_back_by_its_fingerprint(
    node: Node, actor: Actor, tomcat: Certificate
) -> None:
    for _ in range(2):
        generate(
            node, Purpose.TOMCAT, key=KeyChoice.EC_P256, replacing=active(node).fingerprint,
            actor=actor, now=timezone.now(),
        )  # fmt: skip
    now, to = timezone.now(), tomcat.fingerprint.upper()
    shown = examine_roll_back(node, "tomcat", to=to, now=now).shown

    roll_back(node, "tomcat", to=to, shown=shown, actor=actor, now=now)

    assert active(node) == tomcat
    with pytest.raises(Refused) as refusal:
        examine_roll_back(node, "tomcat", to="00", now=now)
    assert refusal.value.code == "rollback.unknown"


@pytest.mark.spec("CM-7")
def test_a_change_that_no_handshake_shows_waits_for_a_restart(
    node: Node, actor: Actor, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    for _ in range(2):
        generate(
            node, Purpose.TOMCAT, key=KeyChoice.EC_P256, replacing=active(node).fingerprint,
            actor=actor, now=timezone.now(),
        )  # fmt: skip

    assert RestartNotice.objects.open().get(service="tomcat").fingerprint == ""


def test_a_key_that_was_pasted_is_never_shown_again(
    administrator: Client, node: Node, ca: Authority
) -> None:
    key = (ca.folder / "root.key").read_text()
    form = {"node": node.pk, "purpose": "directory-trust", "text": key}

    answer = administrator.post("/admin/certificates/certificate/upload/", form)

    assert answer.status_code == 422
    assert "PRIVATE KEY" not in answer.content.decode()
    assert key.splitlines()[5] not in answer.content.decode()


def test_a_node_that_came_since_is_not_taken_into_a_multi_server_request(
    administrator: Client, node: Node
) -> None:
    Node.objects.create(host_name="ccx2.example.com")
    dialog = "/admin/certificates/signingrequest/generate/"
    form = administrator.get(f"{dialog}?distribution=multi-server").context["form"]
    Node.objects.create(host_name="ccx3.example.com")

    answer = administrator.post(dialog, form.initial | {"key": "rsa-2048", "signed_with": "SHA256"})

    assert answer.status_code == 422
    assert "another node or purpose" in answer.content.decode()


def test_numbers_of_any_size_are_no_error_of_the_product(administrator: Client, node: Node) -> None:
    dialog = "/admin/certificates/signingrequest/generate/"
    form = administrator.get(dialog).context["form"].initial
    form |= {"key": "rsa-2048", "signed_with": "SHA256", "replacing": "9" * 5000}

    assert administrator.post(dialog, form).status_code == 422


@pytest.mark.spec("CM-14")
def test_a_file_that_can_not_be_read_stops_no_other(
    node: Node, ca: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.pem").symlink_to("/proc/self/mem")
    (folder / "b.pem").write_bytes(ca.root)

    with pytest.raises(CommandError, match="1 of 2"):
        call_command("cert", "import", "tomcat-trust", str(folder))

    told = capsys.readouterr().out
    assert "refused   a.pem  file.unreadable" in told
    assert Certificate.objects.trust().count() == 1
    with pytest.raises(CommandError, match="2 of 2"):  # it is there already: a warning
        call_command("cert", "import", "tomcat-trust", str(folder), "--strict")
