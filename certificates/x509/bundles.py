"""Files for servers that read no PEM: PKCS#12 key stores and trust stores for Java (RFC 7292)."""

from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509 import load_der_x509_certificate

from certificates.x509.keys import PrivateKeyTypes

# Java checks a password by this many rounds at each start; the file's rights protect it, as they do
# the plain key beside it.
_ROUNDS = 10_000


def key_store(
    alias: str, key: PrivateKeyTypes, certificates: Sequence[bytes], password: bytes
) -> bytes:
    """A PKCS#12 with one entry: the key, its certificate, and the issuers that are sent along.

    Args:
        certificates: in DER, the identity first.
    """
    own, *issuers = [load_der_x509_certificate(der) for der in certificates]
    return pkcs12.serialize_key_and_certificates(
        alias.encode(), key, own, issuers, _encryption(password)
    )


def trust_store(entries: Iterable[tuple[str, bytes]], password: bytes) -> bytes:
    """A PKCS#12 in which Java finds trusted certificates.

    Args:
        entries: a name that is not used twice, and a certificate in DER; none is fine.
    """
    trusted = [
        pkcs12.PKCS12Certificate(load_der_x509_certificate(der), alias.lower().encode())
        for alias, der in entries
    ]
    if not trusted:
        return b""
    return pkcs12.serialize_java_truststore(trusted, _encryption(password))


def _encryption(password: bytes) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    algorithm = pkcs12.PBES.PBESv2SHA256AndAES256CBC
    return builder.key_cert_algorithm(algorithm).hmac_hash(hashes.SHA256()).build(password)
