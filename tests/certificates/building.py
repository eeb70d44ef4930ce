"""Certificates that the tests of the details build, whole and broken."""

import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certificates.x509 import der
from certificates.x509.details import Details, ExtensionText

KEY = ec.generate_private_key(ec.SECP256R1())
SERIAL = 0x0A1B2C3D4E5F60718293
NOT_BEFORE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=365)
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab CA")])
CA_NO = x509.BasicConstraints(ca=False, path_length=None)
SAN_OID = x509.ObjectIdentifier("2.5.29.17")


def oid(dotted: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(dotted)


def name(**parts: str) -> x509.Name:
    return x509.Name(
        x509.NameAttribute(getattr(NameOID, part), value) for part, value in parts.items()
    )


SUBJECT = name(COUNTRY_NAME="DE", ORGANIZATION_NAME="Example GmbH", COMMON_NAME="ccx1.example.com")


def build(
    *extensions: x509.ExtensionType,
    subject: x509.Name = SUBJECT,
    serial: int = SERIAL,
    critical: bool = False,
    key: Any = KEY,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def raw(dotted: str, value: str) -> x509.UnrecognizedExtension:
    """An extension with a value of our own making, in hexadecimal."""
    return x509.UnrecognizedExtension(oid(dotted), bytes.fromhex(value))


def patched(certificate: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert certificate.count(old) == 1
    return certificate.replace(old, new)


def reassembled(certificate: bytes, position: int, field: bytes) -> bytes:
    """With another field in the TBSCertificate; position 0 is the version."""
    signed, *rest = der.only_element(certificate).children()
    fields = [part.raw for part in signed.children()]
    fields[position] = field
    content = der.encode(der.SEQUENCE, b"".join(fields)) + b"".join(part.raw for part in rest)
    return der.encode(der.SEQUENCE, content)


def openssl(certificate: bytes, *options: str) -> str:
    command = ["openssl", "x509", "-inform", "der", "-noout", *options]
    done = subprocess.run(command, input=certificate, check=True, capture_output=True)
    return done.stdout.decode()


def only(details: Details) -> ExtensionText:
    (extension,) = details.extensions
    return extension


def sign_with_pss() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(ISSUER, SUBJECT, key.public_key(), 1, NOT_BEFORE, NOT_AFTER)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    certificate = builder.sign(key, hashes.SHA384(), rsa_padding=pss)
    return certificate.public_bytes(Encoding.DER)
