"""Certification authorities that the tests of paths make: small, fast, and as odd as wanted."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certificates.x509.chain import PathVerdict, find_path

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def common_name(text: str, kind: Any = None) -> x509.Name:
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, text, _type=kind)
    return x509.Name([attribute])


def host_names(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


@dataclass(frozen=True)
class Authority:
    """A name and a key that sign; `certificate` is what it was given itself, in DER."""

    name: x509.Name
    key: Any = field(default_factory=new_key)
    certificate: bytes = b""

    def issue(
        self,
        subject: x509.Name,
        *extensions: x509.ExtensionType,
        key: Any = None,
        ca: bool | None = None,
        path_length: int | None = None,
        critical: Iterable[type] = (x509.BasicConstraints, x509.NameConstraints),
        first: datetime = NOW - 100 * DAY,
        last: datetime = NOW + 100 * DAY,
        digest: Any = None,
        issuer: x509.Name | None = None,
        serial: int | None = None,
    ) -> "Authority":
        """Whoever is given the certificate; `ca` None: without basic constraints."""
        key = key or new_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self.name)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(first)
            .not_valid_after(last)
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=type(extension) in critical)
        signed = builder.sign(self.key, digest or hashes.SHA256())
        return Authority(subject, key, signed.public_bytes(Encoding.DER))

    def issue_ca(self, text: str, *extensions: x509.ExtensionType, **options: Any) -> "Authority":
        return self.issue(common_name(text), *extensions, **{"ca": True} | options)

    def issue_leaf(self, text: str, *extensions: x509.ExtensionType, **options: Any) -> bytes:
        return self.issue(common_name(text), *extensions, **options).certificate


def root(text: str, *extensions: x509.ExtensionType, **options: Any) -> Authority:
    """A self-signed one, a CA unless `ca` says otherwise."""
    key = options.pop("key", None) or new_key()
    authority = Authority(common_name(text), key)
    return authority.issue_ca(text, *extensions, key=key, **options)


def judge(
    leaf: bytes,
    anchors: list[bytes],
    intermediates: list[bytes] | None = None,
    **options: Any,
) -> PathVerdict:
    asked: dict[str, Any] = {"at": NOW, "usage": "server"} | options
    return find_path(leaf, anchors=anchors, intermediates=intermediates or [], **asked)


def codes(verdict: PathVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def sentence(verdict: PathVerdict) -> str:
    return str(verdict.findings[0])


def constraints(permitted: list[str], excluded: list[str]) -> x509.NameConstraints:
    return x509.NameConstraints(
        [x509.DNSName(name) for name in permitted] or None,
        [x509.DNSName(name) for name in excluded] or None,
    )


def der_of(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def openssl(folder: Path, *command: str) -> None:
    subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
