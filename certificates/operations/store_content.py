"""What a node's store should hold for a service: read under the lock, put into files after it."""

import base64
import ssl
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate
from django.db import transaction

from certificates.access import Actor
from certificates.models import Certificate, Deployment, Purpose, Secret, Service
from certificates.operations.paths import chain_of_path, path_in_store
from certificates.refusal import Refused
from certificates.store import CERTIFICATE, FULL_CHAIN, KEY
from certificates.x509.bundles import key_store, trust_store
from certificates.x509.facts import public_key, public_key_fingerprint
from certificates.x509.keys import PrivateKeyTypes

NEAR = 1_000_000  # generations by which a store may be ahead of a database from a backup


@dataclass(frozen=True, slots=True)
class Intended:
    """One generation of a store. Certificates in DER; `trust` with the names of their files."""

    generation: int
    certificate: Certificate
    key: PrivateKeyTypes = field(repr=False)
    chain: list[bytes] = field(repr=False)
    trust: list[tuple[str, bytes]] = field(repr=False)
    password: bytes = field(repr=False)

    def files(self) -> dict[str, bytes]:
        """By name; an empty trust store has no file for Java, which can't read one."""
        own = bytes(self.certificate.der)
        leaf, chain = _pem(own), b"".join(map(_pem, self.chain))
        files = {
            CERTIFICATE: leaf,
            "chain.pem": chain,
            FULL_CHAIN: leaf + chain,
            KEY: self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "trust.pem": b"".join(_pem(der) for _, der in self.trust),
            "keystore.p12": key_store(
                self.certificate.purpose, self.key, [own, *self.chain], self.password
            ),
            "keystore.password": self.password,
            "truststore.p12": trust_store(self.trust, self.password),
        }
        return {name: data for name, data in files.items() if data or name.endswith(".pem")}


@transaction.atomic
def read_intended(
    deployment: Deployment, *, held: int, is_spoiled: bool, actor: Actor, now: datetime
) -> Intended:
    """What is intended now; reading the private key is an event.

    Args:
        held: the generation that the store holds.
        is_spoiled: that one can't stay: a version in force is never written to, so a new one
            takes its place.

    Raises:
        Refused: certificate.missing, key.mismatch.
    """
    node, service = deployment.node, Service(deployment.service)
    row = Deployment.objects.lock(node, service)
    own = node.certificates.active().for_purpose(Purpose(service.value))
    certificate = own.select_related("node", "private_key").first()
    if certificate is None:
        wrong = f"{node} has no {service} certificate."
        raise Refused("certificate.missing", wrong, "Generate one.")
    held = held if held < row.generation + NEAR else 0  # nobody gets so far ahead
    if held > row.generation or (held == row.generation and is_spoiled):
        # Also after the database was put back from a backup: intent wins, as a newer version.
        row.generation = held + 1
        row.save(update_fields=["generation"])
    key = certificate.unseal_key(actor=str(actor), reason="deploy")
    if public_key_fingerprint(key.public_key()) != certificate_key_fingerprint(certificate):
        wrong = f"The sealed key of the {certificate} is not its own."
        raise Refused("key.mismatch", wrong, "Look at the audit log, and generate a new one.")
    path = path_in_store(node, certificate.serves, bytes(certificate.der), now=now).path
    trusted = node.certificates.active().for_purpose(Purpose(f"{service.value}-trust"))
    rows = trusted.order_by("pk").values_list("file_name", "der").iterator(chunk_size=1000)
    return Intended(
        row.generation,
        certificate,
        key,
        chain_of_path(path),
        [(name.removesuffix(".pem"), bytes(der)) for name, der in rows],
        store_password(row),
    )


def store_password(deployment: Deployment) -> bytes:
    """Of the files for Java: made once, so that a server's configuration can name it for good.

    It stands in `keystore.password` with the same rights as the key, as Java must know it.
    """
    random = Secret.objects.obtain(f"key-store-{deployment.pk}").unseal()
    return base64.urlsafe_b64encode(random[:24])


def certificate_key_fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the public key in the certificate itself."""
    loaded = load_der_x509_certificate(bytes(certificate.der))
    return public_key_fingerprint(public_key(loaded))


def _pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()
