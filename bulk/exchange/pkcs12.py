"""Certificates of a PKCS#12 file (RFC 7292)."""

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from certificates.refusal import Refused


def certificates_of_pkcs12(data: bytes, passphrase: str) -> list[bytes]:
    """Its certificates in DER. Raises `Refused` pkcs12.passphrase."""
    try:
        found = load_pkcs12(data, passphrase.encode())
    except ValueError as error:
        wrong = "The file can't be opened with this pass phrase."
        raise Refused("pkcs12.passphrase", wrong, "Ask who made it for its pass phrase.") from error
    certificates = [one for one in (found.cert, *found.additional_certs) if one]
    return [one.certificate.public_bytes(Encoding.DER) for one in certificates]
