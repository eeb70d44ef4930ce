"""Self-signed certificates of a node (CM-8, CM-9)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates.x509.keys import PrivateKeyTypes

# Clients whose clock is a little behind must not see a certificate from the future.
BACKDATED = timedelta(minutes=5)
LARGEST_FOR_SHA256 = 3072  # bits of an RSA modulus
LARGEST_CURVE_FOR_SHA256, LARGEST_FOR_SHA384 = 256, 384  # bits of a curve

IPSEC_END_SYSTEM = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5")

EXTENDED_KEY_USAGE = x509.ExtendedKeyUsage(
    [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        IPSEC_END_SYSTEM,
    ]
)


def self_signed(
    key: PrivateKeyTypes,
    *,
    subject: x509.Name,
    names: Sequence[x509.DNSName | x509.IPAddress],
    days: int,
    now: datetime,
) -> bytes:
    """A server certificate in DER, signed with its own key.

    It is no CA (basic constraints, RFC 5280, 4.2.1.9), so a stolen key can't sign other
    certificates; clients trust it by trusting exactly this certificate. Key usages are those of
    the original (CM-17).

    It names its own key as its issuer's (RFC 5280, 4.2.1.1 leaves that open): a trust store that
    holds the former certificate of this name, too, has OpenSSL take that one for the issuer
    otherwise, and refuse this one.

    Args:
        days: of validity; they begin `BACKDATED` before `now`.
    """
    public_key = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(is_rsa=isinstance(key, rsa.RSAPrivateKey)), critical=True)
        .add_extension(EXTENDED_KEY_USAGE, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key), critical=False
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, signature_hash(key)).public_bytes(Encoding.DER)


def key_usage(*, is_rsa: bool) -> x509.KeyUsage:
    """Encipherment only where the algorithm can encipher (RFC 8813, 3)."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=is_rsa,
        data_encipherment=is_rsa,
        key_agreement=True,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def signature_hash(key: PrivateKeyTypes) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """As strong as the key (NIST SP 800-57 Part 1, table 3)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return hashes.SHA384() if key.key_size > LARGEST_FOR_SHA256 else hashes.SHA256()
    if key.key_size > LARGEST_FOR_SHA384:
        return hashes.SHA512()
    return hashes.SHA384() if key.key_size > LARGEST_CURVE_FOR_SHA256 else hashes.SHA256()
