"""Archives that the tests of the exchange make: clusters, their keys, items, exports in bytes."""

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bulk.exchange.export import Item, ItemRole, write_export
from bulk.exchange.identity import ClusterIdentity
from certificates.x509.signing import Signer, SigningKey

ID = "0b6f1c2e-8d3a-4f5b-9c7d-1e2f3a4b5c6d"
OTHER_ID = "7d1f9f0a-52f1-4f51-8c3e-3f1b7a6a2c11"
CENTURY = timedelta(days=36_525)  # for tests by the real clock
MADE_AT = datetime(2026, 11, 26, 9, 30, 15, tzinfo=UTC)
CLUSTER = ClusterIdentity(ID, "Vienna", ("ccx1.example.com", "ccx2.example.com"))
OTHER = ClusterIdentity(OTHER_ID, "Łódź", ("ccx1.example.org",))


@cache
def key(kind: str) -> Any:
    """One of each kind for all tests, such as "rsa-2048", "ec-p256" or "ed25519"."""
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p192": ec.SECP192R1()}
    name, _, size = kind.partition("-")
    if name == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    if name == "ec":
        return ec.generate_private_key(curves[size])
    return {"ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}[name].generate()


def certificate(private: SigningKey, name: str = "ccx1.example.com") -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    digest = None if isinstance(private, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(MADE_AT)
        .not_valid_after(MADE_AT + CENTURY)
        .sign(private, hashes.SHA256() if digest else None)
    )


@cache
def signer(service: str = "tomcat", kind: str = "ec-p256") -> Signer:
    return Signer(service, certificate(key(kind)), key(kind))


@cache
def items(count: int = 3) -> tuple[Item, ...]:
    """Certificates of one key, so that thousands of them take no time."""
    template = certificate(key("ec-p256")).public_bytes(Encoding.PEM)
    return tuple(
        Item(
            template + f"{number}\n".encode(),
            ItemRole.ISSUER if number == 2 else ItemRole.IDENTITY,
            CLUSTER.nodes[: 1 + number % 2],
        )
        for number in range(1, count + 1)
    )


def export(**changes: Any) -> bytes:
    """An export that is as it should be, but for `changes`."""
    target = io.BytesIO()
    write_export(target, **(arguments() | changes))
    return target.getvalue()


def arguments() -> dict[str, Any]:
    return {
        "cluster": CLUSTER,
        "service": "tomcat",
        "number": 7,
        "made_at": MADE_AT,
        "items": items(),
        "signers": [signer()],
        "product": "ccxsec 0.1.0",
    }
