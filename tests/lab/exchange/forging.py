"""Exports that another cluster's administrator, or whoever has the password, might write."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from bulk.exchange.export import Item, ItemRole, read_export, write_export
from bulk.exchange.identity import ClusterIdentity
from bulk.exchange.names import export_name
from certificates.x509.signing import Signer
from tests.lab.exchange.clusters import Cluster

STRANGER = ec.generate_private_key(ec.SECP256R1())


def signers_of(cluster: Cluster, *services: str) -> list[Signer]:
    """The cluster's own keys, as its store holds them."""
    found = []
    for service in services or ("ipsec", "tomcat"):
        store = cluster.store(service)
        certificate = x509.load_pem_x509_certificate((store / "cert.pem").read_bytes())
        key: Any = load_pem_private_key((store / "key.pem").read_bytes(), None)
        found.append(Signer(service, certificate, key))
    return found


def forged(
    cluster_id: str,
    signers: Sequence[Signer],
    pems: Sequence[bytes],
    *,
    number: int = 1000,
    service: str = "tomcat",
    name: str = "ccx1.oslo.example",
    nodes: tuple[str, ...] = ("ccx1.oslo.example",),
) -> tuple[str, bytes]:
    """An export that is well made, and the name under which it is found."""
    target = BytesIO()
    write_export(
        target,
        cluster=ClusterIdentity(cluster_id, name, nodes),
        service=service,
        number=number,
        made_at=datetime.now(UTC),
        items=[Item(pem, ItemRole.IDENTITY, nodes[:1]) for pem in pems],
        signers=signers,
    )
    return export_name(service, cluster_id, number), target.getvalue()


def count_of(content: bytes) -> int:
    """How many certificates an export holds."""
    return read_export(BytesIO(content)).manifest.count


def self_signed(private: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    """A server's, valid now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, day = datetime.now(UTC), timedelta(days=1)
    serial, public = x509.random_serial_number(), private.public_key()
    builder = x509.CertificateBuilder(subject, subject, public, serial, now - day, now + 90 * day)
    return builder.sign(private, SHA256())


@cache
def many(count: int) -> list[bytes]:
    """Certificates that servers have signed themselves, all with one key, which is quick."""
    return [
        self_signed(STRANGER, f"server{number}.example").public_bytes(Encoding.PEM)
        for number in range(count)
    ]
