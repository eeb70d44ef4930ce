"""What becomes of each certificate of an import (BK-4)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pytest_django import Settings

from bulk.models import Cluster, Origin, PlanItem, Verdict
from bulk.operations.judge import Brought, judge
from certificates.access import Actor
from certificates.models import Certificate, Node, Purpose
from certificates.operations.upload import add_trusted
from certificates.x509.facts import read_facts
from tests.conftest import NOW

EC = ec.generate_private_key(ec.SECP256R1())
CA = ec.generate_private_key(ec.SECP256R1())
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
DAY = timedelta(days=1)
SERVER, CLIENT, CODE = (
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.CODE_SIGNING,
)


def made(
    name: str = "ccx1.example.org",
    *,
    key: Any = EC,
    issuer: str = "",
    by: Any = None,
    ca: bool = False,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + 90 * DAY,
    usage: Any = None,
) -> bytes:
    """A certificate in PEM; without `by` it is self-signed."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer or name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(by or key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@pytest.fixture
def graz(node: Node) -> Cluster:
    return Cluster.objects.create(
        cluster_id=UUID("0b6f1c2e-8d3a-4f5b-9c7d-1e2f3a4b5c6d"), name="Graz", confirmed_at=NOW
    )


@pytest.fixture
def judged(graz: Cluster) -> Callable[..., list[PlanItem]]:
    """Verdicts on files that the cluster Graz has exported."""

    def look(*files: bytes, purpose: Purpose = Purpose.TOMCAT_TRUST) -> list[PlanItem]:
        named = [(f"item {number}", data) for number, data in enumerate(files, 1)]
        return judge(Brought(graz, "Graz", purpose, NOW, named), now=NOW)

    return look


Judged = Callable[..., list[PlanItem]]


@pytest.mark.spec("BK-4")
@pytest.mark.parametrize(
    ("about", "verdict", "reason"),
    [
        ({}, Verdict.NEW, ""),
        ({"usage": SERVER}, Verdict.NEW, ""),
        ({"ca": True, "usage": CLIENT}, Verdict.NEW, ""),
        ({"usage": CLIENT}, Verdict.REFUSED, "neither a CA's nor a server's"),
        ({"usage": CODE}, Verdict.REFUSED, "neither a CA's nor a server's"),
        ({"ends": NOW - DAY / 2}, Verdict.EXPIRED, "valid until 2026-11-24 00:00"),
        ({"begins": NOW + DAY}, Verdict.NEW, "not valid before 2026-11-25"),
        ({"key": WEAK}, Verdict.NEW, "1024"),
        ({"issuer": "Nobody", "by": CA}, Verdict.REFUSED, "A CA has signed it that is not here"),
    ],
    ids=[
        "self-signed", "server", "authority", "client", "code", "expired", "later", "weak",
        "orphan",
    ],
)  # fmt: skip
def test_a_certificate_gets_the_verdict_that_it_deserves(
    judged: Judged, about: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    [item] = judged(made(**about))
    assert (item.verdict, item.name) == (verdict, "ccx1.example.org")
    assert reason in item.reason
    assert bool(item.der) is verdict.is_added


@pytest.mark.spec("BK-4")
def test_where_legacy_cryptography_is_forbidden_a_weak_key_is_refused(
    judged: Judged, settings: Settings
) -> None:
    settings.CCXSEC_ALLOW_LEGACY = False
    [item] = judged(made(key=WEAK))
    assert item.verdict == Verdict.REFUSED
    assert "CCXSEC_ALLOW_LEGACY" in item.reason


@pytest.mark.spec("BK-4")
def test_a_server_certificate_comes_with_its_ca(judged: Judged) -> None:
    root = made("Lab Root", key=CA, ca=True)
    leaf, above = judged(made(issuer="Lab Root", by=CA), root)
    assert (leaf.verdict, leaf.reason) == (Verdict.COVERED, "Signed by Lab Root.")
    assert above.verdict == Verdict.NEW


@pytest.mark.spec("BK-4")
def test_what_every_node_has_is_there_and_what_one_lacks_is_new(
    judged: Judged, node: Node, actor: Actor
) -> None:
    pem = made()
    facts = [read_facts(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))]
    add_trusted(node, Purpose.TOMCAT_TRUST, facts, actor)
    assert judged(pem)[0].verdict == Verdict.PRESENT
    assert judged(pem, purpose=Purpose.IPSEC_TRUST)[0].verdict == Verdict.NEW
    Node.objects.create(host_name="ccx2.example.com")
    [item] = judged(pem)
    assert (item.verdict, item.reason) == (Verdict.NEW, "Missing on ccx2.example.com.")


@pytest.mark.spec("BK-4")
def test_a_later_certificate_of_the_same_name_is_a_renewal(
    judged: Judged, node: Node, graz: Cluster, actor: Actor
) -> None:
    facts = [read_facts(x509.load_pem_x509_certificate(made()).public_bytes(Encoding.DER))]
    [former] = add_trusted(node, Purpose.TOMCAT_TRUST, facts, actor)
    Origin.objects.create(certificate=former, cluster=graz, exported_at=NOW, imported_at=NOW)
    renewed, gone = judged(made(begins=NOW - DAY / 2))
    assert renewed.verdict == Verdict.RENEWED
    assert (gone.verdict, gone.fingerprint) == (Verdict.GONE, former.fingerprint)
    [earlier, _] = judged(made(begins=NOW - 5 * DAY))
    assert earlier.verdict == Verdict.NEW


@pytest.mark.spec("BK-4")
def test_only_what_came_from_this_cluster_alone_can_be_gone(
    judged: Judged, node: Node, graz: Cluster, actor: Actor
) -> None:
    def kept(name: str, *clusters: Cluster) -> Certificate:
        pem = made(name)
        facts = [read_facts(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))]
        [row] = add_trusted(node, Purpose.TOMCAT_TRUST, facts, actor)
        for cluster in clusters:
            Origin.objects.create(
                certificate=row, cluster=cluster, exported_at=NOW, imported_at=NOW
            )
        return row

    linz = Cluster.objects.create(
        cluster_id=UUID("1b6f1c2e-8d3a-4f5b-9c7d-1e2f3a4b5c6d"), name="Linz", confirmed_at=NOW
    )
    kept("uploaded by hand")
    kept("of both", graz, linz)
    kept("of another", linz)
    alone = kept("of Graz alone", graz)
    gone = [item for item in judged(made("new")) if item.verdict == Verdict.GONE]
    assert [item.fingerprint for item in gone] == [alone.fingerprint]


@pytest.mark.spec("BK-4")
@pytest.mark.parametrize(
    "data",
    [
        EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"no certificate at all",
        b"",
        made()[:200],
        made() + EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    ],
    ids=["key", "text", "nothing", "cut", "certificate-and-key"],
)
def test_what_is_no_certificate_is_refused_alone(judged: Judged, data: bytes) -> None:
    bad, good = judged(data, made())
    assert (bad.verdict, bad.name, bytes(bad.der)) == (Verdict.REFUSED, "item 1", b"")
    assert bad.reason
    assert good.verdict == Verdict.NEW


@pytest.mark.spec("BK-4")
def test_a_server_is_not_trusted_through_a_ca_that_is_refused(
    judged: Judged, settings: Settings
) -> None:
    settings.CCXSEC_ALLOW_LEGACY = False
    root = made("Lab Root", key=WEAK, ca=True)
    leaf, above = judged(made(issuer="Lab Root", by=WEAK), root)
    assert above.verdict == Verdict.REFUSED
    assert leaf.verdict == Verdict.REFUSED
    assert "A CA has signed it that is not here" in leaf.reason
